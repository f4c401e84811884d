"""How the dashboard looks in every state; what each picture is to show stands beside it."""

from __future__ import annotations

from tests.pictures import (
    ALL,
    LARGE,
    MIDDLE,
    SMALL,
    TINY,
    Compare,
    Picture,
    assert_as_before,
    each,
)
from tests.screens import snapshot
from tests.states import (
    DAMAGED,
    EMPTY,
    FULL,
    LOADING,
    OPEN,
    band,
    first_look,
    imported,
    locked,
    machines,
    million,
    starting,
    told,
    warned,
)

#: Keys that turn each of the knobs.
TURN = "right_square_bracket " * 3 + "right_curly_bracket t y"
DIVERGED = "Training diverged: loss nan. The newest checkpoint is whole; start again with less."


@each(
    Picture("empty", "The one key to press stands in the middle, nothing else.", EMPTY, sizes=ALL),
    Picture("loading", "It says that it reads, and does not claim that there is no run.", LOADING),
    Picture(
        "starting",
        "The engine starts since 4 s; each panel says what it waits for.",
        starting(),
    ),
    Picture(
        "first measurement",
        "It trains, but nothing is known yet: no panel is broken or shows a zero as a result.",
        first_look(),
    ),
    Picture(
        "running",
        "Five questions at a glance, at each size laid out on purpose; nothing is cut off.",
        snapshot(),
        sizes=(TINY, *ALL),
    ),
    Picture("log", "At 80 by 24 the log takes turns with the programs.", snapshot(), "l"),
    Picture(
        "last minute",
        "Plots of the last minute say so in their titles and axes.",
        snapshot(),
        "Z",
        sizes=(MIDDLE,),
    ),
    Picture(
        "two devices",
        "Use, memory, temperature and power of each.",
        snapshot(telemetry=machines(2)),
    ),
    Picture(
        "eight devices",
        "All eight in one panel; the fourth, which is idle, stands out.",
        snapshot(telemetry=machines(8, cores=64)),
        sizes=ALL,
    ),
    Picture(
        "seed band",
        "The span of three seeds behind the line of this run, with a legend.",
        snapshot(band=band()),
        sizes=(SMALL, LARGE),
    ),
    Picture(
        "preview",
        "Knobs that are not in force are marked as a preview, with the keys for both ways.",
        snapshot(),
        TURN,
        sizes=(SMALL, LARGE),
    ),
    Picture(
        "warnings",
        "One row of a small window, one each where there is room; each says what to do.",
        warned(),
        sizes=(SMALL, LARGE),
    ),
    Picture(
        "warnings dismissed",
        "They are gone, and the footer names the key that brings them back.",
        warned(),
        "w w",
        sizes=(MIDDLE,),
    ),
    Picture(
        "everything at once",
        "Warnings, a preview and a band together leave every panel whole.",
        snapshot(disk=FULL, isolation=OPEN, band=band()),
        TURN,
    ),
    Picture(
        "asked to pause",
        "The engine was asked and ends its step first.",
        snapshot(asked=("pause",)),
    ),
    Picture("paused", "It says so and names the key; p is “go on” now.", snapshot("paused")),
    Picture(
        "held",
        "The display is held, which is not a pause: the badge says that training goes on.",
        snapshot(),
        "space",
    ),
    Picture(
        "finished",
        "It is over: how long it took and what came of it; d starts another.",
        told("finished"),
    ),
    Picture("stopped", "A checkpoint is there, r resumes from it.", told("stopped")),
    Picture(
        "died",
        "The engine is gone: what is safe and which key resumes it.",
        snapshot("died"),
    ),
    Picture("failed", "What the engine said at its end, in full.", told("failed", DIVERGED)),
    Picture(
        "locked",
        "What cannot be read goes before everything else; the last figures stay.",
        locked(),
    ),
    Picture(
        "damaged",
        "What is damaged, what to do, and that looking has changed nothing.",
        DAMAGED,
        sizes=(SMALL, LARGE),
    ),
    Picture(
        "imported",
        "A run that only tested a file: where it comes from and what passes, no training.",
        imported(),
        sizes=ALL,
    ),
    Picture(
        "million",
        "A million programs after 26 days: every number has room.",
        million(),
        sizes=ALL,
    ),
    Picture(
        "light",
        "The light theme: the same meanings in colours that can be read.",
        snapshot(gpus=1),
        sizes=(MIDDLE,),
        theme="btp-light",
    ),
    Picture(
        "high contrast",
        "The high-contrast theme: the same meanings.",
        snapshot("paused"),
        sizes=(MIDDLE,),
        theme="btp-high-contrast",
    ),
)
def test_dashboard(snap_compare: Compare, picture: Picture, size: tuple[int, int]) -> None:
    """As it was when somebody last looked at it."""
    assert_as_before(snap_compare, picture, size)
