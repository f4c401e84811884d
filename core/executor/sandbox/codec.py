"""Values as JSON and back: how arguments and results cross between tester and candidate.

Plain values are copied; a value never becomes an object of a class that the sender chose. Mutable
containers go to a heap, [index, kind, parameter, content], and are referred to by index: aliases
and cycles survive, nesting costs no recursion, and after a call the receiver's containers are
brought to the sender's state, so that a mutated argument is seen as in one process. What has no
literal form (instances, generators, functions) stays where it is and crosses as a handle; Python's
own functions and classes go to the candidate by name.
"""

from __future__ import annotations

import builtins
import collections
import datetime
import decimal
import fractions
import math
import types
from collections.abc import Callable, Iterator
from typing import Any, Protocol

Json = Any
HeapEntry = list[Any]

#: Builtins that cross by name both ways, because tests pass them (map(str, ...), key=len) and
#: programs return them. None makes an object whose class, and so whose equality, the other side
#: has chosen: no `type`, and no `object`, whose instances could not cross in turn.
_NAMED_TEXT = """
    int float complex bool str bytes bytearray list tuple set frozenset dict range
    enumerate zip map filter reversed abs len max min sum sorted ord chr hex bin oct
    round pow divmod any all repr hash
"""
_NAMED = frozenset(_NAMED_TEXT.split())
_MODULES_TEXT = """
    bisect calendar cmath collections copy datetime decimal fractions functools heapq
    itertools json math numbers operator os random re statistics string sys time typing
"""
#: Modules that cross by name, and that a test gets from Python whoever imported them.
MODULES = frozenset(_MODULES_TEXT.split())
_EXACT_INT = 1 << 53


class Unsupported(BaseException):
    """A value of the test's own cannot cross; not an Exception, so that no test catches it."""


class ProtocolError(Exception):
    """What arrived is no message of this protocol."""


class Remote(Protocol):
    """An object that lives on the other side."""

    @property
    def handle_of_other_side(self) -> int:
        """Its number there."""


class Border(Protocol):
    """What a codec asks of the side it works for."""

    def export(self, value: Any) -> Json:
        """The JSON of a handle to a value that stays here."""

    def own(self, handle: int) -> Any:
        """The value behind a handle that this side exported."""

    def foreign(self, parts: list[Any]) -> Any:
        """A stand-in for what the other side exported."""


def _identity(value: Any) -> Json:
    return value


def _encode_int(value: int) -> Json:
    value = int.__index__(value)
    return value if -_EXACT_INT < value < _EXACT_INT else ["int", hex(value)]


def _encode_float(value: float) -> Json:
    value = float.__pos__(value)
    return value if math.isfinite(value) else ["float", repr(value)]


_MUTABLE: dict[type, str] = {
    list: "list",
    dict: "dict",
    set: "set",
    bytearray: "bytearray",
    collections.deque: "deque",
    collections.OrderedDict: "OrderedDict",
    collections.defaultdict: "defaultdict",
    collections.Counter: "Counter",
}
_CONTAINERS: dict[str, Callable[[], Any]] = {name: cls for cls, name in _MUTABLE.items()}
_SCALARS: dict[type, Callable[[Any], Json]] = {
    type(None): _identity,
    bool: _identity,
    int: _encode_int,
    float: _encode_float,
    str: str.__str__,
    complex: lambda v: ["complex", repr(v.real), repr(v.imag)],
    bytes: lambda v: ["bytes", v.hex()],
    range: lambda v: ["range", *(hex(part) for part in (v.start, v.stop, v.step))],
    types.EllipsisType: lambda _: ["ellipsis"],
    datetime.date: lambda v: ["date", v.isoformat()],
    datetime.datetime: lambda v: ["datetime", v.isoformat()],
    datetime.time: lambda v: ["time", v.isoformat()],
    datetime.timedelta: lambda v: ["timedelta", v.days, v.seconds, v.microseconds],
    decimal.Decimal: lambda v: ["Decimal", str(v)],
    fractions.Fraction: lambda v: ["Fraction", hex(v.numerator), hex(v.denominator)],
}
_GROUPS: dict[str, Callable[[Iterator[Any]], Any]] = {
    "tuple": tuple,
    "frozenset": frozenset,
    "slice": lambda parts: slice(*parts),
}
_BASES = (
    *(int, float, str, bytes, bytearray, list, collections.Counter, collections.OrderedDict),
    *(collections.defaultdict, dict, set, collections.deque),
)


