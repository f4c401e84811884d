"""MBPP (Austin et al. 2021, arXiv 2108.07732) and files in its layout.

A record holds `task_id, text, code, test_setup_code, test_list`; the sanitized edition calls the
text `prompt` and the set-up `test_imports`. Each string of `test_list` is one test. Tests use
modules that they do not import, for the published judges run them in the program's own namespace;
here they get those imports from the reference solution. A class that they use (Node, Pair) is the
program's to define. The authors' splits are ranges of ids.
"""

from __future__ import annotations

import ast

from core.tasks.jsonl import Record
from core.tasks.source import (
    assert_test,
    called_names,
    defined_names,
    is_builtin,
    needed,
    parse_field,
    unparse,
    used_names,
)
from core.tasks.spec import TaskSpec
from core.tasks.task import Task

#: CPU seconds a test may take. MBPP states no limit, but its own reference to task 123 needs more
#: than two seconds on a busy core.
TIME_LIMIT_S = 5.0

#: The ids of each split.
_IDS = {
    "prompt": range(1, 11),
    "test": range(11, 511),
    "validation": range(511, 601),
    "train": range(601, 975),
}


def build(record: Record, spec: TaskSpec) -> Task | None:
    """The task of one record; raises CoreError naming the field that is wrong.

    None for one of another split than asked for.
    """
    identifier = record.identifier("task_id")
    if not _is_in(spec.splits, record, identifier):
        return None
    text = record.text("text" if "text" in record.values else "prompt").strip()
    tests = tuple(test.strip() for test in record.texts("test_list"))
    setup = _setup(record)
    code = parse_field(record, "code", record.text("code"))
    body = parse_field(record, "test_list", "\n".join(tests))
    entry_point = _entry_point(body, code)
    imports = [item for item in code if isinstance(item, ast.Import | ast.ImportFrom)]
    borrowed = needed(imports, used_names([*setup, *body]))
    return Task(
        task_id=f"{spec.name}/{identifier}",
        dataset=spec.name,
        description=text,
        prompt=_prompt(text, tests),
        tests=tuple(assert_test(record, "test_list", f"{test}\n") for test in tests),
        entry_point=entry_point,
        test_helpers=unparse([*borrowed, *setup]),
        reference=record.text("code").replace("\r\n", "\n"),
        time_limit_s=TIME_LIMIT_S,
    )


def _is_in(splits: tuple[str, ...], record: Record, identifier: str) -> bool:
    if not splits:
        return True
    if not identifier.isdecimal():
        raise record.wrong("task_id", "a whole number, which tells the split")
    return any(int(identifier) in _IDS[split] for split in splits)


def _prompt(text: str, tests: tuple[str, ...]) -> str:
    """The text and its tests as the docstring that opens a program."""
    return '"""\n' + "\n".join((text, *tests)) + '\n"""\n'


def _setup(record: Record) -> list[ast.stmt]:
    lines = record.texts("test_imports") if "test_imports" in record.values else ()
    source = "\n".join((*lines, record.optional_text("test_setup_code") or ""))
    return parse_field(record, "test_setup_code", source)


def _entry_point(tests: list[ast.stmt], code: list[ast.stmt]) -> str | None:
    """The function the tests call: the first that the reference defines, or that Python lacks."""
    called = called_names(tests)
    functions = {
        name for item in code if not isinstance(item, ast.ClassDef) for name in defined_names(item)
    }
    first_choice = (name for name in called if name in functions)
    second_choice = (name for name in called if not is_builtin(name))
    return next(first_choice, next(second_choice, None))
