"""Primitives that take one integer."""

from __future__ import annotations

from core.nano.family import Kind, Primitive, Type, primitive

SAME = (Type.NUMBER, Type.NUMBER)
SPREAD = (Type.NUMBER, Type.LIST)
SHOW = (Type.NUMBER, Type.TEXT)
SMALL = (2, 3, 4, 5)
MIDDLE = (2, 3, 4, 5, 6, 7, 8, 9)

ARITHMETIC: tuple[Primitive, ...] = (
    primitive(
        "add",
        SAME,
        ("add {c} to the number", "increase the number by {c}"),
        "{v} + {c}",
        {Kind.OPERATOR: "{v} - {c}"},
        MIDDLE,
    ),
    primitive(
        "subtract",
        SAME,
        ("subtract {c} from the number", "decrease the number by {c}"),
        "{v} - {c}",
        {Kind.OPERANDS: "{c} - {v}"},
        MIDDLE,
    ),
    primitive(
        "multiply",
        SAME,
        ("multiply the number by {c}", "take {c} times the number"),
        "{v} * {c}",
        {Kind.OPERATOR: "{v} + {c}"},
        SMALL,
    ),
    primitive(
        "square",
        SAME,
        ("square the number", "multiply the number by itself"),
        "{v} * {v}",
        {Kind.OPERATOR: "{v} + {v}"},
    ),
    primitive(
        "remainder",
        SAME,
        ("take the remainder by {c}", "reduce the number modulo {c}"),
        "{v} % {c}",
        {Kind.OPERATOR: "{v} // {c}"},
        (5, 6, 7, 8, 9),
    ),
    primitive(
        "quotient",
        SAME,
        ("divide the number by {c} rounding down", "take the quotient by {c}"),
        "{v} // {c}",
        {Kind.OPERATOR: "{v} % {c}"},
        SMALL,
    ),
    primitive(
        "absolute",
        SAME,
        ("take the absolute value", "drop the sign of the number"),
        "abs({v})",
        {Kind.OPERATOR: "-{v}"},
    ),
    primitive(
        "negate",
        SAME,
        ("negate the number", "flip the sign of the number"),
        "-{v}",
        {Kind.FUNCTION: "abs({v})"},
    ),
    primitive(
        "cap",
        SAME,
        ("cap the number at {c}", "limit the number to at most {c}"),
        "min({v}, {c})",
        {Kind.DIRECTION: "max({v}, {c})"},
        (6, 7, 8, 9),
    ),
    primitive(
        "distance",
        SAME,
        ("take the distance to {c}", "find how far the number is from {c}"),
        "abs({v} - {c})",
        {Kind.OMISSION: "{v} - {c}"},
        MIDDLE,
    ),
    primitive(
        "round_down",
        SAME,
        ("round down to a multiple of {c}", "take the nearest lower multiple of {c}"),
        "{v} // {c} * {c}",
        {Kind.OMISSION: "{v} // {c}"},
        SMALL,
    ),
    primitive(
        "triangle",
        SAME,
        ("take the triangular number", "compute n times n plus 1 over 2"),
        "{v} * ({v} + 1) // 2",
        {Kind.OFF_BY_ONE: "{v} * ({v} - 1) // 2"},
    ),
)

DIGITS: tuple[Primitive, ...] = (
    primitive(
        "digit_total",
        SAME,
        ("add up the digits", "compute the digit sum"),
        "sum(int(d) for d in str(abs({v})))",
        {Kind.FUNCTION: "max(int(d) for d in str(abs({v})))"},
    ),
    primitive(
        "reverse_digits",
        SAME,
        ("reverse the digits", "read the digits backwards"),
        "int(str(abs({v}))[::-1])",
        {Kind.FUNCTION: "int(str(abs({v}))[1:])"},
    ),
    primitive(
        "divisor_total",
        SAME,
        ("add up the divisors", "compute the sum of divisors"),
        "sum(d for d in range(1, {v} + 1) if {v} % d == 0)",
        {Kind.OFF_BY_ONE: "sum(d for d in range(1, {v}) if {v} % d == 0)"},
        first=True,
    ),
)

SPREADS: tuple[Primitive, ...] = (
    primitive(
        "digits",
        SPREAD,
        ("list the digits", "split into digits"),
        "[int(d) for d in str(abs({v}))]",
        {Kind.DIRECTION: "[int(d) for d in str(abs({v}))[::-1]]"},
    ),
    primitive(
        "count_up",
        SPREAD,
        ("list the numbers from 1 to it", "count up to the number"),
        "list(range(1, {v} + 1))",
        {Kind.OFF_BY_ONE: "list(range(1, {v}))"},
        first=True,
    ),
    primitive(
        "count_down",
        SPREAD,
        ("count down from it", "list every number downwards to 1"),
        "list(range({v}, 0, -1))",
        {Kind.OFF_BY_ONE: "list(range({v}, 1, -1))"},
        first=True,
    ),
    primitive(
        "divisors",
        SPREAD,
        ("list the divisors", "find all numbers that divide it"),
        "[d for d in range(1, {v} + 1) if {v} % d == 0]",
        {Kind.OPERANDS: "[d for d in range(1, {v} + 1) if d % {v} == 0]"},
        first=True,
    ),
)

SHOWN: tuple[Primitive, ...] = (
    primitive(
        "binary",
        SHOW,
        ("write it in binary", "convert to base two"),
        'format({v}, "b")',
        {Kind.FUNCTION: 'format({v}, "o")'},
    ),
    primitive(
        "stars",
        SHOW,
        ("draw that many stars", "write a row of stars of that length"),
        '"*" * {v}',
        {Kind.OFF_BY_ONE: '"*" * ({v} - 1)'},
        first=True,
    ),
)

NUMBERS = ARITHMETIC + DIGITS + SPREADS + SHOWN