class Codec:
    """Translates for one side of a border; `shared` lists the current call's mutable objects."""

    def __init__(self, border: Border) -> None:
        self._border = border
        self.was_given_a_class = False  # one of Python's, by name, in place of a value
        self.forget()

    def forget(self) -> None:
        """Begins a new call: objects of the former one are no longer kept in step."""
        self.shared: list[Any] = []
        self._index: dict[int, int] = {}
        self._seen: list[Json] = []
        self._namedtuples: dict[tuple[str, ...], type] = {}

    def encode(self, value: Any, everything: bool = False) -> tuple[Json, list[HeapEntry]]:
        """The value's JSON and the heap entries that the other side does not have as they are.

        `everything` also looks at shared objects that the value does not contain.
        """
        waiting: list[int] = list(range(len(self.shared))) if everything else []
        visited = set(waiting)
        known = len(self.shared)
        heap: list[HeapEntry] = []
        position = 0
        try:
            root = self._encode(value, waiting, visited)
            while position < len(waiting):
                index = waiting[position]
                position += 1
                entry = self._entry(index, waiting, visited)
                if self._seen[index] != entry:
                    heap.append([index, *entry])
        except BaseException:  # nothing of it will be sent
            self._unregister(known)
            raise
        for index, *entry in heap:
            self._seen[index] = entry
        return root, heap

    def _entry(self, index: int, waiting: list[int], visited: set[int]) -> list[Any]:
        value = self.shared[index]
        kind = next((name for cls, name in _MUTABLE.items() if type(value) is cls), None)
        kind = kind or next(_MUTABLE[base] for base in _BASES[4:] if isinstance(value, base))
        parameter: Json = None
        if kind == "bytearray":
            return [kind, None, bytes(value).hex()]
        if kind == "deque":
            parameter = value.maxlen
        if kind == "defaultdict":
            parameter = self._encode(value.default_factory, waiting, visited)
        content = [self._encode(part, waiting, visited) for part in _parts(value)]
        return [kind, parameter, content]

    def _encode(self, value: Any, waiting: list[int], visited: set[int]) -> Json:
        cls = type(value)
        scalar = _SCALARS.get(cls)
        if scalar is not None:
            return scalar(value)
        if cls in _MUTABLE:
            return self._refer(value, waiting, visited)
        if cls in (tuple, frozenset, slice):
            value = (value.start, value.stop, value.step) if cls is slice else value
            parts = (self._encode(part, waiting, visited) for part in value)
            return [cls.__name__, *parts]
        if isinstance(value, tuple):
            return self._encode_tuple_subclass(value, waiting, visited)
        for base in _BASES:
            if isinstance(value, base):
                plain = _SCALARS.get(base)
                return plain(value) if plain else self._refer(value, waiting, visited)
        return self._encode_other(value, waiting, visited)

    def _encode_tuple_subclass(self, value: Any, waiting: list[int], visited: set[int]) -> Json:
        parts = [self._encode(part, waiting, visited) for part in tuple.__iter__(value)]
        fields = getattr(type(value), "_fields", None)
        if isinstance(fields, tuple) and len(fields) == len(parts):
            return ["namedtuple", type(value).__name__, [str(field) for field in fields], *parts]
        return ["tuple", *parts]

    def _encode_other(self, value: Any, waiting: list[int], visited: set[int]) -> Json:
        if isinstance(value, (type, types.BuiltinFunctionType, types.ModuleType)):
            name = value.__name__
            if name in _NAMED and getattr(builtins, name) is value:
                return ["builtin", name]
            if name in MODULES and isinstance(value, types.ModuleType):
                return ["module", name]
        if isinstance(value, type) and issubclass(value, BaseException):
            return ["exception", *lineage(value)]
        if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
            return self._encode(value.tolist(), waiting, visited)
        return self._border.export(value)

    def _refer(self, value: Any, waiting: list[int], visited: set[int]) -> Json:
        index = self._index.get(id(value))
        if index is None:
            index = self._register(value)
        if index not in visited:
            visited.add(index)
            waiting.append(index)
        return ["ref", index]

    def _register(self, value: Any) -> int:
        self._index[id(value)] = len(self.shared)
        self.shared.append(value)
        self._seen.append(None)
        return len(self.shared) - 1

    def _unregister(self, first: int) -> None:
        for value in self.shared[first:]:
            del self._index[id(value)]
        del self.shared[first:], self._seen[first:]

    def decode(self, value: Json, heap: list[HeapEntry]) -> Any:
        """The value, with every shared object brought to the sender's state.

        Raises ProtocolError on anything that `encode` would not have written.
        """
        try:
            for index, kind, parameter, _ in heap:
                if index == len(self.shared):
                    self._register(self._empty(kind, parameter))
            for index, kind, parameter, content in heap:
                self._seen[index] = [kind, parameter, content]
                self._fill(self.shared[index], content)
            return self._decode(value)
        except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
            raise ProtocolError(f"malformed value: {error}") from None
        except RecursionError:
            raise ProtocolError("a value nested too deeply") from None

    def _empty(self, kind: str, parameter: Json) -> Any:
        if kind == "deque":
            return collections.deque(maxlen=parameter)
        if kind == "defaultdict":
            return collections.defaultdict(self._decode(parameter))
        return _CONTAINERS[kind]()

    def _fill(self, container: Any, content: Json) -> None:
        if isinstance(container, bytearray):
            container[:] = bytes.fromhex(content)
            return
        parts = [self._decode(part) for part in content]
        if isinstance(container, list):
            container[:] = parts
            return
        container.clear()
        if isinstance(container, collections.deque):
            container.extend(parts)
        elif isinstance(container, set):
            container.update(parts)
        else:
            for key, item in zip(parts[::2], parts[1::2], strict=True):
                container[key] = item

    def _decode(self, value: Json) -> Any:
        if not isinstance(value, list):
            return value
        tag, *parts = value
        if tag == "ref":
            return self.shared[parts[0]]
        if tag in _GROUPS:
            return _GROUPS[tag](self._decode(part) for part in parts)
        if tag == "namedtuple":
            return self._namedtuple(parts[0], parts[1])(*(self._decode(p) for p in parts[2:]))
        if tag == "theirs":
            return self._border.own(parts[0])
        if tag in ("builtin", "exception"):
            self.was_given_a_class = True
        if tag in ("mine", "yours", "exception"):
            return self._border.foreign(value)
        return _LITERALS[tag](*parts)

    def _namedtuple(self, name: str, fields: list[str]) -> type:
        key = (name, *fields)
        if key not in self._namedtuples:
            self._namedtuples[key] = collections.namedtuple(name, fields)
        return self._namedtuples[key]


