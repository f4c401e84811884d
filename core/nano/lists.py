"""Primitives that take a list of integers."""

from __future__ import annotations

from core.nano.family import Kind, Primitive, Type, primitive

SAME = (Type.LIST, Type.LIST)
FOLD = (Type.LIST, Type.NUMBER)
SMALL = (2, 3, 4, 5)
MIDDLE = (2, 3, 4, 5, 6, 7, 8, 9)

FILTERS: tuple[Primitive, ...] = (
    primitive(
        "keep_even",
        SAME,
        ("keep the even numbers", "pick out the evens"),
        "[x for x in {v} if x % 2 == 0]",
        {Kind.COMPARISON: "[x for x in {v} if x % 2 != 0]"},
    ),
    primitive(
        "keep_odd",
        SAME,
        ("keep the odd numbers", "pick out the odds"),
        "[x for x in {v} if x % 2 == 1]",
        {Kind.OPERATOR: "[x for x in {v} if x // 2 == 1]"},
    ),
    primitive(
        "keep_above",
        SAME,
        ("keep numbers greater than {c}", "select values above {c}"),
        "[x for x in {v} if x > {c}]",
        {
            Kind.COMPARISON: "[x for x in {v} if x >= {c}]",
            Kind.DIRECTION: "[x for x in {v} if x < {c}]",
        },
        MIDDLE,
    ),
    primitive(
        "keep_below",
        SAME,
        ("keep numbers less than {c}", "select values under {c}"),
        "[x for x in {v} if x < {c}]",
        {Kind.COMPARISON: "[x for x in {v} if x <= {c}]"},
        MIDDLE,
    ),
    primitive(
        "keep_multiples",
        SAME,
        ("keep the multiples of {c}", "select values divisible by {c}"),
        "[x for x in {v} if x % {c} == 0]",
        {Kind.OPERATOR: "[x for x in {v} if x // {c} == 0]"},
        SMALL,
    ),
    primitive(
        "drop_value",
        SAME,
        ("remove every {c}", "drop all values equal to {c}"),
        "[x for x in {v} if x != {c}]",
        {Kind.COMPARISON: "[x for x in {v} if x == {c}]"},
        MIDDLE,
    ),
    primitive(
        "drop_largest",
        SAME,
        ("remove the largest number", "drop every occurrence of the maximum"),
        "[x for x in {v} if x != max({v})]",
        {Kind.FUNCTION: "[x for x in {v} if x != min({v})]"},
    ),
    primitive(
        "keep_rising",
        SAME,
        ("keep numbers larger than the one before", "select each value that rises"),
        "[b for a, b in zip({v}, {v}[1:]) if b > a]",
        {Kind.VARIABLE: "[a for a, b in zip({v}, {v}[1:]) if b > a]"},
    ),
)

MAPS: tuple[Primitive, ...] = (
    primitive(
        "add_each",
        SAME,
        ("add {c} to each number", "increase every value by {c}"),
        "[x + {c} for x in {v}]",
        {Kind.OPERATOR: "[x - {c} for x in {v}]"},
        MIDDLE,
    ),
    primitive(
        "subtract_each",
        SAME,
        ("subtract {c} from each number", "decrease every value by {c}"),
        "[x - {c} for x in {v}]",
        {Kind.OPERANDS: "[{c} - x for x in {v}]"},
        MIDDLE,
    ),
    primitive(
        "multiply_each",
        SAME,
        ("multiply each number by {c}", "scale every value by {c}"),
        "[x * {c} for x in {v}]",
        {Kind.OPERATOR: "[x + {c} for x in {v}]"},
        SMALL,
    ),
    primitive(
        "square_each",
        SAME,
        ("square each number", "multiply every value by itself"),
        "[x * x for x in {v}]",
        {Kind.OPERATOR: "[x + x for x in {v}]"},
    ),
    primitive(
        "negate_each",
        SAME,
        ("negate each number", "flip the sign of every value"),
        "[-x for x in {v}]",
        {Kind.FUNCTION: "[-abs(x) for x in {v}]"},
    ),
    primitive(
        "absolute_each",
        SAME,
        ("take absolute values", "drop the sign of each number"),
        "[abs(x) for x in {v}]",
        {Kind.FUNCTION: "[max(x, 0) for x in {v}]"},
    ),
    primitive(
        "remainder_each",
        SAME,
        ("reduce each number modulo {c}", "replace values by the remainder by {c}"),
        "[x % {c} for x in {v}]",
        {Kind.OPERATOR: "[x // {c} for x in {v}]"},
        SMALL,
    ),
    primitive(
        "divide_each",
        SAME,
        ("divide each number by {c} rounding down", "replace values by the quotient by {c}"),
        "[x // {c} for x in {v}]",
        {Kind.OPERATOR: "[x % {c} for x in {v}]"},
        SMALL,
    ),
    primitive(
        "cap_each",
        SAME,
        ("cap each number at {c}", "lower larger values to {c}"),
        "[min(x, {c}) for x in {v}]",
        {Kind.DIRECTION: "[max(x, {c}) for x in {v}]"},
        MIDDLE,
    ),
    primitive(
        "zero_negatives",
        SAME,
        ("replace negative numbers by zero", "turn values below zero into 0"),
        "[0 if x < 0 else x for x in {v}]",
        {Kind.DIRECTION: "[0 if x > 0 else x for x in {v}]"},
    ),
    primitive(
        "differences",
        SAME,
        ("take differences of neighbours", "subtract from each number the one before"),
        "[b - a for a, b in zip({v}, {v}[1:])]",
        {Kind.OPERANDS: "[a - b for a, b in zip({v}, {v}[1:])]"},
    ),
    primitive(
        "running_sums",
        SAME,
        ("take running sums", "replace each number by the total so far"),
        "[sum({v}[:i + 1]) for i in range(len({v}))]",
        {Kind.OFF_BY_ONE: "[sum({v}[:i]) for i in range(len({v}))]"},
    ),
)

