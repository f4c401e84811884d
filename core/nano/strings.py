"""Primitives that take a text or a list of words."""

from __future__ import annotations

from core.nano.family import Kind, Primitive, Type, primitive

SAME = (Type.TEXT, Type.TEXT)
COUNT = (Type.TEXT, Type.NUMBER)
WORDS = (Type.WORDS, Type.WORDS)
SMALL = (2, 3, 4, 5)
LETTERS = ("a", "e", "o", "s", "t", "n")

TEXTS: tuple[Primitive, ...] = (
    primitive(
        "upper",
        SAME,
        ("convert to upper case", "make all letters capital"),
        "{v}.upper()",
        {Kind.FUNCTION: "{v}.title()"},
    ),
    primitive(
        "lower",
        SAME,
        ("convert to lower case", "make all letters small"),
        "{v}.lower()",
        {Kind.DIRECTION: "{v}.upper()"},
    ),
    primitive(
        "reverse_text",
        SAME,
        ("reverse the text", "write the text backwards"),
        "{v}[::-1]",
        {Kind.WRONG_END: "{v}[:-1]"},
    ),
    primitive(
        "drop_vowels",
        SAME,
        ("remove the small vowels", "drop every a, e, i, o, u"),
        '"".join(ch for ch in {v} if ch not in "aeiou")',
        {Kind.COMPARISON: '"".join(ch for ch in {v} if ch in "aeiou")'},
    ),
    primitive(
        "keep_letters",
        SAME,
        ("keep only the letters", "drop what is not a letter"),
        '"".join(ch for ch in {v} if ch.isalpha())',
        {Kind.FUNCTION: '"".join(ch for ch in {v} if ch.isalnum())'},
    ),
    primitive(
        "drop_digits",
        SAME,
        ("remove the digits", "drop every digit from the text"),
        '"".join(ch for ch in {v} if not ch.isdigit())',
        {Kind.OMISSION: '"".join(ch for ch in {v} if ch.isdigit())'},
    ),
    primitive(
        "drop_spaces",
        SAME,
        ("remove the spaces", "close all gaps in the text"),
        '{v}.replace(" ", "")',
        {Kind.FUNCTION: "{v}.strip()"},
    ),
    primitive(
        "first_letters",
        SAME,
        ("take the first {c} characters", "keep {c} characters from the start"),
        "{v}[:{c}]",
        {Kind.OFF_BY_ONE: "{v}[:{c} - 1]"},
        SMALL,
    ),
    primitive(
        "skip_letters",
        SAME,
        ("skip the first {c} characters", "cut {c} characters off the start"),
        "{v}[{c}:]",
        {Kind.WRONG_END: "{v}[:-{c}]"},
        (2, 3, 4),
    ),
    primitive(
        "double_letters",
        SAME,
        ("double each character", "write every character twice"),
        '"".join(ch * 2 for ch in {v})',
        {Kind.FUNCTION: "{v} * 2"},
    ),
    primitive(
        "sort_letters",
        SAME,
        ("sort the characters", "put the characters in order"),
        '"".join(sorted({v}))',
        {Kind.FUNCTION: '"".join(sorted(set({v})))'},
    ),
    primitive(
        "repeat_text",
        SAME,
        ("repeat the text {c} times", "write {c} copies of the text"),
        "{v} * {c}",
        {Kind.OFF_BY_ONE: "{v} * ({c} - 1)"},
        (2, 3, 4),
    ),
    primitive(
        "exclaim",
        SAME,
        ("add an exclamation mark", "end with !"),
        '{v} + "!"',
        {Kind.OPERANDS: '"!" + {v}'},
    ),
    primitive(
        "distinct_letters",
        SAME,
        ("remove repeated characters", "keep the first of equal characters"),
        '"".join(dict.fromkeys({v}))',
        {Kind.FUNCTION: '"".join(sorted(set({v})))'},
    ),
    primitive(
        "drop_letter",
        SAME,
        ("remove every letter {c}", "drop each {c} from the text"),
        '{v}.replace("{c}", "")',
        {Kind.OFF_BY_ONE: '{v}.replace("{c}", "", 1)'},
        LETTERS,
    ),
)

