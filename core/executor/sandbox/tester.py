"""The tester's side: runs tests in a process that never holds the candidate.

Values are compared here, against expectations that the candidate's process never sees: an object of
the candidate's own is never asked how it compares with a value of the test.
"""

from __future__ import annotations

import builtins
import importlib
import json
import os
import re
import reprlib
import time
import types
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from .codec import MODULES, Codec, ProtocolError, Unsupported
from .peer import Gone, Oversize
from .program import kind_of, one_line
from .proxies import Proxy, kind_of_proxy
from .tester_peer import TesterPeer


class _Repr(reprlib.Repr):
    def repr_int(self, value: int, level: int) -> str:
        bits = value.bit_length()  # Python refuses to write out the longest ones
        return f"<int of {bits} bits>" if bits > 5000 else super().repr_int(value, level)


_shown = _Repr()
_shown.maxstring = _shown.maxother = 300
_shown.maxlist = _shown.maxtuple = _shown.maxdict = _shown.maxset = 30

Result = dict[str, Any]
#: Whose last result is remembered; a class, which tests use in other ways too, stays as it is.
_FUNCTIONS = ("function", "builtin_function_or_method", "method", "_lru_cache_wrapper", "partial")


class Namespace(dict[str, Any]):
    """The globals of a test: names it lacks, and Python too, are looked up in the candidate.

    A module that the test did not import (`math.isclose`) must be there as well, as it must where
    both share one process; but what the test gets is Python's, for the candidate's could call any
    answer right.
    """

    def __init__(self, peer: TesterPeer, source: str) -> None:
        super().__init__(__name__="__test__", __builtins__=builtins)
        self._peer = peer
        self._source = source

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name) or name.startswith("__"):
            raise KeyError(name)
        found = self._peer.request("name", name)
        is_module = name in MODULES and re.search(rf"(?<![\w.]){name}\s*\.", self._source)
        return importlib.import_module(name) if is_module else found


class Tester:
    """Runs the tests of one job against one candidate."""

    def __init__(self, channel: int, job: dict[str, Any]) -> None:
        self._peer = TesterPeer(channel)
        self._job = job
        self._entry: Any = None
        self._helpers: types.CodeType | None = None
        self._last: Any = None
        self._called = False

    def run(self, report: int) -> None:
        """Writes one JSON line a test to the descriptor `report`."""
        results: Iterator[Result] = self._results()
        while True:
            started = time.perf_counter()
            result = next(results, None)
            if result is None:
                return
            result["seconds"] = time.perf_counter() - started
            os.write(report, json.dumps(result).encode() + b"\n")

    def _results(self) -> Iterator[Result]:
        problem = self._guarded(self._load)
        for test in self._job["tests"]:
            yield (
                {**problem, "unloaded": True}
                if problem
                else self._guarded(partial(self._judge, test))
            )

    def _load(self) -> Result:
        problem = self._peer.request("load")
        if problem is None:
            for name in self._job["required"]:
                self._peer.request("name", name)
            return {}
        kind = problem["kind"] if problem["kind"] in ("syntax", "memory", "denied") else "error"
        return _result(kind, str(problem["message"]), problem["line"])

    def _guarded(self, action: Callable[[], Result]) -> Result:
        """The action's result, or the one that its exception means."""
        self._called = False
        try:
            return action()
        except AssertionError as error:
            if hasattr(error, "line_in_candidate"):
                return _result("error", one_line(error), error.line_in_candidate)
            actual = self._show(self._last) if self._called else ""
            return _result("wrong", one_line(error), actual=actual)
        except Gone:
            return _result("gone", "the program ended before it answered")
        except Oversize:
            return _result("output", "the program's answer is too large")
        except Unsupported as error:
            # With a class of Python's in place of its own (Node = ValueError) a program could bring
            # the test to make an object that cannot cross: that is no excuse.
            excused = not self._peer.codec.was_given_a_class
            return _result("unsupported" if excused else "error", str(error))
        except ProtocolError as error:
            return _result("error", f"not an answer: {error}")
        except ModuleNotFoundError as error:
            line = getattr(error, "line_in_candidate", None)
            by_program = hasattr(error, "line_in_candidate")
            return _result("error" if by_program else "unsupported", one_line(error), line)
        except BaseException as error:  # the test's code may raise anything
            kind = kind_of(type(error)) if hasattr(error, "line_in_candidate") else "error"
            return _result(kind, one_line(error), getattr(error, "line_in_candidate", None))

    def _judge(self, test: dict[str, Any]) -> Result:
        return self._judge_call(test) if "arguments" in test else self._judge_assert(test)

    def _judge_call(self, test: dict[str, Any]) -> Result:
        arguments = Codec(self._peer).decode(*test["arguments"])
        # A codec of its own: each message numbers its objects from 0.
        accepted = Codec(self._peer).decode(*test["accepted"])
        name, dot, method = self._job["entry"].partition(".")
        entry = self._look_up(name)
        actual = (getattr(entry(), method) if dot else entry)(*arguments)
        shown = self._show(actual)
        if any(actual == value for value in accepted):
            return _result("passed", rule="equal", actual=shown)
        if any(_tuples_as_lists(actual) == _tuples_as_lists(value) for value in accepted):
            return _result("passed", rule="tuples as lists", actual=shown)
        return _result("wrong", "", actual=shown)

    def _judge_assert(self, test: dict[str, Any]) -> Result:
        namespace = Namespace(self._peer, self._job["helpers"] + test["source"])
        bound = self._bindings() if self._job["entry"] else {}
        namespace.update(bound)
        if self._helpers is None:
            self._helpers = compile(self._job["helpers"], "helpers.py", "exec", dont_inherit=True)
        exec(self._helpers, namespace)
        namespace.update(bound)
        exec(compile(test["source"], "test.py", "exec", dont_inherit=True), namespace)
        return _result("passed", rule="assert", actual=self._show(self._last))

    def _look_up(self, name: str) -> Any:
        """The program's entry point, as it was when the first test asked for it."""
        if self._entry is None:
            self._entry = self._peer.request("name", name)
        return self._entry

    def _bindings(self) -> dict[str, Any]:
        """The entry point under its own name and as `candidate`; its last result is remembered."""
        name = self._job["entry"].partition(".")[0]
        entry = self._look_up(name)

        def candidate(*positional: Any, **named: Any) -> Any:
            self._last = entry(*positional, **named)
            self._called = True
            return self._last

        is_function = isinstance(entry, Proxy) and kind_of_proxy(entry) in _FUNCTIONS
        bound = candidate if is_function else entry
        return {name: bound, "candidate": bound}

    def _show(self, value: Any) -> str:
        """A short repr that asks nothing of the candidate."""
        self._peer.closed = True
        try:
            return _shown.repr(value)
        except Exception:  # reprlib goes by the name of a class, which may say another thing
            return f"<{type(value).__name__}>"
        finally:
            self._peer.closed = False


def _result(
    kind: str, message: str = "", line: Any = None, actual: str = "", rule: str = ""
) -> Result:
    line = line if isinstance(line, int) else None
    return {
        "kind": kind,
        "message": message[:500],
        "line": line,
        "actual": actual[:500],
        "rule": rule,
    }


def _tuples_as_lists(value: Any) -> Any:
    """JSON has no tuples: a returned tuple counts as the list of the data set, nested too."""
    if isinstance(value, (tuple, list)):
        return [_tuples_as_lists(part) for part in value]
    if isinstance(value, dict):
        return {key: _tuples_as_lists(part) for key, part in value.items()}
    return value
