"""MBPP+ (Liu et al. 2023, arXiv 2305.01210) and files in its layout, evalplus/mbppplus.

A record holds `task_id, code, prompt, source_file, test_imports, test_list, test`: what the
sanitized MBPP holds, by which the program is asked for, and the longer test code, by which it is
judged. `evalplus` says what becomes of that: a test for each input, one test where it has another
form. The ids, and with them the splits, are those of MBPP.
"""

from __future__ import annotations

from dataclasses import replace

from core.tasks import evalplus, mbpp
from core.tasks.jsonl import Record
from core.tasks.source import unparse
from core.tasks.spec import TaskSpec
from core.tasks.task import Task


def build(record: Record, spec: TaskSpec) -> Task | None:
    """The task of one record; raises CoreError naming the field that is wrong.

    None for one of another split than asked for.
    """
    task = mbpp.build(record, spec)
    if task is None:
        return None
    code = evalplus.read_tests(record)
    helpers = task.test_helpers + unparse(code.helpers)
    return replace(task, tests=code.tests, test_helpers=helpers)
