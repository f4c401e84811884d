"""A workspace that cannot be read: every screen says why and what to do, none that it is empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from btp_tui.reading.observer import Observer
from btp_tui.reading.wishes import Wishes
from btp_tui.snapshot import Snapshot
from storage.workspace import Workspace
from tests.screens import snapshot, still_app
from tests.stores import Store
from tests.test_key_help import text_of


def damage(workspace: Workspace) -> None:
    """Writes over the middle of the database and what it has not taken in yet."""
    for file in workspace.path.glob("btp.db*"):
        held = bytearray(file.read_bytes())
        held[100:] = b"\xee" * (len(held) - 100)
        file.write_bytes(bytes(held))


@pytest.fixture
def unreadable(tmp_path: Path) -> Snapshot:
    """What the feed says of a damaged database."""
    with Store(tmp_path) as store:
        workspace = store.workspace
    damage(workspace)
    with Observer(workspace) as observer:
        return observer.first_look(Wishes())


@pytest.mark.parametrize("key", ["1", "2", "3", "4"])
async def test_every_screen_says_what_is_damaged_and_what_to_do(
    unreadable: Snapshot, key: str
) -> None:
    async with still_app(unreadable, Path(unreadable.workspace)).run_test() as pilot:
        await pilot.pause()
        await pilot.press("3" if key == "1" else "1", key)
        await pilot.pause()
        said = " ".join(text_of(pilot).split())
        assert "is damaged" in said
        assert "btp-tui db check" in said
        assert "o run yet" not in said
        assert "not readable" in said


async def test_no_run_is_offered_to_be_started_in_it(unreadable: Snapshot) -> None:
    async with still_app(unreadable).run_test() as pilot:
        await pilot.pause()
        assert "Start demo" not in text_of(pilot)
        assert "This workspace cannot be read." in text_of(pilot)


def test_what_was_read_before_the_damage_is_shown_on_beside_it(tmp_path: Path) -> None:
    with Store(tmp_path) as store, Observer(store.workspace) as observer:
        before = observer.snapshot(Wishes())
        assert before.runs
        observer.reader.close()  # what it has in memory is not damaged
        damage(store.workspace)
        after = observer.snapshot(Wishes())
        assert "is damaged" in after.problem
        assert after.runs == before.runs
        assert after.watched is not None


async def test_a_workspace_that_is_only_empty_says_so() -> None:
    async with still_app(Snapshot("btp-runs")).run_test() as pilot:
        await pilot.pause()
        assert "no run yet" in text_of(pilot)
        assert "Start demo" in text_of(pilot)


async def test_what_goes_wrong_is_said_on_the_programs_in_a_small_window_too() -> None:
    """Their screen leaves the sentence of the moment out where there is no room to spare."""
    async with still_app(snapshot()).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("b")
        await pilot.pause()
        assert not pilot.app.screen.query_one("#now").region
        for said in ({"said": "Copied."}, {"trouble": "Cannot write."}):
            pilot.app.say(**said)  # type: ignore[attr-defined]
            await pilot.pause()
            assert next(iter(said.values())) in text_of(pilot)
