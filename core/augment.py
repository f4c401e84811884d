"""More tests for tasks that have few: inputs by mutation, answers from the reference solution.

A task's published solutions are first run against its own tests; those that pass are believed, and
the first of them answers the new inputs. A new test stays when every believed solution, the first
one again, passes it, in another process than the one that answered. What is dropped, and why, is
counted: the reference raised, ran out of time, printed nothing or more than can be read back, gave
another answer the next time, or a solution disagreed.

Not found are inputs that the task rules out and its solutions answer all the same, and right
answers that the believed solutions do not give, where a task has several.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from core.answers import Answers, answers_of
from core.executor import Executor
from core.tasks import Outcome, Task, Test, Verdict

Solved = tuple[Task, tuple[str, ...]]

#: Solutions of a task that are asked at most.
MOST_SOLUTIONS = 4
#: Inputs tried for each test that is wanted, as many of them are dropped.
_TRIES = 4
#: Tasks whose inputs are answered at once.
_BATCH = 32

GONE_ELSEWHERE = "another answer the next time"
DISAGREED = "solutions disagree"


@dataclass(slots=True)
class Augmented:
    """What became of a task: `before` and `added` tests, the inputs `dropped` by reason.

    `problem` says why nothing was tried, in a few words.
    """

    task: Task
    before: int
    added: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    problem: str = ""

    def line(self) -> str:
        """What became of it, on one line."""
        said = f"{self.before} tests" if self.before != 1 else "1 test"
        if self.problem:
            return f"{self.task.task_id}: {said} as before, {self.problem}"
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.dropped.most_common())
        dropped = f"; dropped: {reasons}" if reasons else ""
        return f"{self.task.task_id}: {self.added} added to {said}{dropped}"


def augment_tasks(
    solved: Sequence[Solved],
    executors: tuple[Executor, Executor],
    wanted: int,
    seed: int,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Iterator[Augmented]:
    """Yields every task in order, those with fewer than `wanted` tests with more of them.

    The first executor answers and the second one checks: no process of the one is of the other, so
    that answers that hang on the order of a set differ. `on_progress` hears how many are done.
    """
    rest = iter(solved)
    done = 0
    while batch := list(islice(rest, _BATCH)):
        drafts = [_Draft(task, solutions, wanted, seed) for task, solutions in batch]
        _believe(drafts, executors[0])
        _answer(drafts, executors[0])
        _check(drafts, executors[1])
        for draft in drafts:
            yield draft.result
        done += len(batch)
        on_progress(done)


class _Draft:
    """A task while it gets its tests."""

    def __init__(self, task: Task, solutions: tuple[str, ...], wanted: int, seed: int) -> None:
        self.task = task
        self.solutions = solutions
        self.wanted = wanted - len(task.tests)
        self.result = Augmented(task, before=len(task.tests))
        self.rng = random.Random(f"{seed} {task.task_id}")
        self.answers: Answers | None = None
        self.believed: list[str] = []
        self.tests: list[Test] = []  # new ones
        if self.wanted <= 0:
            self.give_up("as many as wanted")
        elif not solutions:
            self.give_up("no reference to ask")
        else:
            self.answers = answers_of(task)
            if self.answers is None:
                self.give_up("no test whose input can be read")

    def give_up(self, problem: str) -> None:
        """Leaves the task as it is."""
        self.result.problem = problem
        self.answers = None

    def drop(self, reason: str) -> None:
        """Counts an input that came to nothing."""
        self.result.dropped[reason] += 1

    def finish(self, kept: Sequence[Test]) -> None:
        """Adds the tests that were checked."""
        self.result.task = replace(self.task, tests=(*self.task.tests, *kept))
        self.result.added = len(kept)


def _open(drafts: Iterable[_Draft]) -> Iterator[tuple[_Draft, Answers]]:
    yield from ((draft, draft.answers) for draft in drafts if draft.answers is not None)


def _believe(drafts: Sequence[_Draft], executor: Executor) -> None:
    """Finds the solutions that pass the tests that are there."""
    runs = [(draft, text) for draft, _ in _open(drafts) for text in draft.solutions]
    verdicts = _judged(executor, [(draft.task, text) for draft, text in runs])
    for (draft, text), verdict in zip(runs, verdicts, strict=True):
        if verdict.passed:
            draft.believed.append(text)
    for draft, _ in _open(drafts):
        if not draft.believed:
            draft.give_up("no solution passes its own tests")


def _answer(drafts: Sequence[_Draft], executor: Executor) -> None:
    """Has the first believed solution answer new inputs; makes tests of what it says."""
    asked = []
    for draft, answers in _open(drafts):
        inputs = answers.inputs(draft.rng, _TRIES * draft.wanted)
        if not inputs:
            draft.give_up("no new input found")
            continue
        asked.append((draft, answers, inputs))
    questions = [answers.question(draft.believed[0], inputs) for draft, answers, inputs in asked]
    for (draft, answers, inputs), verdict in zip(asked, _judged(executor, questions), strict=True):
        found: dict[str, list[Test]] = {}
        for given, test in zip(inputs, verdict.tests, strict=True):
            if test.outcome not in (Outcome.WRONG_ANSWER, Outcome.PASSED):
                draft.drop(f"the reference ended with {test.outcome}")
                continue
            answer = answers.test(given, test.actual)
            if isinstance(answer, str):
                draft.drop(answer)
            else:
                found.setdefault(test.actual, []).append(answer)
        draft.tests = _by_turns(found.values())


def _by_turns(groups: Iterable[list[Test]]) -> list[Test]:
    """One test of each answer, then a second one of each, and so on: rare answers come early."""
    groups = list(groups)
    longest = max(map(len, groups), default=0)
    return [group[place] for place in range(longest) for group in groups if place < len(group)]


def _check(drafts: Sequence[_Draft], executor: Executor) -> None:
    """Keeps the first tests that every believed solution passes."""
    ready = [draft for draft, _ in _open(drafts) if draft.tests]
    runs = [
        (draft, replace(draft.task, tests=tuple(draft.tests)), text)
        for draft in ready
        for text in draft.believed
    ]
    verdicts = _judged(executor, [(task, text) for _, task, text in runs])
    outcomes: dict[int, list[Verdict]] = {}
    for (draft, _, _), verdict in zip(runs, verdicts, strict=True):
        outcomes.setdefault(id(draft), []).append(verdict)
    for draft in ready:
        first, *others = outcomes[id(draft)]
        kept: list[Test] = []
        for place, test in enumerate(draft.tests):
            if len(kept) == draft.wanted:
                break
            if first.tests[place].outcome != Outcome.PASSED:
                draft.drop(GONE_ELSEWHERE)
            elif any(other.tests[place].outcome != Outcome.PASSED for other in others):
                draft.drop(DISAGREED)
            else:
                kept.append(test)
        draft.finish(kept)


def _judged(executor: Executor, programs: Sequence[tuple[Task, str]]) -> list[Verdict]:
    verdicts = dict(executor.run(programs))
    return [verdicts[index] for index in range(len(programs))]


def sentence(results: Sequence[Augmented], out: Path) -> str:
    """The figures of all tasks in one sentence."""
    added = sum(result.added for result in results)
    more = sum(result.added > 0 for result in results)
    return f"{added:,} tests added to {more:,} of {len(results):,} tasks, written to {out}."


def as_json_of(result: Augmented) -> dict[str, object]:
    """What became of a task, as values for JSON."""
    return {
        "task_id": result.task.task_id,
        "before": result.before,
        "added": result.added,
        "dropped": dict(result.dropped),
        "problem": result.problem,
    }
