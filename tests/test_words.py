"""Numbers and names as the screen writes them, also where they are none or too long."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btp_tui import words
from btp_tui.panels.columns import Column, Columns
from btp_tui.panels.latest import short_task

FIGURES: list[Callable[[float], str]] = [
    words.count,
    words.short_count,
    words.percent,
    words.duration,
    words.about,
    words.stopwatch,
    words.memory,
    lambda number: words.memory_of(number, number),
    lambda number: words.rate(number, "tokens"),
]


@pytest.mark.parametrize("write", FIGURES)
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_written_plainly(write: Callable[[float], str], number: float) -> None:
    said = write(number)
    assert "–" in said or said == "an unknown time"
    assert "nan" not in said
    assert "inf" not in said


names = st.text(st.sampled_from("ab/-12"), max_size=30)


@given(names, st.integers(2, 40))
def test_a_name_fits_and_keeps_its_end(name: str, width: int) -> None:
    cut = words.fit_name(name, width)
    assert len(cut) <= width
    assert cut == name or ("…" in cut and cut[-1] == name[-1])


@pytest.mark.parametrize(
    ("task", "width", "said"),
    [
        ("humaneval/123", 14, "humaneval/123"),
        ("humaneval/123", 10, "human…/123"),
        ("apps/competition/999995", 13, "compe…/999995"),
        ("nano/train/17", 10, "train/17"),
        ("mine/one-very-long-name-17", 12, "…ong-name-17"),
        ("one-very-long-name-17", 12, "one…-name-17"),
    ],
)
def test_a_task_keeps_what_tells_it_from_others(task: str, width: int, said: str) -> None:
    assert short_task(task, width) == said


@pytest.mark.parametrize("width", [10, 13])
def test_a_column_cuts_a_name_to_the_room_that_it_gets(width: int) -> None:
    column: Column[str] = Column("task", 0, lambda row: row, cut=short_task)
    shown = Columns([column], width).cells("apps/competition/999995").plain
    assert len(shown.strip()) == width - 2
    assert shown.strip().endswith("/999995")
    assert Columns([column], 4).header("", False).plain.strip() == "task"
