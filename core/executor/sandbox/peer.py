"""One side of the channel between tester and candidate: requests, replies, and calls back.

A message is four bytes of length and JSON. A reply carries the number of its request; anything else
on the channel is a protocol error, so that replies sent in advance or twice gain nothing.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from typing import Any

from .codec import Codec, ProtocolError, lineage

LARGEST_MESSAGE = 16 << 20
_CHUNK = 1 << 14


class Gone(BaseException):
    """The other side has ended; not an Exception, so that no test or program catches it."""


class Oversize(BaseException):
    """A message is longer than `LARGEST_MESSAGE`."""


class Peer(ABC):
    """Sends requests and, while waiting for a reply, performs those of the other side."""

    def __init__(self, channel: int) -> None:
        self.codec = Codec(self)
        self._channel = channel
        self._incoming = bytearray()
        self._exports: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._depth = 0

    def export(self, value: Any) -> Any:
        """A handle to a value that stays on this side."""
        foreign = getattr(type(value), "handle_of_other_side", None)
        if foreign is not None:
            return ["theirs", foreign.__get__(value)]
        number = self._numbers.setdefault(id(value), len(self._exports))
        if number == len(self._exports):
            self._exports.append(value)
        return ["mine", number, type(value).__name__]

    def has_exported(self, value: Any) -> bool:
        """Whether this very object has a handle."""
        return id(value) in self._numbers  # exports are kept: no other object can have its id

    def own(self, handle: int) -> Any:
        """The value behind a handle of this side."""
        return self._exports[handle]

    @abstractmethod
    def foreign(self, parts: list[Any]) -> Any:
        """A stand-in for what the other side exported."""

    @abstractmethod
    def perform(self, operation: str, operands: Any) -> Any:
        """Does what the other side asks for."""

    @abstractmethod
    def raise_remote(self, error: dict[str, Any]) -> None:
        """Raises here what was raised over there."""

    @abstractmethod
    def line_of(self, error: BaseException) -> int | None:
        """The line of the program that raised."""

    def request(self, operation: str, *operands: Any) -> Any:
        """Asks the other side and returns its answer, or raises what it raised."""
        if self._depth == 0:
            self.codec.forget()
        value, heap = self.codec.encode(operands, everything=self._depth == 0)
        number = int.from_bytes(os.urandom(6), "little")
        self._send({"op": operation, "id": number, "v": value, "o": heap, "new": self._depth == 0})
        self._depth += 1
        try:
            return self._await_reply(number)
        finally:
            self._depth -= 1

    def _await_reply(self, number: int) -> Any:
        while True:
            message = self.receive()
            if "op" in message:
                self.answer(message)
                continue
            if message.get("id") != number:
                raise ProtocolError("a reply to no request")
            value = self.codec.decode(message.get("v"), message.get("o", []))
            if "error" in message:
                self.raise_remote({**message["error"], "args": value})
            return value

    def answer(self, message: dict[str, Any]) -> None:
        """Performs one request and replies to it."""
        if message.get("new") and self._depth == 0:
            self.codec.forget()
        operands = self.codec.decode(message.get("v"), message.get("o", []))
        self._depth += 1
        failure: dict[str, Any] = {}
        everything = bool(message.get("new"))
        try:
            encoded, heap = self.encode_answer(self.perform(message["op"], operands), everything)
        except (Gone, Oversize, ProtocolError):
            raise
        except BaseException as error:  # the program may raise anything, and all of it is an answer
            failure = {"error": self._describe(error)}
            arguments = error.args if isinstance(error.args, tuple) else ()
            encoded, heap = self.encode_answer(arguments, everything)
        finally:
            self._depth -= 1
        self._send({"id": message["id"], "v": encoded, "o": heap, **failure})

    def encode_answer(self, value: Any, everything: bool) -> tuple[Any, list[Any]]:
        """The JSON of what was asked for, and of what changed with it."""
        return self.codec.encode(value, everything)

    def _describe(self, error: BaseException) -> dict[str, Any]:
        text = text_of(error)
        return {"types": lineage(type(error)), "text": text, "line": self.line_of(error)}

    def _send(self, message: dict[str, Any]) -> None:
        payload = json.dumps(message).encode()
        if len(payload) > LARGEST_MESSAGE:
            if "op" in message:
                raise Oversize
            payload = json.dumps({"id": message["id"], "oversize": True}).encode()
        view = memoryview(len(payload).to_bytes(4, "little") + payload)
        try:
            while view:
                view = view[os.write(self._channel, view) :]
        except (BrokenPipeError, ConnectionResetError):
            raise Gone from None

    def receive(self) -> dict[str, Any]:
        """The next message; raises Gone, Oversize or ProtocolError."""
        size = int.from_bytes(self._exactly(4), "little")
        if size > LARGEST_MESSAGE:
            raise Oversize
        try:
            message = json.loads(self._exactly(size))
        except (ValueError, RecursionError):
            raise ProtocolError("not JSON") from None
        if not isinstance(message, dict):
            raise ProtocolError("not a message")
        if message.get("oversize"):
            raise Oversize
        return message

    def _exactly(self, size: int) -> bytes:
        while len(self._incoming) < size:
            try:
                chunk = os.read(self._channel, max(_CHUNK, size - len(self._incoming)))
            except ConnectionResetError:
                raise Gone from None
            if not chunk:
                raise Gone
            self._incoming += chunk
        taken = bytes(self._incoming[:size])
        del self._incoming[:size]
        return taken


def text_of(error: BaseException) -> str:
    """str(error), whatever its class does."""
    try:
        return str(error)[:2000]
    except BaseException:  # a __str__ of the program's own may raise anything
        return ""
