"""Tasks, their tests, and the verdicts on programs; light enough for the screen to import."""

from core.tasks.task import AssertTest, CallTest, StdioTest, Task, Test
from core.tasks.verdict import INCONCLUSIVE, Outcome, TestVerdict, Verdict

__all__ = [
    "INCONCLUSIVE",
    "AssertTest",
    "CallTest",
    "Outcome",
    "StdioTest",
    "Task",
    "Test",
    "TestVerdict",
    "Verdict",
]
