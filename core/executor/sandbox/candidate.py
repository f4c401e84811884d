"""The candidate's side of the split tester: holds the program and does what the tester asks."""

from __future__ import annotations

import builtins
import importlib
import operator
import os
from typing import Any

from .codec import ProtocolError
from .peer import Gone, Oversize, Peer
from .program import Program, line_of

_OPERATORS = (
    "abs neg pos invert index getitem setitem delitem add sub mul truediv floordiv mod pow "
    "matmul and_ or_ xor lshift rshift eq lt le gt ge"
)
_OPERATIONS = {
    "call": lambda function, positional, named: function(*positional, **named),
    "get": getattr,
    "set": setattr,
    "len": len,
    "iter": iter,
    "next": next,
    "str": str,
    "repr": repr,
    "bool": bool,
    "int": int,
    "float": float,
    "round": round,
    "hash": hash,
    "isinstance": isinstance,
    **{name: getattr(operator, name) for name in _OPERATORS.split()},
}


class TesterStandIn:
    """A function, iterator or object of the test, called from the program."""

    def __init__(self, peer: CandidatePeer, number: int) -> None:
        self._peer = peer
        self._number = number

    @property
    def handle_of_other_side(self) -> int:
        """Its number in the tester."""
        return self._number

    def __call__(self, *positional: Any, **named: Any) -> Any:
        return self._peer.request("call", self, positional, named)

    def __iter__(self) -> TesterStandIn:
        return self

    def __next__(self) -> Any:
        return self._peer.request("next", self)


class CandidatePeer(Peer):
    """Performs any operation: everything here is the program's own."""

    def __init__(self, channel: int, program: Program) -> None:
        super().__init__(channel)
        self._program = program

    def foreign(self, parts: list[Any]) -> Any:
        """A stand-in for a function of the test; for one of Python's own, this process's."""
        if parts[0] == "exception":
            return Exception
        if parts[0] == "yours":
            return operator.attrgetter(parts[2])(importlib.import_module(parts[1]))
        return TesterStandIn(self, parts[1])

    def perform(self, operation: str, operands: Any) -> Any:
        """Runs the program, looks up a name in it, or applies an operation to its objects."""
        if operation == "load":
            return self._load()
        if operation == "name":
            return self._lookup(*operands)
        return _OPERATIONS[operation](*operands)

    def _load(self) -> Any:
        """None, or what kept the program from running."""
        try:
            self._program.run()
        except BaseException as error:  # whatever the program raises, it did not come to run
            return self._program.describe(error)
        return None

    def _lookup(self, name: str) -> Any:
        namespace = self._program.module.__dict__
        if name not in namespace or name.startswith("__"):
            raise NameError(f"name {name!r} is not defined")
        return namespace[name]

    def raise_remote(self, error: dict[str, Any]) -> None:
        """Raises what a function of the test raised, as the builtin exception it was."""
        builtin = getattr(builtins, error["types"][-1], Exception)
        raise builtin(*error["args"])

    def line_of(self, error: BaseException) -> int | None:
        """The line of the program that raised."""
        return line_of(error)


def serve(channel: int, program: Program) -> None:
    """Answers requests until the tester ends."""
    peer = CandidatePeer(channel, program)
    try:
        while True:
            peer.answer(peer.receive())
    except (Gone, Oversize, ProtocolError):
        os._exit(0)
