"""What testing a program says: one outcome a test, one pass rate a program."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How one test ended; of a program, how its first test that did not pass ended."""

    PASSED = "passed"
    WRONG_ANSWER = "wrong answer"
    ERROR = "error"
    SYNTAX_ERROR = "syntax error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT_LIMIT = "output limit"
    DENIED = "denied"
    SKIPPED = "skipped"
    UNSUPPORTED = "unsupported"
    HARNESS_ERROR = "harness error"


#: Outcomes that say nothing about the program: its pass rate stays unknown.
INCONCLUSIVE = frozenset({Outcome.UNSUPPORTED, Outcome.HARNESS_ERROR})


@dataclass(frozen=True, slots=True)
class TestVerdict:
    """The outcome of one test.

    `message` is one line ("ValueError: invalid literal"), `line` the line of the program (1-based)
    that raised, `actual` what the program printed or returned (its repr), cut to a bounded length,
    `rule` what made it pass ("exact", "float 1e-6"), `seconds` its wall time.
    """

    outcome: Outcome
    message: str = ""
    line: int | None = None
    actual: str = ""
    rule: str = ""
    seconds: float = 0.0

    __test__ = False  # not a pytest class


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcomes of all tests of one program, in the order of the task's tests.

    `path` says by which way it was judged: "stdin", "split" (the split tester) or "other" (it never
    came to run, for instance a syntax error).
    """

    tests: tuple[TestVerdict, ...]
    path: str
    seconds: float

    @property
    def outcome(self) -> Outcome:
        """The outcome of the first test that did not pass, inconclusive ones first.

        Never "skipped": tests are skipped only after one that timed out.
        """
        outcomes = [test.outcome for test in self.tests]
        for outcome in outcomes:
            if outcome in INCONCLUSIVE:
                return outcome
        return next((outcome for outcome in outcomes if outcome != Outcome.PASSED), Outcome.PASSED)

    @property
    def passed(self) -> bool:
        """Whether every test passed, and there was one."""
        return bool(self.tests) and self.outcome == Outcome.PASSED

    @property
    def partial(self) -> bool:
        """Whether tests were skipped; they count as not passed."""
        return any(test.outcome == Outcome.SKIPPED for test in self.tests)

    @property
    def pass_rate(self) -> float | None:
        """Fraction of tests passed, in [0, 1] (eq. 4); None where a test was inconclusive."""
        if not self.tests or any(test.outcome in INCONCLUSIVE for test in self.tests):
            return None
        return sum(test.outcome == Outcome.PASSED for test in self.tests) / len(self.tests)
