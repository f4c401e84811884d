"""One program in full: what it came to, its text or what changed in it, and its tests."""

from __future__ import annotations

from typing import Literal

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from btp_tui import words
from btp_tui.panels.panel import READING, line, lines
from btp_tui.panels.program_diff import compared_programs
from btp_tui.panels.program_facts import program_facts
from btp_tui.panels.program_tests import each_test
from btp_tui.panels.program_tokens import sampled_tokens
from btp_tui.snapshot import ProgramCard
from btp_tui.theme import outcome_sign

Shows = Literal["program", "changes", "tokens"]

#: Cells from which on the tests stand beside the text.
TESTS_BESIDE = 148


class ProgramView(VerticalScroll, can_focus=True):
    """Facts, text and tests of one program; scrolls where they are longer than the room.

    In a wide window the tests stand beside the rest, unless two programs are compared there.
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._card: ProgramCard | None = None
        self._shows: Shows = "program"
        self._none = READING

    def compose(self) -> ComposeResult:
        """Three parts that are updated, never composed anew."""
        with Vertical(id="text"):
            yield Static(id="facts")
            yield Static(id="code")
        yield Static(id="tests")

    def on_mount(self) -> None:
        """A program may have come before the parts were there."""
        self._draw(None)

    def on_resize(self, _event: Resize) -> None:
        """Values are cut, and programs laid beside each other, by the width."""
        self._draw(None)

    @property
    def card(self) -> ProgramCard | None:
        """The program that is shown."""
        return self._card

    @property
    def shows(self) -> Shows:
        """Its text, what changed since the program before, or its tokens."""
        return self._shows

    @shows.setter
    def shows(self, shows: Shows) -> None:
        self._shows = shows
        self._draw(None)

    def say_none(self, why: str) -> None:
        """Why there is no program, for as long as there is none."""
        before, self._none = self._none, why
        if self._card is None and why != before and self.is_mounted:
            self._draw(None)

    def show_card(self, card: ProgramCard | None) -> None:
        """Shows a program; only what differs from the one before is drawn again."""
        before, self._card = self._card, card
        if card != before and self.is_mounted:
            self._draw(before)
            if card is None or before is None or card.sample != before.sample:
                self.scroll_home(animate=False)

    def _draw(self, before: ProgramCard | None) -> None:
        card, width = self._card, self.size.width
        columns = width >= TESTS_BESIDE and self._shows != "changes"
        self.set_class(columns, "-columns")
        self.border_title = line(card.task) if card else "Program"  # no markup: a dataset's own
        lineage = card.lineage if card else None
        self.border_subtitle = f"program {lineage.said} of this task" if lineage else ""
        facts = lines(program_facts(card)) if card else line((self._none, "$dimmed"))
        self.query_one("#facts", Static).update(facts)
        if card is None or before is None or _long_parts(card) != _long_parts(before):
            self.query_one("#code", Static).update(self._code(card) if card else "")
            tests = each_test(card, width // 2 if columns else width) if card else ""
            self.query_one("#tests", Static).update(tests)

    def _code(self, card: ProgramCard) -> Content:
        match self._shows:
            case "changes":
                return compared_programs(card, self.size.width)
            case "tokens":
                return sampled_tokens(card.tokens)
            case _:
                return _code(card)


def _long_parts(card: ProgramCard) -> tuple[object, ...]:
    """What the text and the tests are drawn from."""
    return card.text, card.tests, card.lineage, card.tokens


def _code(card: ProgramCard) -> Content:
    """The text with line numbers; below a line at which tests failed, what they say."""
    from textual.highlight import highlight  # brings pygments

    blamed = _blamed(card)
    text = highlight(card.text.rstrip("\n"), language="python", path=None)
    rows = [Content("")]
    for number, row in enumerate(text.split("\n", allow_blank=True), start=1):
        if number not in blamed:
            rows.append(line((f"{number:>4} ", "$dimmed")) + row)
            continue
        rows.append(line((f"▸{number:>3} ", "$failed")) + row)
        rows += [line("     ", (f"╰ {said}", style)) for said, style in blamed[number]]
    return lines(rows)


def _blamed(card: ProgramCard) -> dict[int, list[tuple[str, str]]]:
    """Line number -> what the tests that failed there say, with its colour, each message once."""
    tests: dict[tuple[int, str, str], list[int]] = {}
    for number, test in enumerate(card.tests, start=1):
        if test.line is not None:
            said = test.message.strip().split("\n")[-1] or test.outcome or ""
            tests.setdefault((test.line, said, outcome_sign(test.outcome).style), []).append(number)
    blamed: dict[int, list[tuple[str, str]]] = {}
    for (at, said, style), numbers in tests.items():
        where = f"test {numbers[0]}" if len(numbers) == 1 else words.plural(len(numbers), "test")
        blamed.setdefault(at, []).append((f"{said} ({where})", style))
    return blamed
