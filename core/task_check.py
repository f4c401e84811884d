"""Looks for tasks that mislead: broken references, flaky or repeated tests, tests too easy to pass.

Runs each task's reference several times, and programs of one constant answer once. Not found are
tests that a wrong program of any other kind passes, and a reference that is wrong in the same way
as its tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from core.executor import Executor
from core.tasks import AssertTest, CallTest, Outcome, StdioTest, Task, Test, Verdict
from core.tasks.constants import constant_programs

#: Problems of one kind that are shown; a dataset without references would else fill the screen.
SHOWN = 20
_LONGEST_DETAIL = 200  # characters


class Kind(StrEnum):
    """What a task can have that misleads."""

    NO_TESTS = "no tests"
    NO_REFERENCE = "no reference"
    FAILING = "a reference that fails"
    FLAKY = "flaky tests"
    DUPLICATED = "duplicated tests"
    CONSTANT = "tests that a constant answer passes"
    ONE_TEST = "one test only, which a constant answer passes"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding; `detail` is a few words on one line, possibly none."""

    task_id: str
    kind: Kind
    detail: str = ""

    def __str__(self) -> str:
        return f"{_one_line(self.task_id)} has {self.kind}" + (
            f": {self.detail}" if self.detail else ""
        )


@dataclass(slots=True)
class Findings:
    """What a check came to; `sound` counts the references that passed all of `repeat` times."""

    repeat: int
    tasks: int = 0
    references: int = 0
    sound: int = 0
    problems: list[Problem] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """The problems by kind, a sentence each, no more than SHOWN of a kind."""
        for kind, count in self._counts().items():
            of_kind = [problem for problem in self.problems if problem.kind == kind]
            yield from map(str, of_kind[:SHOWN])
            if count > SHOWN:
                yield f"... and {count - SHOWN} more with {kind}; --json names them all"

    def sentence(self) -> str:
        """The figures in one sentence."""
        passing = "reference passes" if self.references == 1 else "references pass"
        times = "once" if self.repeat == 1 else f"{self.repeat} times of {self.repeat}"
        sound = f", {self.sound:,} of {self.references:,} {passing} {times}"
        parts = [_tasks(self.tasks) + (sound if self.references else "")]
        parts += [
            f"{_tasks(count)} {'has' if count == 1 else 'have'} {kind}"
            for kind, count in self._counts().items()
        ]
        return "; ".join(parts) + "."

    def as_json(self) -> dict[str, object]:
        """The figures and all problems as values for JSON."""
        figures = {name: getattr(self, name) for name in ("tasks", "references", "sound", "repeat")}
        return {**figures, "problems": [asdict(problem) for problem in self.problems]}

    def _counts(self) -> dict[Kind, int]:
        counts = Counter(problem.kind for problem in self.problems)
        return {kind: counts[kind] for kind in Kind if counts[kind]}


