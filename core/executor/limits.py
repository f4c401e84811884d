"""How much a test may use."""

from __future__ import annotations

from dataclasses import dataclass

from core.tasks import StdioTest, Task

_LONGEST_CHARACTER = 4  # bytes, in UTF-8


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one test: CPU and wall-clock seconds, memory in MB, stdout in KB."""

    time_limit_s: float = 2.0
    wall_limit_s: float = 4.0
    memory_mb: int = 256
    output_kb: int = 1024

    def of(self, task: Task) -> Limits:
        """These limits, with those that the task states in their place.

        A task with a longer time limit gets the same slack of wall-clock time over it; one that
        accepts long outputs gets room for them.
        """
        time_limit_s = task.time_limit_s or self.time_limit_s
        slack = max(0.0, self.wall_limit_s - self.time_limit_s)
        wall_limit_s = max(self.wall_limit_s, time_limit_s + slack)
        memory_mb = task.memory_limit_mb or self.memory_mb
        output_kb = max(self.output_kb, 1 + _longest_output(task) * _LONGEST_CHARACTER // 1024)
        return Limits(time_limit_s, wall_limit_s, memory_mb, output_kb)


def _longest_output(task: Task) -> int:
    """Characters of the longest output that one of the task's tests accepts."""
    tests = (test for test in task.tests if isinstance(test, StdioTest))
    return max((len(output) for test in tests for output in test.accepted), default=0)
