"""Stand-ins, in the tester, for objects that live in the candidate's process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Asking(Protocol):
    """Whoever asks the candidate; while `closed`, nothing is asked."""

    closed: bool

    def request(self, operation: str, *operands: Any) -> Any:
        """The candidate's answer."""


class Proxy:
    """Forwards what a test does with a candidate's object, but never a value to compare with.

    Operators work between two objects of the candidate. Against anything else they are not
    forwarded: an object that calls itself equal to everything is equal to nothing of the test.
    """

    __slots__ = ("_proxy_kind", "_proxy_number", "_proxy_peer")
    _proxy_kind: str
    _proxy_number: int
    _proxy_peer: Asking

    def __init__(self, peer: Asking, number: int, kind: str) -> None:
        object.__setattr__(self, "_proxy_peer", peer)
        object.__setattr__(self, "_proxy_number", number)
        object.__setattr__(self, "_proxy_kind", kind)

    @property
    def handle_of_other_side(self) -> int:
        """Its number in the candidate."""
        return self._proxy_number

    def __call__(self, *positional: Any, **named: Any) -> Any:
        return self._proxy_peer.request("call", self, positional, named)

    def __getattr__(self, name: str) -> Any:
        return self._proxy_peer.request("get", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._proxy_peer.request("set", self, name, value)

    def __repr__(self) -> str:
        if self._proxy_peer.closed:
            return f"<{self._proxy_kind} of the program>"
        return str(self._proxy_peer.request("repr", self))

    def __hash__(self) -> int:
        return hash(int(self._proxy_peer.request("hash", self)))

    def __instancecheck__(self, instance: object) -> bool:
        if not isinstance(instance, Proxy):
            return False
        return bool(self._proxy_peer.request("isinstance", instance, self))

    def __bool__(self) -> bool:
        return bool(self._proxy_peer.request("bool", self))

    def __contains__(self, value: Any) -> bool:
        return any(value == part for part in self.__iter__())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Proxy):
            return False
        return self._proxy_number == other._proxy_number or bool(
            self._proxy_peer.request("eq", self, other)
        )

    def __ne__(self, other: object) -> bool:
        return not self == other


def kind_of_proxy(proxy: Proxy) -> str:
    """The name of its class, as the candidate says."""
    return proxy._proxy_kind


def _forwarded(operation: str) -> Callable[..., Any]:
    def forward(self: Proxy, *operands: Any) -> Any:
        return self._proxy_peer.request(operation, self, *operands)

    return forward


def _between_proxies(operation: str) -> Callable[[Proxy, object], Any]:
    def forward(self: Proxy, other: object) -> Any:
        if not isinstance(other, Proxy):
            return NotImplemented
        return self._proxy_peer.request(operation, self, other)

    return forward


_ASKED = "iter next str int float round abs neg pos invert index getitem setitem delitem len"
_BETWEEN = "add sub mul truediv floordiv mod pow matmul lt le gt ge xor lshift rshift"
for _name in _ASKED.split():
    setattr(Proxy, f"__{_name}__", _forwarded(_name))
for _name in _BETWEEN.split():
    setattr(Proxy, f"__{_name}__", _between_proxies(_name))
for _name in ("and", "or"):
    setattr(Proxy, f"__{_name}__", _between_proxies(f"{_name}_"))