COUNTS: tuple[Primitive, ...] = (
    primitive(
        "text_length",
        COUNT,
        ("count the characters", "compute the length of the text"),
        "len({v})",
        {Kind.FUNCTION: "len(set({v}))"},
    ),
    primitive(
        "count_vowels",
        COUNT,
        ("count the small vowels", "find how many of a, e, i, o, u occur"),
        'sum(ch in "aeiou" for ch in {v})',
        {Kind.COMPARISON: 'sum(ch not in "aeiou" for ch in {v})'},
    ),
    primitive(
        "count_letter",
        COUNT,
        ("count the letter {c}", "find how often {c} occurs in the text"),
        '{v}.count("{c}")',
        {Kind.FUNCTION: '{v}.find("{c}")'},
        LETTERS,
    ),
    primitive(
        "count_words",
        COUNT,
        ("count the words", "find how many words there are"),
        "len({v}.split())",
        {Kind.OMISSION: "len({v})"},
    ),
    primitive(
        "count_capitals",
        COUNT,
        ("count the capital letters", "find how many letters are upper case"),
        "{o} = 0\nfor ch in {v}:\n    if ch.isupper():\n        {o} += 1",
        {
            Kind.FUNCTION: "{o} = 0\nfor ch in {v}:\n    if ch.islower():\n        {o} += 1",
            Kind.INITIAL_VALUE: "{o} = 1\nfor ch in {v}:\n    if ch.isupper():\n        {o} += 1",
        },
    ),
    primitive(
        "total_digits",
        COUNT,
        ("add up the digits in the text", "sum every digit of the text"),
        "sum(int(ch) for ch in {v} if ch.isdigit())",
        {Kind.FUNCTION: "sum(1 for ch in {v} if ch.isdigit())"},
    ),
)

SPLITS: tuple[Primitive, ...] = (
    primitive(
        "split",
        (Type.TEXT, Type.WORDS),
        ("split into words", "break the text at spaces"),
        "{v}.split()",
        {Kind.FUNCTION: "list({v})"},
        weight=10.0,
    ),
    primitive(
        "word_lengths",
        (Type.TEXT, Type.LIST),
        ("list the word lengths", "measure each word of the text"),
        "[len(w) for w in {v}.split()]",
        {Kind.OFF_BY_ONE: "[len(w) - 1 for w in {v}.split()]"},
    ),
    primitive(
        "letter_places",
        (Type.TEXT, Type.LIST),
        ("list the indices of letter {c}", "find all places where {c} stands"),
        '[i for i, ch in enumerate({v}) if ch == "{c}"]',
        {Kind.COMPARISON: '[i for i, ch in enumerate({v}) if ch != "{c}"]'},
        LETTERS,
    ),
    primitive(
        "text_digits",
        (Type.TEXT, Type.LIST),
        ("list the digits in the text", "collect every digit of the text"),
        "[int(ch) for ch in {v} if ch.isdigit()]",
        {Kind.OPERATOR: "[-int(ch) for ch in {v} if ch.isdigit()]"},
    ),
)

WORD_STEPS: tuple[Primitive, ...] = (
    primitive(
        "sort_words",
        WORDS,
        ("sort the words", "put the words in alphabetical order"),
        "sorted({v})",
        {Kind.OMISSION: "list({v})"},
    ),
    primitive(
        "sort_by_length",
        WORDS,
        ("sort the words by length", "order the words from short to long"),
        "sorted({v}, key=len)",
        {Kind.OMISSION: "sorted({v})"},
    ),
    primitive(
        "reverse_words",
        WORDS,
        ("reverse the order of the words", "put the last word first"),
        "{v}[::-1]",
        {Kind.FUNCTION: "[w[::-1] for w in {v}]"},
    ),
    primitive(
        "reverse_each",
        WORDS,
        ("reverse each word", "write every word backwards"),
        "[w[::-1] for w in {v}]",
        {Kind.STEP_ORDER: "{v}[::-1]"},
    ),
    primitive(
        "capitalize_each",
        WORDS,
        ("capitalize each word", "begin every word with a capital"),
        "[w.capitalize() for w in {v}]",
        {Kind.FUNCTION: "[w.upper() for w in {v}]"},
    ),
    primitive(
        "keep_long_words",
        WORDS,
        ("keep words longer than {c}", "drop words of up to {c} letters"),
        "[w for w in {v} if len(w) > {c}]",
        {Kind.COMPARISON: "[w for w in {v} if len(w) >= {c}]"},
        (2, 3, 4),
    ),
    primitive(
        "distinct_words",
        WORDS,
        ("remove repeated words", "keep the first of equal words"),
        "list(dict.fromkeys({v}))",
        {Kind.FUNCTION: "sorted(set({v}))"},
    ),
    primitive(
        "join_spaces",
        (Type.WORDS, Type.TEXT),
        ("join the words with spaces", "put the words into one text"),
        '" ".join({v})',
        {Kind.CONSTANT: '"".join({v})'},
    ),
    primitive(
        "join_hyphens",
        (Type.WORDS, Type.TEXT),
        ("join the words with hyphens", "write the words with - between them"),
        '"-".join({v})',
        {Kind.CONSTANT: '"_".join({v})'},
    ),
    primitive(
        "initials",
        (Type.WORDS, Type.TEXT),
        ("take the initials", "join the first letter of each word"),
        '"".join(w[0] for w in {v})',
        {Kind.WRONG_END: '"".join(w[-1] for w in {v})'},
    ),
    primitive(
        "longest_word",
        (Type.WORDS, Type.TEXT),
        ("find the first longest word", "pick the word with the most letters"),
        'max({v}, key=len, default="")',
        {Kind.OMISSION: 'max({v}, default="")'},
    ),
)

STRINGS = TEXTS + COUNTS + SPLITS + WORD_STEPS
