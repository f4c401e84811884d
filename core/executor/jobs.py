"""One program on its way through its tests."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from core.executor.judge import judge_output, judge_split
from core.executor.limits import Limits
from core.executor.rules import Rules
from core.executor.sandbox.codec import Codec, Unsupported
from core.executor.zygote_process import Report, Role
from core.tasks import AssertTest, CallTest, Outcome, StdioTest, Task, Test, TestVerdict, Verdict

# Programs are hostile to these patterns as well: none may look at a line's white space twice.
#: Programs that ask for big stacks get so much more address space for them.
_ASKS_FOR_STACK = re.compile(r"\bstack_size\b|\bRLIMIT_STACK\b")
_STACK_MB = 1024
_TESTER_MEMORY_MB = 512
#: A line at module level that is more than a plain function, an import or a comment.
_OUTSIDE_FUNCTIONS = re.compile(r"^(?!def \w|import |from |#|[ \t\r]|$)", re.MULTILINE)
#: What outlives a call: names and attributes set elsewhere, and values of defaults.
_LASTING = re.compile(
    r"\b(global|nonlocal|setattr|vars|globals|__dict__|exec|eval)\b"
    r"|\.\w+\s*([-+*/%&|^@]|//|\*\*|<<|>>)?=(?!=)"  # an attribute is set
    r"|^[ \t]*def [^\n]*(=|[^:\s][ \t]*$)",  # a default value, or arguments over several lines
    re.MULTILINE,
)
#: How often a program is tried whose processes are ended by something else.
TRIES = 2


@dataclass(slots=True, eq=False)
class Run:
    """A program, its verdicts so far (one a test, None while unknown), how often it was tried."""

    key: Hashable
    task: Task
    program: str
    limits: Limits
    rules: Rules
    attempts: int = 0
    handed_over: bool = False
    started: float = field(default_factory=time.monotonic)
    pending: deque[tuple[int, ...]] = field(default_factory=deque)
    verdicts: list[TestVerdict | None] = field(default_factory=list)
    role: Role = field(init=False)  # which zygote runs it

    def __post_init__(self) -> None:
        # A mention is enough: it costs little, and there are many ways to import.
        mentions_numpy = "numpy" in self.program or "numpy" in self.task.prelude
        self.role = Role.NUMPY if mentions_numpy else Role.PROGRAM
        self.restart()

    def restart(self) -> None:
        """Forgets what was found, for another try.

        Each stdin/stdout test is a job of its own; assert and call tests start as one job, as the
        published judges run them, and those that do not pass get a candidate of their own.
        """
        tests = self.task.tests
        self.verdicts = [None] * len(tests)
        split = tuple(i for i, test in enumerate(tests) if not isinstance(test, StdioTest))
        alone = [(i,) for i, test in enumerate(tests) if isinstance(test, StdioTest)]
        self.pending = deque([*alone, *([split] if split else [])])

    @property
    def finished(self) -> bool:
        """Whether every test has its verdict."""
        return None not in self.verdicts

    def settle(self, indexes: tuple[int, ...], verdicts: list[TestVerdict | None]) -> None:
        """Notes the verdicts of a job; tests without one are run again, failed ones alone.

        A syntax error is one for every test.
        """
        first = verdicts[0]
        if first is not None and first.outcome == Outcome.SYNTAX_ERROR:
            self.verdicts = [first] * len(self.task.tests)
            self.pending.clear()
            return
        for index, verdict in zip(indexes, verdicts, strict=True):
            if self.verdicts[index] is None and verdict is None:
                self.pending.append((index,))
            elif self.verdicts[index] is None:
                self.verdicts[index] = verdict
        if self.rules.skip_after_timeout:
            self._skip_after_timeout()

    def _skip_after_timeout(self) -> None:
        """Gives up on the tests after the first that timed out, on their verdicts as well.

        Tests run side by side: which of them were faster must not show in what is stored.
        """
        outcomes = [verdict and verdict.outcome for verdict in self.verdicts]
        if Outcome.TIMEOUT not in outcomes:
            return
        first = outcomes.index(Outcome.TIMEOUT)
        skipped = TestVerdict(Outcome.SKIPPED, f"test {first + 1} timed out")
        self.verdicts[first + 1 :] = [skipped] * (len(self.verdicts) - first - 1)
        self.pending = deque(indexes for indexes in self.pending if indexes[0] < first)

    def interrupt(self, indexes: tuple[int, ...]) -> None:
        """Has the tests run again, after something else than the program ended them."""
        self.attempts += 1
        if self.attempts < TRIES:
            self.pending.appendleft(indexes)
        else:
            self.give_up("the process that ran it was killed twice")

    def give_up(self, reason: str) -> None:
        """Every test without a verdict gets a harness error."""
        failure = TestVerdict(Outcome.HARNESS_ERROR, reason)
        self.verdicts = [verdict or failure for verdict in self.verdicts]
        self.pending.clear()

    def verdict(self) -> Verdict:
        """The whole program's verdict."""
        tests = tuple(verdict for verdict in self.verdicts if verdict is not None)
        came_to_run = tests and tests[0].outcome != Outcome.SYNTAX_ERROR
        stdin = any(isinstance(test, StdioTest) for test in self.task.tests)
        path = "other" if not came_to_run else "stdin" if stdin else "split"
        return Verdict(tests, path, time.monotonic() - self.started)