def _parts(container: Any) -> Iterator[Any]:
    if isinstance(container, dict):
        for item in list(dict.items(container)):
            yield from item
    else:
        base = next(base for base in (list, set, collections.deque) if isinstance(container, base))
        yield from base.__iter__(container)


def lineage(cls: type) -> list[str]:
    """Names of an exception class and its ancestors, down to the first builtin one."""
    names = []
    for ancestor in cls.__mro__:
        names.append(ancestor.__name__)
        if getattr(builtins, ancestor.__name__, None) is ancestor:
            break
    return names


def _named(name: str) -> Any:
    if name not in _NAMED:
        raise ValueError(name)
    return getattr(builtins, name)


def _module(name: str) -> Any:
    if name not in MODULES:
        raise ValueError(name)
    return __import__(name)


_LITERALS: dict[str, Callable[..., Any]] = {
    "int": lambda digits: int(digits, 16),
    "float": float,
    "complex": lambda real, imag: complex(float(real), float(imag)),
    "bytes": bytes.fromhex,
    "range": lambda *parts: range(*(int(part, 16) for part in parts)),
    "ellipsis": lambda: ...,
    "date": datetime.date.fromisoformat,
    "datetime": datetime.datetime.fromisoformat,
    "time": datetime.time.fromisoformat,
    "timedelta": datetime.timedelta,
    "Decimal": decimal.Decimal,
    "Fraction": lambda above, below: fractions.Fraction(int(above, 16), int(below, 16)),
    "builtin": _named,
    "module": _module,
}
