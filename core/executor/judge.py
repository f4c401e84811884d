"""From how the children ended to the verdict on one test."""

from __future__ import annotations

import json
import signal
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
_SHOWN = 500


def judge_output(test: StdioTest, report: Report, limits: Limits) -> TestVerdict:
    """The verdict on a stdin/stdout test; what the child says itself can only speak against it."""
    stopped = _stopped(report, limits)
    actual = report.output.decode("utf-8", "replace")
    if stopped is None and len(report.output) >= limits.output_kb << 10:
        stopped = TestVerdict(Outcome.OUTPUT_LIMIT, f"more than {limits.output_kb} KB of output")
    if stopped is None and (report.how != "exit" or report.code != 0):
        stopped = _raised(report)
    if stopped is not None:
        return _with(stopped, report.wall_s, actual=actual)
    rule = accepting_rule(actual, test.accepted)
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
    results = [_parse(line) for line in tester.report.splitlines()[:tests]]
    first = _judge_first(results[0] if results else {}, stopped, candidate)
    others = [_judge_other(result, keeps_state) for result in results[1:]]
    return [first, *others, *[None] * (tests - 1 - len(others))]


def _judge_first(
    result: dict[str, Any], stopped: TestVerdict | None, candidate: Report
) -> TestVerdict:
    if result.get("kind") in _KINDS:
        return _as_told(result)
    if stopped is None and result.get("kind") == "gone":
        stopped = _raised(candidate)
    ended = TestVerdict(Outcome.ERROR, "the test ended before it came to a result")
    return _with(stopped or ended, candidate.wall_s)


def _judge_other(result: dict[str, Any], keeps_state: bool) -> TestVerdict | None:
    kind = result.get("kind")
    sure = kind == "passed" or (result.get("unloaded") and kind in _KINDS)
    sure = sure or (not keeps_state and kind in ("wrong", "error"))
    return _as_told(result) if sure else None


def _as_told(result: dict[str, Any]) -> TestVerdict:
    told = [result[key] for key in ("message", "line", "actual", "rule", "seconds")]
    return TestVerdict(_KINDS[result["kind"]], *told)


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
    told = _parse(report.report)
    if told.get("kind") in _KINDS and told["kind"] != "passed":
        line = told.get("line")
        return TestVerdict(
            _KINDS[told["kind"]],
            str(told.get("message", ""))[:_SHOWN],
            line if isinstance(line, int) else None,
        )
    if report.how == "signal":
        name = signal.Signals(report.code).name
        return TestVerdict(Outcome.ERROR, f"ended by {name}")
    return TestVerdict(Outcome.ERROR, f"ended with exit code {report.code}")


def _parse(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _with(verdict: TestVerdict, seconds: float, actual: str = "") -> TestVerdict:
    return TestVerdict(
        verdict.outcome, verdict.message, verdict.line, _cut(actual), verdict.rule, seconds
    )


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