def may_keep_state(program: str) -> bool:
    """Whether a call seems able to leave anything behind for the next one; a look at the text only.

    Not so for a program of plain functions and imports: nothing else at module level, no `global`,
    no default value that could be changed, no attribute that is set.

    Not seen: what a program changes inside an imported module. There a test that fails after
    another one stays failed, as it does where all assertions share one process.
    """
    return bool(_OUTSIDE_FUNCTIONS.search(program) or _LASTING.search(program))


@dataclass(slots=True, eq=False)
class Job:
    """Tests of a run for one candidate: what the children are told, and their reports."""

    run: Run
    indexes: tuple[int, ...]
    reports: dict[str, Report] = field(default_factory=dict)

    @property
    def test(self) -> Test:
        """The first of the tests."""
        return self.run.task.tests[self.indexes[0]]

    @property
    def splits(self) -> bool:
        """Whether a tester is needed beside the candidate."""
        return not isinstance(self.test, StdioTest)

    def for_candidate(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The limits of the candidate's child, and its files."""
        run = self.run
        source = {"prelude": run.task.prelude, "program": run.program}
        files = {"source": json.dumps(source).encode()}
        if isinstance(self.test, StdioTest):
            files["stdin"] = self.test.stdin.encode("utf-8", "surrogatepass")
        stack_mb = _STACK_MB if _ASKS_FOR_STACK.search(run.program) else 0
        mode = "calls" if self.splits else "stdio"
        return self._limits(mode, run.limits.memory_mb + stack_mb), files

    def for_tester(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The same for the tester's; Unsupported where a literal has no form for crossing."""
        task = self.run.task
        source = {
            "entry": task.entry_point or "",
            "helpers": task.test_helpers,
            "required": task.required_names,
            "tests": [_portable(task.tests[index]) for index in self.indexes],
        }
        return self._limits("tests", _TESTER_MEMORY_MB), {"source": json.dumps(source).encode()}

    def _limits(self, mode: str, memory_mb: int) -> dict[str, Any]:
        limits = self.run.limits
        return {
            "mode": mode,
            "memory_mb": memory_mb,
            "cpu_s": limits.time_limit_s,
            "wall_s": limits.wall_limit_s,
            "output": limits.output_kb << 10,
        }

    def take(self, role: Role, report: Report) -> None:
        """Notes one child's report, and settles the test when all have come."""
        self.reports["tester" if role == Role.TESTER else "candidate"] = report
        if len(self.reports) == 1 + self.splits and not self.run.handed_over:
            if any(report.killed_from_outside for report in self.reports.values()):
                self.run.interrupt(self.indexes)
            else:
                self.run.settle(self.indexes, self._judge())

    def _judge(self) -> list[TestVerdict | None]:
        candidate, limits = self.reports["candidate"], self.run.limits
        if isinstance(self.test, StdioTest):
            return [judge_output(self.test, candidate, limits, self.run.rules.tokenwise)]
        tester, tests = self.reports["tester"], len(self.indexes)
        return judge_split(candidate, tester, limits, tests, may_keep_state(self.run.program))


class _NoBorder:
    """Literals hold nothing that would have to stay behind."""

    def export(self, value: Any) -> Any:
        raise Unsupported(f"{type(value).__name__} is no literal")

    def own(self, handle: int) -> Any:
        raise LookupError(handle)

    def foreign(self, parts: list[Any]) -> Any:
        raise LookupError(parts)


def _portable(test: Test) -> dict[str, Any]:
    if isinstance(test, AssertTest):
        return {"source": test.source}
    assert isinstance(test, CallTest)
    return {
        "arguments": Codec(_NoBorder()).encode(test.arguments),
        "accepted": Codec(_NoBorder()).encode(test.accepted),
    }
