"""Pictures of the screen: one line of a table each, the same on every machine, at every hour.

After a change that was meant: pytest tests/test_pictures_*.py --snapshot-update, and look at every
picture that changed.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from btp_tui.snapshot import Snapshot
from core.estimate import figures
from core.estimate.machine import Machine
from tests.screens import EXAMPLES, Examples, still_app

#: The windows that everything is laid out for, and one that is lower than terminals come.
TINY, SMALL, MIDDLE, LARGE = (60, 15), (80, 24), (120, 40), (200, 50)
ALL = (SMALL, MIDDLE, LARGE)

Compare = Callable[..., bool]


@dataclass(frozen=True, slots=True)
class Picture:
    """A state, what its picture is to show in a sentence, and how one comes there.

    `keys` are pressed on the dashboard, then `act` is done; `sizes` are those worth a picture.
    """

    state: str
    means: str
    shown: Snapshot
    keys: str = ""
    sizes: tuple[tuple[int, int], ...] = (SMALL,)
    examples: Examples = EXAMPLES
    act: Callable[[Pilot[Any]], Awaitable[None]] | None = None
    theme: str = ""


def each(*pictures: Picture) -> pytest.MarkDecorator:
    """Makes a test of each picture in each of its sizes."""
    rows = [
        pytest.param(picture, size, id=f"{picture.state}-{size[0]}x{size[1]}".replace(" ", "-"))
        for picture in pictures
        for size in picture.sizes
    ]
    return pytest.mark.parametrize(("picture", "size"), rows)


def assert_as_before(compare: Compare, picture: Picture, size: tuple[int, int]) -> None:
    """The picture is the one that was looked at."""

    async def go_there(pilot: Pilot[Any]) -> None:
        if picture.theme:
            pilot.app.theme = picture.theme
        await pilot.pause()
        for key in picture.keys.split():
            await pilot.press(key)
            await pilot.pause()
        if picture.act is not None:
            await picture.act(pilot)
        await settle(pilot)

    with same_everywhere():
        app = still_app(picture.shown, examples=picture.examples)
        assert compare(app, terminal_size=size, run_before=go_there), picture.means


async def settle(pilot: Pilot[Any]) -> None:
    """Until everything that was begun is done; cursors stand still."""
    for _ in range(2):  # what ends may begin something
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
    for line in pilot.app.screen.query(Input):
        line.cursor_blink = False
        line._cursor_visible = True


@contextmanager
def same_everywhere() -> Iterator[None]:
    """One environment, time zone and machine, and a folder with nothing in it."""
    keep = {name: os.environ[name] for name in ("PATH", "TEXTUAL_SNAPSHOT_TEMPDIR")}
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for name in before.keys() - keep.keys():
            if not name.startswith("PYTEST"):
                patch.delenv(name)
        for name, value in (("HOME", folder), ("TZ", "UTC"), ("LANG", "C.UTF-8")):
            patch.setenv(name, value)
        patch.setenv("TERM", "xterm-256color")
        time.tzset()
        patch.chdir(folder)
        Path("btp-runs").mkdir()
        machine = Machine("cpu", "this machine", 2, 16 << 30, 100 << 30)
        patch.setattr(figures, "look", lambda device, workspace: machine)
        yield
    time.tzset()
