"""Before something was read: nothing is claimed of it, and no key is offered for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from btp_tui.keys.active import active_keys
from btp_tui.reading.messages import CardReady, PageReady
from btp_tui.snapshot import Page, Snapshot
from tests.screens import EXAMPLES, Examples, card, page, snapshot, still_app
from tests.states import DAMAGED, EMPTY, LOADING, imported

#: What keys ask of one program.
OF_A_PROGRAM = {"Mark", "Unmark", "Exclude", "Include", "Re-run", "Copy", "Compare", "Tokens"}

NO_CARD = Examples(card=lambda sample: None)


@asynccontextmanager
async def at(
    shown: Snapshot, keys: str = "", examples: Examples = EXAMPLES, width: int = 120
) -> AsyncIterator[Pilot[Any]]:
    """The application, after some keys."""
    async with still_app(shown, examples=examples).run_test(size=(width, 40)) as pilot:
        await pilot.pause()
        await pilot.press(*keys.split())
        await pilot.pause()
        yield pilot


def said(pilot: Pilot[Any]) -> str:
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


def offered(pilot: Pilot[Any]) -> set[str]:
    return {key.description for key in active_keys(pilot.app.screen)}


def unread() -> Snapshot:
    """The first look at a workspace: runs and curves, but no program was read."""
    first = snapshot(whole=False, histogram=None, iterations=(), latest=())
    assert first.watched is not None
    return first


# Keys


@pytest.mark.parametrize("shown", [EMPTY, LOADING, DAMAGED])
async def test_the_list_offers_no_key_for_a_program_where_there_is_none(shown: Snapshot) -> None:
    async with at(shown, "b") as pilot:
        assert offered(pilot) & OF_A_PROGRAM == set()


async def test_the_list_offers_them_when_its_first_program_comes() -> None:
    async with at(EMPTY, "b") as pilot:
        heard: list[object] = []
        pilot.app.screen.bindings_updated_signal.subscribe(pilot.app.screen, heard.append)
        pilot.app.post_message(PageReady(page()))
        await pilot.pause()
        assert heard
        assert {"Mark", "Exclude", "Re-run"} <= offered(pilot)
        pilot.app.post_message(PageReady(Page("", sort="newest")))
        await pilot.pause()
        assert offered(pilot) & OF_A_PROGRAM == set()


async def test_one_program_offers_its_keys_once_it_was_read() -> None:
    async with at(snapshot(), "down enter", NO_CARD) as pilot:
        assert offered(pilot) & OF_A_PROGRAM == set()
        pilot.app.post_message(CardReady(card(999)))
        await pilot.pause()
        assert {"Mark", "Exclude", "Re-run", "Copy", "Compare", "Tokens"} <= offered(pilot)


@pytest.mark.parametrize("keys", ["m", "x", "R", "y", "v", "u"])
async def test_a_key_for_a_program_does_nothing_before_it_was_read(keys: str) -> None:
    async with at(snapshot(), "down enter", NO_CARD) as pilot:
        before = pilot.app.screen
        await pilot.press(keys)
        await pilot.pause()
        assert pilot.app.screen is before
        assert "›" not in said(pilot).splitlines()[1], "it answers"


async def test_the_demo_is_offered_once_it_is_known_that_no_engine_works() -> None:
    async with at(LOADING) as pilot:
        assert "Start demo" not in offered(pilot)
        feed: Any = pilot.app._feed  # type: ignore[attr-defined]
        feed.show(EMPTY)
        await pilot.pause()
        assert "Start demo" in offered(pilot)


# Sentences


async def test_the_list_says_that_it_is_read_until_its_first_page() -> None:
    async with at(LOADING, "b") as pilot:
        assert said(pilot).count("Reading…") == 2  # the rows, and the program beside them
        assert "No program" not in said(pilot)
        pilot.app.post_message(PageReady(Page("", sort="newest")))
        await pilot.pause()
        assert "Reading…" not in said(pilot)
        assert "No program chosen." in said(pilot)


async def test_the_list_says_nothing_where_the_line_above_says_what_is_wrong() -> None:
    async with at(DAMAGED, "b") as pilot:
        assert "Reading…" not in said(pilot)
        assert "No program" not in said(pilot)


async def test_a_chosen_program_is_said_to_be_read_until_it_comes() -> None:
    async with at(snapshot(), "b", NO_CARD) as pilot:
        assert said(pilot).count("Reading…") == 1
        assert "No program chosen." not in said(pilot)
    async with at(snapshot(), "down enter", NO_CARD) as pilot:
        assert said(pilot).count("Reading…") == 1
        pilot.app.post_message(CardReady(None))
        await pilot.pause()
        assert "This program is not in the store any more." in said(pilot)
        pilot.app.post_message(CardReady(card(999)))
        await pilot.pause()
        assert "not in the store" not in said(pilot)


async def test_the_dashboard_claims_nothing_of_programs_before_they_were_read() -> None:
    async with at(unread(), width=200) as pilot:
        text = said(pilot)
        assert "Reading…" in text
        assert "No program yet." not in text
        assert "Nothing written yet" not in text
        assert "Fills with the first" not in text
        feed: Any = pilot.app._feed  # type: ignore[attr-defined]
        none = replace(unread().watched, whole=True)  # type: ignore[type-var]
        feed.show(replace(unread(), watched=none))
        await pilot.pause()
        text = said(pilot)
        assert "Reading…" not in text
        for claim in ("No program yet.", "Nothing written yet", "Fills with the first"):
            assert claim in text


async def test_of_a_file_that_was_tested_no_verdict_is_announced_before_they_were_read() -> None:
    shown = imported()
    assert shown.watched is not None
    first = replace(shown.watched, iterations=(), latest=(), whole=False)
    async with at(replace(shown, watched=first)) as pilot:
        assert "on their way" not in said(pilot)
