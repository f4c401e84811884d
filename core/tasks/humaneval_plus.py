"""HumanEval+ (Liu et al. 2023, arXiv 2305.01210) and files in its layout, evalplus/humanevalplus.

A record holds `task_id, prompt, canonical_solution, entry_point, test`; `evalplus` says what the
test code looks like and what becomes of it: a test for each input, one test where it has another
form.
"""

from __future__ import annotations

from core.tasks import evalplus, humaneval
from core.tasks.jsonl import Record
from core.tasks.spec import TaskSpec
from core.tasks.task import Task


def build(record: Record, spec: TaskSpec) -> Task:
    """The task of one record; raises CoreError naming the field that is wrong."""
    code = evalplus.read_tests(record)
    return humaneval.assemble(record, spec, code.helpers, code.helpers, code.tests)
