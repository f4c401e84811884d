"""One program over the whole window, and from there on through all of its task."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from btp_tui.panels.program import ProgramView, Shows
from btp_tui.screens.live import LiveScreen
from btp_tui.screens.program_keys import PROGRAM_KEYS
from btp_tui.snapshot import ProgramCard


class ProgramScreen(LiveScreen):
    """Everything about one program; escape goes back to where it was opened."""

    READS = frozenset(("page", "card", "tokens"))  # the list it lies over keeps its page
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "n",
            "step(1)",
            "Next",
            tooltip="The next program that the run wrote for this task",
            id="program.next",
        ),
        Binding(
            "N",
            "step(-1)",
            "Previous",
            tooltip="The program that the run wrote before this one",
            id="program.previous",
        ),
        # At either end they do nothing: elsewhere N begins a new run.
        Binding("n", "stay", show=False, id="program.next"),
        Binding("N", "stay", show=False, id="program.previous"),
        Binding(
            "v",
            "compare",
            "Compare",
            tooltip="What changed since the one before, or the text again",
            id="program.compare",
        ),
        Binding(
            "u",
            "tokens",
            "Tokens",
            tooltip="How sure the model was of each, or the text again",
            id="program.tokens",
        ),
        Binding(
            "y",
            "app.copy_program",
            "Copy",
            tooltip="Copy the text of the program",
            id="program.copy",
        ),
        *PROGRAM_KEYS,
        Binding(
            "escape", "app.close_program", "Back", tooltip="Go back to the list", id="program.back"
        ),
    ]

    class Wanted(Message):
        """Another program of the task is asked for."""

        def __init__(self, sample: int) -> None:
            super().__init__()
            self.sample = sample

    class Tokens(Message):
        """The tokens of the program are asked for, or not any more."""

        def __init__(self, wanted: bool) -> None:
            super().__init__()
            self.wanted = wanted

    def __init__(self) -> None:
        super().__init__()
        self._place = 0  # of the program asked for last
        self._asked: int | None = None  # its sample, until it was read

    def compose_body(self) -> ComposeResult:
        """The view alone."""
        view = ProgramView(id="program")
        view.add_class("framed")
        yield view

    @property
    def chosen(self) -> ProgramCard | None:
        """The program in sight."""
        return self._view.card

    def on_mount(self) -> None:
        """Arrow keys scroll."""
        self._view.focus()

    def show_card(self, card: ProgramCard | None) -> None:
        """Takes over what the feed has read."""
        for view in self.query(ProgramView):  # none yet while the screen is being composed
            view.say_none("This program is not in the store any more.")
            view.show_card(card)
            if card and card.lineage and self._asked in (None, card.sample):
                self._place, self._asked = card.lineage.place, None
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only where there is another program of the task can it be gone to."""
        card = self._view.card
        if action in ("compare", "tokens"):
            return card is not None
        if action != "step":
            return True
        if card is None or card.lineage is None:
            return False
        return 0 <= self._place + int(str(parameters[0])) < len(card.lineage.samples)

    def action_step(self, programs: int) -> None:
        """Asks for another program of the task, counted from the one asked for last."""
        card = self._view.card
        if card is None or card.lineage is None:
            return
        self._place += programs
        self._asked = card.lineage.samples[self._place]
        self.post_message(self.Wanted(self._asked))
        self.refresh_bindings()

    def action_stay(self) -> None:
        """There is no further program."""

    def action_compare(self) -> None:
        """Shows what differs from the program before, or the whole program again."""
        self._show("changes")

    def action_tokens(self) -> None:
        """Shows how sure the model was of each token, or the whole program again."""
        self._show("tokens")

    def _show(self, shows: Shows) -> None:
        self._view.shows = "program" if self._view.shows == shows else shows
        self.post_message(self.Tokens(self._view.shows == "tokens"))

    @property
    def _view(self) -> ProgramView:
        return self.query_one(ProgramView)