SHAPES: tuple[Primitive, ...] = (
    primitive(
        "reverse_list",
        SAME,
        ("reverse the list", "put the numbers in opposite order"),
        "{v}[::-1]",
        {Kind.FUNCTION: "sorted({v})"},
    ),
    primitive(
        "sort_ascending",
        SAME,
        ("sort in ascending order", "arrange the numbers by rising size"),
        "sorted({v})",
        {Kind.DIRECTION: "sorted({v})[::-1]"},
    ),
    primitive(
        "sort_descending",
        SAME,
        ("sort in descending order", "arrange the numbers by falling size"),
        "sorted({v}, reverse=True)",
        {Kind.OMISSION: "sorted({v})"},
    ),
    primitive(
        "first_numbers",
        SAME,
        ("take the first {c} numbers", "keep {c} numbers from the front"),
        "{v}[:{c}]",
        {Kind.OFF_BY_ONE: "{v}[:{c} - 1]", Kind.WRONG_END: "{v}[-{c}:]"},
        SMALL,
    ),
    primitive(
        "last_numbers",
        SAME,
        ("take the last {c} numbers", "keep {c} numbers from the back"),
        "{v}[-{c}:]",
        {Kind.WRONG_END: "{v}[:{c}]"},
        SMALL,
    ),
    primitive(
        "skip_first",
        SAME,
        ("skip the first {c} numbers", "cut {c} numbers off the front"),
        "{v}[{c}:]",
        {Kind.OFF_BY_ONE: "{v}[{c} - 1:]"},
        (2, 3, 4),
    ),
    primitive(
        "skip_last",
        SAME,
        ("leave out the last {c} numbers", "cut {c} numbers off the back"),
        "{v}[:-{c}]",
        {Kind.WRONG_END: "{v}[{c}:]"},
        (2, 3, 4),
    ),
    primitive(
        "even_places",
        SAME,
        ("take every second number", "keep the numbers at even indices"),
        "{v}[::2]",
        {Kind.OFF_BY_ONE: "{v}[1::2]"},
    ),
    primitive(
        "distinct_list",
        SAME,
        ("remove repeated numbers", "keep the first of equal numbers"),
        "list(dict.fromkeys({v}))",
        {Kind.FUNCTION: "sorted(set({v}))"},
    ),
    primitive(
        "rotate_list",
        SAME,
        ("rotate left by {c}", "move the first {c} numbers to the end"),
        "{v}[{c}:] + {v}[:{c}]",
        {Kind.DIRECTION: "{v}[-{c}:] + {v}[:-{c}]"},
        (2, 3),
    ),
    primitive(
        "prepend",
        SAME,
        ("put {c} in front", "insert {c} before the numbers"),
        "[{c}] + {v}",
        {Kind.WRONG_END: "{v} + [{c}]"},
        MIDDLE,
    ),
    primitive(
        "append",
        SAME,
        ("append {c}", "put {c} after the numbers"),
        "{v} + [{c}]",
        {Kind.WRONG_END: "[{c}] + {v}"},
        MIDDLE,
    ),
)

