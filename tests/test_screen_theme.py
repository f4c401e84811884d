"""Colours and words: readable in each theme, and no meaning in colour alone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from textual.color import Color
from textual.theme import Theme

from btp_tui import words
from btp_tui.panels.latest import outcome_cell
from btp_tui.panels.plot import Axis, Series, draw_plot, round_step, sparkline, time_step
from btp_tui.theme import LEVELS, OUTCOMES, STATES, THEMES, outcome_sign
from core.tasks import Outcome
from tests.screens import program_line

TEXTS = [
    "dimmed",
    "passed",
    "failed",
    "errored",
    "timeout",
    "denied",
    "unknown",
    "drawn",
    "frame-focused",
    "footer-key-foreground",
]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        channels = [value / 255 for value in Color.parse(colour).rgb]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_text_colour_can_be_read_on_every_ground(theme: Theme) -> None:
    grounds = [theme.background, theme.surface, theme.variables["block-cursor-background"]]
    colours = {name: theme.variables[name] for name in TEXTS}
    colours |= {"foreground": str(theme.foreground), "secondary": str(theme.secondary)}
    for ground in grounds:
        too_faint = {
            name: round(contrast(colour, str(ground)), 2)
            for name, colour in colours.items()
            if contrast(colour, str(ground)) < 4.5
        }
        assert not too_faint, ground


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_sign_has_a_colour_in_every_theme(theme: Theme) -> None:
    built_in = {"foreground", "primary"}
    for sign in [*OUTCOMES.values(), *STATES.values(), *LEVELS.values()]:
        assert sign.style.removeprefix("$") in set(theme.variables) | built_in


def test_every_outcome_has_a_sign_of_its_own() -> None:
    assert set(OUTCOMES) == {outcome.value for outcome in Outcome}
    assert len({sign.mark for sign in OUTCOMES.values()}) == len(OUTCOMES)
    assert outcome_sign(None).mark not in {sign.mark for sign in OUTCOMES.values()}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.6, "1 min"), (190, "3 min 10 s"), (7500, "2 h 5 min"), (90000, "1 d 1 h")],
)
def test_durations_in_their_two_biggest_units(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


def test_numbers_carry_their_units() -> None:
    assert words.percent(0.625) == "62.5 %"
    assert words.percent(None) == "–"
    assert words.rate(1812.4, "tokens") == "1,812 tokens/s"
    assert words.rate(4.21, "updates") == "4.2 updates/s"
    assert words.memory(5.21 * 1024**3) == "5.2 GB"
    assert words.memory_of(5.1 * 1024**3, 16 * 1024**3) == "5.1 of 16 GB"
    assert words.plural(1, "program") == "1 program"
    assert words.plural(1234, "program") == "1,234 programs"
    assert words.stopwatch(7500) == "2:05:00"


def test_ticks_are_round_and_few() -> None:
    assert [round_step(span, 5) for span in (100, 1, 0.7, 23)] == [20, 0.2, 0.2, 5]
    assert [time_step(span, 4) for span in (36, 90, 600, 7200)] == [10, 30, 300, 1800]


@pytest.mark.parametrize("points", [(), ((0.0, 5.0),), ((3.0, 0.0), (3.0, 0.0))])
@pytest.mark.parametrize("size", [(80, 20), (20, 4), (8, 2), (5, 1)])
def test_a_plot_fills_its_room_whatever_it_is_given(
    points: tuple[tuple[float, float], ...], size: tuple[int, int]
) -> None:
    x, y = Axis("min:s", words.stopwatch, step=time_step), Axis("%", lambda value: f"{value:.0f}")
    rows = draw_plot([Series(points, "$passed")], x, y, *size)
    assert len(rows) == size[1]
    assert all(row.cell_length <= max(size[0], 6) for row in rows)


def test_a_sparkline_shows_the_newest_values() -> None:
    assert sparkline([0, 0, 0.5, 1.0], 3, 0.0, 1.0) == "▁▅█"
    assert sparkline([], 5, 0.0, 1.0) == ""


def test_the_first_frame_needs_neither_numpy_nor_pydantic_nor_pygments() -> None:
    code = (
        "import sys, btp_tui.app;"
        "print(sorted({'numpy', 'pydantic', 'pygments'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_heavy_is_loaded_by_what_the_screen_loads_later() -> None:
    code = (
        "import sys, btp_tui.app, btp_tui.reading.observer, btp_tui.reading.answers;"
        "import storage.writer;"
        "heavy = {'torch', 'transformers', 'datasets', 'sqlite_utils', 'pandas', 'pydantic'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_verdict_whose_tests_were_partly_skipped_is_marked_in_its_row() -> None:
    line = replace(program_line(1), outcome="timeout", partial=True)
    assert outcome_cell(line) == (
        f"{OUTCOMES['timeout'].mark} timeout …",
        OUTCOMES["timeout"].style,
    )
    assert "…" not in outcome_cell(replace(line, partial=False))[0]
