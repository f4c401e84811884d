"""The rows of the form: sections that open and close, and their fields that a filter finds."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass

from btp_tui.form.draft import Draft
from btp_tui.form.fields import FormField, fields_of_sections, form_fields
from core.config import Config, setting


@dataclass(frozen=True, slots=True)
class BaseRow:
    """The first row: what the run begins with."""


@dataclass(frozen=True, slots=True)
class SectionRow:
    """A section with how many settings it has and how many of them were changed or are wrong."""

    name: str
    fields: int
    changed: int = 0
    wrong: int = 0
    open: bool = True
    unused: str = ""  # why its settings change nothing now


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One setting as it stands; `before` is the base's value where it was changed."""

    field: FormField
    text: str
    before: str | None = None
    problem: str = ""


Row = BaseRow | SectionRow | FieldRow


def make_rows(
    draft: Draft, closed: Set[str], query: str = "", changed_only: bool = False
) -> list[Row]:
    """All rows in order; a filter opens every section in which it finds something."""
    words = query.lower().split()
    narrowed = bool(words) or changed_only
    rows: list[Row] = [] if narrowed else [BaseRow()]
    unused = unused_sections(draft.base if draft.config is None else draft.config)
    changed_keys = draft.edits.keys()
    for name, of_section in fields_of_sections().items():
        all_rows = [_row(draft, field, field.key in changed_keys) for field in of_section]
        found = [row for row in all_rows if _matches(row, words, changed_only)]
        if narrowed and not found:
            continue
        is_open = narrowed or name not in closed
        changed = sum(row.before is not None for row in all_rows)
        wrong = sum(bool(row.problem) for row in all_rows)
        rows.append(SectionRow(name, len(all_rows), changed, wrong, is_open, unused.get(name, "")))
        rows += found if is_open else []
    return rows


def closed_at_first(config: Config) -> set[str]:
    """Sections that are rarely changed, or change nothing in this configuration."""
    rare = {"executor", "evaluation", "checkpoint", "logging", "endpoint", "teacher"}
    used = {key.rpartition(".")[0] for key in _different(config)}
    return {*(rare - used), *unused_sections(config)}


def unused_sections(config: Config) -> dict[str, str]:
    """Sections whose settings change nothing, each with what would make them count."""
    unused = {}
    if config.sampler.where != "endpoint":
        unused["endpoint"] = "sampler.where is not endpoint"
    for kind in ("model", "endpoint"):
        if config.teacher.kind != kind:
            unused[f"teacher.{kind}"] = f"teacher.kind is not {kind}"
    return unused


def _different(config: Config) -> Iterator[str]:
    defaults = Config()
    for field in form_fields():
        if setting(config, field.key) != setting(defaults, field.key):
            yield field.key


def _row(draft: Draft, field: FormField, changed: bool) -> FieldRow:
    before = field.shown(setting(draft.base, field.key)) if changed else None
    return FieldRow(field, draft.text(field), before, draft.problem(field))


def _matches(row: FieldRow, words: list[str], changed_only: bool) -> bool:
    if changed_only and row.before is None and not row.problem:
        return False
    said = f"{row.field.key} {row.field.meaning} {row.text}".lower()
    return all(word in said for word in words)
