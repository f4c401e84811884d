"""The tester's end of the channel: what of a test may cross to the candidate, and what not."""

from __future__ import annotations

import builtins
import sys
import types
from typing import Any

from .codec import ProtocolError, Unsupported
from .peer import Peer
from .proxies import Proxy

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE


class TesterPeer(Peer):
    """Asks the candidate; in turn, calls and steps for it what the test has handed over.

    That is the test's own functions, classes and iterators. Python's own cross by name: made here,
    for a candidate, `type` would make classes and `getattr` would look into the test.
    """

    def __init__(self, channel: int) -> None:
        super().__init__(channel)
        self.closed = False  # while set, proxies ask nothing
        self._answering = False
        self._exceptions: dict[tuple[str, ...], type[BaseException]] = {}
        self._proxies: dict[int, Proxy] = {}

    def export(self, value: Any) -> Any:
        """A handle to a function or an iterator of the test, or the name of one of Python's.

        What a call brought about for the candidate may be of a class that the candidate chose: it
        gets a handle that can neither be used nor come back, except where its class is known.
        """
        if isinstance(value, Proxy):
            return super().export(value)
        if (name := _name_in_python(value)) is not None:
            return ["yours", *name]
        crosses = callable(value) or hasattr(type(value), "__next__")
        if self._answering and not (crosses and self._is_of_known_class(value)):
            return ["mine", None, type(value).__name__]
        if crosses:
            return super().export(value)
        raise Unsupported(f"a {type(value).__name__} of the test cannot be passed to the program")

    def encode_answer(self, value: Any, everything: bool) -> tuple[Any, list[Any]]:
        """The JSON of what a call brought about."""
        self._answering = True
        try:
            return super().encode_answer(value, everything)
        finally:
            self._answering = False

    def own(self, handle: Any) -> Any:
        """The function, class or iterator behind a handle."""
        if handle is None:
            raise ProtocolError("the program made use of an object that only the test can use")
        return super().own(handle)

    def _is_of_known_class(self, value: Any) -> bool:
        """Whether it was handed over before, or is an instance of Python's or of such a class."""
        cls = type(value)
        made = not isinstance(value, type) and (
            _is_static(cls) or _name_in_python(cls) is not None or self.has_exported(cls)
        )
        return made or self.has_exported(value)

    def foreign(self, parts: list[Any]) -> Any:
        """A proxy, or a class that stands for an exception class of the candidate."""
        if parts[0] == "exception":
            return self._exception(tuple(parts[1:]))
        if parts[0] == "yours":
            raise ProtocolError("not for the candidate to name")
        return self._proxies.setdefault(parts[1], Proxy(self, parts[1], str(parts[2])))

    def perform(self, operation: str, operands: Any) -> Any:
        """Calls a function, or steps an iterator, of which this side has given a handle away.

        Raises ProtocolError for anything else, and for a class that is built into Python.
        """
        subject, *others = operands
        if self.has_exported(subject) and not (isinstance(subject, type) and _is_static(subject)):
            if operation == "call":
                positional, named = others
                return subject(*positional, **named)
            if operation == "next" and not others:
                return next(subject)
        raise ProtocolError("not for the candidate to ask")

    def request(self, operation: str, *operands: Any) -> Any:
        """The candidate's answer. Only an iterator may end an iteration, as it would a map()."""
        try:
            return super().request(operation, *operands)
        except StopIteration as error:
            if operation == "next":
                raise
            ended = RuntimeError("the program raised StopIteration")
            for name in ("text_from_candidate", "line_in_candidate"):
                setattr(ended, name, getattr(error, name, None))
            raise ended from None

    def _exception(self, names: tuple[str, ...]) -> type[BaseException]:
        if names not in self._exceptions:
            found = getattr(builtins, names[0], None)
            if isinstance(found, type) and issubclass(found, BaseException):
                self._exceptions[names] = found
            else:
                base = self._exception(names[1:]) if len(names) > 1 else Exception
                text = {"__str__": lambda error: error.text_from_candidate}
                self._exceptions[names] = type(str(names[0]), (base,), text)
        return self._exceptions[names]

    def raise_remote(self, error: dict[str, Any]) -> None:
        """Raises the candidate's exception: its type by name, its arguments, its message."""
        cls = self._exception(tuple(error["types"]))
        try:
            raised = cls(*error["args"])
        except TypeError:
            raised = cls(error["text"])
        raised.text_from_candidate = str(error["text"])  # type: ignore[attr-defined]
        raised.line_in_candidate = error["line"]  # type: ignore[attr-defined]
        raise raised

    def line_of(self, error: BaseException) -> int | None:
        """Tests have no lines in the program."""
        return getattr(error, "line_in_candidate", None)


def _is_static(cls: type) -> bool:
    """Whether a class is built into the interpreter; no statement or call makes such a one."""
    return not cls.__flags__ & _HEAP_TYPE


def _name_in_python(value: Any) -> tuple[str, str] | None:
    """Module and name under which any Python has this function or class; None where it has not."""
    if not isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
        return None
    module, name = str(value.__module__), value.__qualname__
    if module.partition(".")[0] not in sys.stdlib_module_names:
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return (module, name) if found is value else None
