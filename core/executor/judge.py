"""From how the children ended to the verdict on one test."""

from __future__ import annotations

import json
import math
import signal
from dataclasses import dataclass
from typing import Any

from core.executor.compare import accepting_rule
from core.executor.limits import Limits
from core.executor.zygote_process import Report
from core.tasks import Outcome, StdioTest, TestVerdict

_KINDS = {
    "passed": Outcome.PASSED,
    "wrong": Outcome.WRONG_ANSWER,
    "error": Outcome.ERROR,
    "syntax": Outcome.SYNTAX_ERROR,
    "memory": Outcome.MEMORY,
    "denied": Outcome.DENIED,
    "output": Outcome.OUTPUT_LIMIT,
    "unsupported": Outcome.UNSUPPORTED,
}
#: What a child may say of its own end: nothing that would excuse it.
_AGAINST_ITSELF = frozenset({"error", "syntax", "memory", "denied"})
_SHOWN = 500
_LINES = 1 << 31


@dataclass(frozen=True, slots=True)
class _Told:
    """What a child says of its own end, or a tester of one test."""

    kind: str = ""
    message: str = ""
    actual: str = ""
    rule: str = ""
    line: int | None = None
    seconds: float = 0.0
    unloaded: bool = False

    def verdict(self) -> TestVerdict:
        """The same as a verdict, for a kind that there is."""
        outcome = _KINDS[self.kind]
        return TestVerdict(outcome, self.message, self.line, self.actual, self.rule, self.seconds)


_NOTHING = _Told()


def judge_output(
    test: StdioTest, report: Report, limits: Limits, tokenwise: bool = False
) -> TestVerdict:
    """The verdict on a stdin/stdout test; what the child says itself can only speak against it."""
    stopped = _stopped(report, limits)
    actual = report.output.decode("utf-8", "replace")
    if stopped is None and len(report.output) >= limits.output_kb << 10:
        stopped = TestVerdict(Outcome.OUTPUT_LIMIT, f"more than {limits.output_kb} KB of output")
    if stopped is None and (report.how != "exit" or report.code != 0):
        stopped = _raised(report)
    if stopped is not None:
        return _with(stopped, report.wall_s, actual=actual)
    rule = accepting_rule(actual, test.accepted, tokenwise)
    outcome = Outcome.WRONG_ANSWER if rule is None else Outcome.PASSED
    return TestVerdict(outcome, "", None, _cut(actual), rule or "", report.wall_s)


def judge_split(
    candidate: Report, tester: Report, limits: Limits, tests: int, keeps_state: bool
) -> list[TestVerdict | None]:
    """The verdicts on assert or call tests that one candidate answered one after the other.

    None asks for the test to be run again in a fresh candidate: where the program `keeps_state`,
    only a pass, the first test, and a program that did not load are sure not to come from what an
    earlier test left behind.
    """
    stopped = _stopped(candidate, limits)
    if stopped is None and tester.how == "timeout":
        stopped = _timeout(limits)
    if stopped is not None and stopped.outcome == Outcome.MEMORY:
        first = None if tests > 1 else _with(stopped, candidate.wall_s)
        return [first] + [None] * (tests - 1)
    results = [_told(line) for line in tester.report.splitlines()[:tests]]
    first = _judge_first(results[0] if results else _NOTHING, stopped, candidate)
    others = [_judge_other(result, keeps_state) for result in results[1:]]
    return [first, *others, *[None] * (tests - 1 - len(others))]


def _judge_first(told: _Told, stopped: TestVerdict | None, candidate: Report) -> TestVerdict:
    if told.kind in _KINDS:
        return told.verdict()
    if stopped is None and told.kind == "gone":
        stopped = _raised(candidate)
    ended = TestVerdict(Outcome.ERROR, "the test ended before it came to a result")
    return _with(stopped or ended, candidate.wall_s)


def _judge_other(told: _Told, keeps_state: bool) -> TestVerdict | None:
    sure = told.kind == "passed" or (told.unloaded and told.kind in _KINDS)
    sure = sure or (not keeps_state and told.kind in ("wrong", "error"))
    return told.verdict() if sure else None


def _stopped(report: Report, limits: Limits) -> TestVerdict | None:
    """The verdict on a child that went over a limit; None where it did not."""
    if report.how == "timeout":
        return _timeout(limits)
    if report.resident_kb > limits.memory_mb << 10:
        return TestVerdict(Outcome.MEMORY, f"more than {limits.memory_mb} MB of memory")
    if report.how == "signal" and report.code == signal.SIGSYS:
        return TestVerdict(Outcome.DENIED, "a forbidden system call")
    return None


def _timeout(limits: Limits) -> TestVerdict:
    seconds = f"{limits.time_limit_s:g} s of CPU or {limits.wall_limit_s:g} s of time"
    return TestVerdict(Outcome.TIMEOUT, f"more than {seconds}")


def _raised(report: Report) -> TestVerdict:
    """The verdict on a child that ended by itself, in its own words where it left any."""
    told = _told(report.report)
    if told.kind in _AGAINST_ITSELF:
        return TestVerdict(_KINDS[told.kind], told.message, told.line)
    if report.how == "signal":
        names = {number.value: number.name for number in signal.Signals}
        return TestVerdict(Outcome.ERROR, f"ended by {names.get(report.code, report.code)}")
    return TestVerdict(Outcome.ERROR, f"ended with exit code {report.code}")


def _told(text: str) -> _Told:
    """What a child wrote: whatever it is, each field comes out in its type and its bounds."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return _NOTHING
    if not isinstance(fields, dict):
        return _NOTHING
    line, seconds = fields.get("line"), fields.get("seconds")
    return _Told(
        kind=_text(fields.get("kind")),
        message=_text(fields.get("message")),
        actual=_text(fields.get("actual")),
        rule=_text(fields.get("rule")),
        line=line if type(line) is int and 0 < line < _LINES else None,
        seconds=seconds if type(seconds) is float and 0 <= seconds < math.inf else 0.0,
        unloaded=fields.get("unloaded") is True,
    )


def _text(value: Any) -> str:
    """A string that can be stored: JSON may hold halves of surrogate pairs, UTF-8 may not."""
    text = value[:_SHOWN] if isinstance(value, str) else ""
    return text.encode("utf-8", "replace").decode()


def _with(verdict: TestVerdict, seconds: float, actual: str = "") -> TestVerdict:
    return TestVerdict(
        verdict.outcome, verdict.message, verdict.line, _cut(actual), verdict.rule, seconds
    )


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
