"""What there is to say on a row of the form: its sentence, what it takes, and what is wrong."""

from __future__ import annotations

from textual.content import Content

from btp_tui.form.begin import Begin
from btp_tui.form.draft import Draft
from btp_tui.form.fields import sections
from btp_tui.form.rows import BaseRow, FieldRow, Row, SectionRow
from btp_tui.panels.panel import line
from core.config import setting


def described(row: Row | None, draft: Draft, begin: Begin) -> tuple[str, list[Content]]:
    """A title, and what there is to say on a row."""
    match row:
        case BaseRow():
            keys = "space and ← → take another: presets, then the runs of this workspace."
            return begin.name, [line(begin.sentence), line((keys, "$dimmed"))]
        case SectionRow(name=name, unused=unused):
            said = [line(sections()[name])]
            return name, [*said, line((f"Not used: {unused}.", "$dimmed"))] if unused else said
        case FieldRow(field=field, problem=problem):
            before = field.shown(setting(draft.base, field.key)) or "empty"
            takes = f"Takes {field.wants}; {before} to begin with."
            rows = [line(field.meaning), line((takes, "$dimmed"))]
            if problem:
                rows.insert(0, line(("✗ ", "bold $failed"), (problem, "$failed")))
            return field.key, rows
        case _:
            return "", []