FOLDS: tuple[Primitive, ...] = (
    primitive(
        "total",
        FOLD,
        ("add up the numbers", "sum the list"),
        "sum({v})",
        {Kind.OFF_BY_ONE: "sum({v}[1:])"},
    ),
    primitive(
        "product",
        FOLD,
        ("multiply the numbers together", "compute the product"),
        "{o} = 1\nfor x in {v}:\n    {o} *= x",
        {
            Kind.INITIAL_VALUE: "{o} = 0\nfor x in {v}:\n    {o} *= x",
            Kind.OPERATOR: "{o} = 1\nfor x in {v}:\n    {o} += x",
        },
    ),
    primitive(
        "largest",
        FOLD,
        ("find the largest number or 0", "compute the maximum or 0"),
        "max({v}, default=0)",
        {Kind.DIRECTION: "min({v}, default=0)"},
    ),
    primitive(
        "smallest",
        FOLD,
        ("find the smallest number or 0", "compute the minimum or 0"),
        "min({v}, default=0)",
        {Kind.OMISSION: "min({v})"},
    ),
    primitive(
        "length",
        FOLD,
        ("count the numbers", "compute the length of the list"),
        "len({v})",
        {Kind.OFF_BY_ONE: "len({v}) - 1"},
    ),
    primitive(
        "count_even",
        FOLD,
        ("count the even numbers", "find how many numbers are even"),
        "sum(x % 2 == 0 for x in {v})",
        {Kind.FUNCTION: "sum(x for x in {v} if x % 2 == 0)"},
    ),
    primitive(
        "count_above",
        FOLD,
        ("count numbers greater than {c}", "find how many values exceed {c}"),
        "sum(x > {c} for x in {v})",
        {Kind.COMPARISON: "sum(x >= {c} for x in {v})"},
        MIDDLE,
    ),
    primitive(
        "count_negative",
        FOLD,
        ("count the negative numbers", "find how many numbers are below zero"),
        "{o} = 0\nfor x in {v}:\n    if x < 0:\n        {o} += 1",
        {
            Kind.INITIAL_VALUE: "{o} = 1\nfor x in {v}:\n    if x < 0:\n        {o} += 1",
            Kind.VARIABLE: "{o} = 0\nfor x in {v}:\n    if x < 0:\n        {o} += x",
        },
    ),
    primitive(
        "total_positive",
        FOLD,
        ("add up the positive numbers", "sum what is above zero"),
        "{o} = 0\nfor x in {v}:\n    if x > 0:\n        {o} += x",
        {
            Kind.OPERATOR: "{o} = 0\nfor x in {v}:\n    if x > 0:\n        {o} -= x",
            Kind.VARIABLE: "{o} = 0\nfor x in {v}:\n    if x > 0:\n        {o} += 1",
        },
    ),
    primitive(
        "spread",
        FOLD,
        ("find the gap between largest and smallest", "compute maximum minus minimum"),
        "max({v}, default=0) - min({v}, default=0)",
        {Kind.OPERANDS: "min({v}, default=0) - max({v}, default=0)"},
    ),
    primitive(
        "count_distinct",
        FOLD,
        ("count the distinct numbers", "find how many different numbers there are"),
        "len(set({v}))",
        {Kind.OMISSION: "len({v})"},
    ),
    primitive(
        "total_squares",
        FOLD,
        ("sum the squares", "add up each number times itself"),
        "sum(x * x for x in {v})",
        {Kind.STEP_ORDER: "sum({v}) * sum({v})"},
    ),
    primitive(
        "alternating_total",
        FOLD,
        ("compute the alternating sum", "add and subtract the numbers in turn"),
        "sum({v}[::2]) - sum({v}[1::2])",
        {Kind.OPERANDS: "sum({v}[1::2]) - sum({v}[::2])"},
    ),
    primitive(
        "mean",
        FOLD,
        ("compute the mean rounded down", "find the whole average"),
        "sum({v}) // max(len({v}), 1)",
        {Kind.OFF_BY_ONE: "sum({v}) // (len({v}) + 1)"},
    ),
)

TO_TEXT: tuple[Primitive, ...] = (
    primitive(
        "join_dashes",
        (Type.LIST, Type.TEXT),
        ("join the numbers with dashes", "write the numbers with - between them"),
        '"-".join(str(x) for x in {v})',
        {Kind.CONSTANT: '"".join(str(x) for x in {v})'},
    ),
    primitive(
        "join_commas",
        (Type.LIST, Type.TEXT),
        ("join the numbers with commas", "write the numbers with , between them"),
        '",".join(str(x) for x in {v})',
        {Kind.OMISSION: '",".join(str(x) for x in {v}[1:])'},
    ),
)

LISTS = FILTERS + MAPS + SHAPES + FOLDS + TO_TEXT
