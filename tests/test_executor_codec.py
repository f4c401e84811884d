"""Values cross between tester and candidate unchanged, aliases and mutations included."""

from __future__ import annotations

import collections
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.executor.sandbox.codec import Codec, ProtocolError

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.text(),
    st.binary(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.builds(range, st.integers(), st.integers(), st.integers(1, 9)),
)
HASHABLE = st.recursive(
    SCALARS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=5
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(HASHABLE, inner, max_size=3),
        st.sets(HASHABLE, max_size=3),
        st.lists(inner, max_size=3).map(collections.deque),
        st.dictionaries(HASHABLE, inner, max_size=3).map(collections.OrderedDict),
        st.dictionaries(HASHABLE, inner, max_size=3).map(
            lambda items: collections.defaultdict(list, items)
        ),
        st.lists(st.text(), max_size=4).map(collections.Counter),
        st.binary().map(bytearray),
    ),
    max_leaves=12,
)


class Inside:
    """A border that lets no object through."""

    def export(self, value: Any) -> Any:
        raise AssertionError(value)

    own = foreign = export


def across(value: Any, there: Codec | None = None, here: Codec | None = None) -> Any:
    """The value as the other side receives it, through real JSON."""
    root, heap = (here or Codec(Inside())).encode(value)
    return (there or Codec(Inside())).decode(*json.loads(json.dumps([root, heap])))


def types_of(value: Any) -> Any:
    """The types in a value, in the order of iteration."""
    if isinstance(value, dict):
        return (type(value), [(types_of(k), types_of(v)) for k, v in value.items()])
    if isinstance(value, list | tuple | collections.deque):
        return (type(value), [types_of(part) for part in value])
    return type(value)


@given(VALUES)
def test_a_value_arrives_equal_and_of_the_same_types(value: Any) -> None:
    received = across(value)
    assert received == value
    assert types_of(received) == types_of(value)


def test_special_numbers_arrive() -> None:
    nan, inf, minus_zero, real = across((math.nan, -math.inf, -0.0, 2.0))
    assert math.isnan(nan)
    assert inf == -math.inf
    assert math.copysign(1, minus_zero) == -1
    assert type(real) is float


def test_a_namedtuple_keeps_its_fields() -> None:
    point = collections.namedtuple("point", "x y")(1, [2])
    received = across(point)
    assert received == (1, [2])
    assert received.x == 1
    assert received.y == [2]


def test_builtin_types_and_functions_cross_by_name() -> None:
    assert across((int, str, len, sorted)) == (int, str, len, sorted)


def test_aliases_and_cycles_survive() -> None:
    shared: list[Any] = [1]
    shared.append(shared)
    first, second = across((shared, {"again": shared}))
    assert second["again"] is first
    assert first[1] is first


def test_nesting_of_lists_has_no_limit() -> None:
    deep: list[Any] = []
    for _ in range(50_000):
        deep = [deep]
    received = across(deep)
    depth = 0
    while received:
        received, depth = received[0], depth + 1
    assert depth == 50_000


def test_a_mutated_argument_is_mutated_at_home_too() -> None:
    here, there = Codec(Inside()), Codec(Inside())
    argument = {"scores": [3, 1, 2], "names": {"a"}}
    received = across(argument, there, here)
    received["scores"].sort()
    received["names"].add("b")
    received["new"] = received["scores"]
    root, heap = there.encode(None, everything=True)
    here.decode(root, heap)
    assert argument == {"scores": [1, 2, 3], "names": {"a", "b"}, "new": [1, 2, 3]}
    assert argument["new"] is argument["scores"]


def test_what_did_not_change_is_not_sent_back() -> None:
    there = Codec(Inside())
    across([[1, 2], [3]], there)
    assert there.encode(True, everything=True) == (True, [])


def test_a_subclass_with_its_own_equality_arrives_as_the_plain_value() -> None:
    class Sly(int):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = int.__hash__

    class SlyList(list[int]):
        def __eq__(self, other: object) -> bool:
            return True

    received = across((Sly(3), SlyList([1])))
    assert types_of(received) == (tuple, [int, (list, [int])])
    assert received == (3, [1])


@pytest.mark.parametrize(
    "message",
    [
        ["ref", 0],
        ["ref", "x"],
        ["tuple", ["no such tag"]],
        ["builtin", "eval"],
        ["builtin", "type"],
        ["slice", 1, 2, 3, 4],
        ["builtin", "__import__"],
        ["module", "subprocess"],
        ["namedtuple", "x; import os", ["a"], 1],
        ["Fraction", "0x1", "0x0"],
        ["date", "yesterday"],
        [],
        [[]],
        {"a": 1, "b": [{}]}["b"],
        ["range", "0x1", "0x2", "0x0"],
    ],
)
def test_a_malformed_value_is_a_protocol_error(message: Any) -> None:
    with pytest.raises(ProtocolError):
        Codec(Inside()).decode(message, [])


@pytest.mark.parametrize(
    "heap",
    [
        [[5, "list", None, []]],
        [[0, "os.system", None, []]],
        [[0, "dict", None, [1]]],
        [[0, "dict", None, [["ref", 0], 1]]],
        [[0, "list", None]],
        "no heap",
    ],
)
def test_a_malformed_heap_is_a_protocol_error(heap: Any) -> None:
    with pytest.raises(ProtocolError):
        Codec(Inside()).decode(None, heap)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x, max_size=4)))
def test_whatever_arrives_is_a_value_or_a_protocol_error(message: Any) -> None:
    try:
        Codec(Inside()).decode(message, [])
    except ProtocolError:
        pass
    except AssertionError:
        assert any(tag in str(message) for tag in ("mine", "yours", "theirs", "exception"))