def check_tasks(
    tasks: Sequence[Task],
    executor: Executor,
    repeat: int,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Findings:
    """Runs each reference `repeat` times and looks for constant answers that pass.

    `on_progress` hears how many tasks are done. Problems come in the order of the tasks.
    """
    findings = Findings(repeat, tasks=len(tasks))
    found: list[tuple[int, Problem]] = []
    for done, examination in enumerate(_examined(tasks, executor, repeat), start=1):
        findings.references += examination.task.reference is not None
        findings.sound += examination.sound
        found += [(examination.position, problem) for problem in examination.problems()]
        on_progress(done)
    findings.problems += [problem for _, problem in sorted(found, key=lambda each: each[0])]
    return findings


@dataclass(slots=True)
class _Examination:
    """One task while its programs run: what they came to, and how many are still missing."""

    position: int
    task: Task
    missing: int = 0
    verdicts: list[Verdict] = field(default_factory=list)  # of the reference
    passing: set[str] = field(default_factory=set)  # constant answers

    def add(self, constant: str | None, verdict: Verdict) -> None:
        """Notes the verdict on a constant answer, or on the reference (None)."""
        self.missing -= 1
        if constant is None:
            self.verdicts.append(verdict)
        elif verdict.passed:
            self.passing.add(constant)

    @property
    def sound(self) -> bool:
        """Whether the reference passed every time."""
        return bool(self.verdicts) and all(verdict.passed for verdict in self.verdicts)

    def problems(self) -> Iterator[Problem]:
        """What is wrong with the task, once no verdict is missing."""
        for kind, detail in (
            (Kind.NO_TESTS, None if self.task.tests else ""),
            (Kind.NO_REFERENCE, "" if self.task.reference is None else None),
            *_on_reference(self.verdicts),
            (Kind.DUPLICATED, _repeated(self.task.tests)),
            (Kind.CONSTANT if _distinct(self.task.tests) > 1 else Kind.ONE_TEST, self._constant()),
        ):
            if detail is not None:
                yield Problem(self.task.task_id, kind, _one_line(detail))

    def _constant(self) -> str | None:
        """The first that passes, in their own order, not in that in which they end."""
        passing = (each for each in constant_programs(self.task) if each in self.passing)
        return next((f"always {each}" for each in passing), None)


def _examined(tasks: Sequence[Task], executor: Executor, repeat: int) -> Iterator[_Examination]:
    """Yields the tasks as they finish; only those whose programs are running are held."""
    running: dict[int, _Examination] = {}
    for position, task in enumerate(tasks):
        programs = _programs(task, repeat)
        examination = _Examination(position, task, missing=len(programs))
        if not programs:
            yield examination
            continue
        running[position] = examination
        for constant, program in programs:
            executor.submit((position, constant), task, program)
            yield from _finished(executor, running, wait_s=0.0)
    while running:
        yield from _finished(executor, running, wait_s=0.1)


def _programs(task: Task, repeat: int) -> list[tuple[str | None, str]]:
    """What is run for a task: its reference under None, constant answers under themselves."""
    if not task.tests:
        return []
    references = [] if task.reference is None else [(None, task.reference)] * repeat
    return [*references, *constant_programs(task).items()]


def _finished(
    executor: Executor, running: dict[int, _Examination], wait_s: float
) -> Iterator[_Examination]:
    for key, verdict in executor.completed(wait_s):
        assert isinstance(key, tuple)
        position, constant = key
        running[position].add(constant, verdict)
        if not running[position].missing:
            yield running.pop(position)


def _on_reference(verdicts: Sequence[Verdict]) -> Iterator[tuple[Kind, str]]:
    """The first test that went differently from time to time, or else the first that failed."""
    outcomes = [[test.outcome for test in verdict.tests] for verdict in verdicts]
    for number, of_test in enumerate(zip(*outcomes, strict=True), start=1):
        if len(counts := Counter(of_test)) > 1:
            shown = ", ".join(f"{outcome} {count}" for outcome, count in counts.most_common())
            yield Kind.FLAKY, f"test {number} ended with {shown} of {len(verdicts)} times"
            return
    for number, test in enumerate(verdicts[0].tests if verdicts else (), start=1):
        if test.outcome != Outcome.PASSED:
            said = test.message or (f"got {test.actual}" if test.actual else "")
            yield Kind.FAILING, f"test {number}, {test.outcome}" + (f": {said}" if said else "")
            return


def _repeated(tests: Sequence[Test]) -> str | None:
    """Which test repeats which; None where none does."""
    first: dict[object, int] = {}
    pairs = [
        (number, first[_key(test)])
        for number, test in enumerate(tests, start=1)
        if first.setdefault(_key(test), number) != number
    ]
    return ", ".join(f"test {later} repeats test {earlier}" for later, earlier in pairs) or None


def _distinct(tests: Sequence[Test]) -> int:
    return len({_key(test) for test in tests})


def _key(test: Test) -> object:
    match test:
        case StdioTest():
            return test
        case CallTest():
            return _hashable(test.arguments), _hashable(test.accepted)
        case AssertTest():
            return test.source


def _hashable(value: object) -> object:
    """Equal for values equal in type, too: 1, 1.0 and True are different arguments."""
    match value:
        case list() | tuple():
            return type(value), tuple(map(_hashable, value))
        case dict():
            return dict, tuple((_hashable(key), _hashable(item)) for key, item in value.items())
    return type(value), value


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count:,} tasks"


def _one_line(detail: str) -> str:
    """What a program printed, unable to move the cursor or to fill the screen."""
    line = "".join(letter if letter.isprintable() else " " for letter in detail).strip()
    return line if len(line) <= _LONGEST_DETAIL else f"{line[:_LONGEST_DETAIL]}..."
