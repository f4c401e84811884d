"""Runs a stored program again with a longer time limit: asks for it, waits, shows then and now."""

from __future__ import annotations

import math
import time
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, Static

from btp_tui import words
from btp_tui.control.rerun import Rerun, TestThenNow, ThenNow
from btp_tui.keys.names import key_of
from btp_tui.panels.panel import Piece, line, lines
from btp_tui.theme import outcome_sign
from storage.errors import StorageError
from storage.workspace import Workspace

#: Seconds that a test may be given.
LEAST_S, MOST_S = 0.01, 3600.0

_KEEPS = "The stored verdict stays as it is: nothing of this is written down."
_WIDTH = 68  # of the dialog's text


class RerunDialog(ModalScreen[None]):
    """Escape ends the program where it runs, and goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape",
            "leave",
            "Back",
            tooltip="End the program where it runs; go back",
            id="rerun.back",
        ),
    ]

    def __init__(self, workspace: Workspace, sample: int, task: str, limit_s: float) -> None:
        """`limit_s` is the limit of the program's run, in CPU seconds a test."""
        super().__init__()
        self._workspace, self._sample, self._about = workspace, sample, task
        self._limit_s = limit_s
        self._rerun: Rerun | None = None
        self._began = 0.0
        self._ticking: Timer | None = None

    def compose(self) -> ComposeResult:
        """The question, the line to edit, and the place of the answer."""
        with Vertical(classes="dialog rerun") as box:
            box.border_title = line(f"Re-run {self._about}, program {self._sample}")  # no markup
            yield Static(
                f"CPU seconds a test may take (its run: {self._limit_s:g}, or as the task says):",
                id="rerun-question",
            )
            yield Input(
                f"{10 * self._limit_s:g}", id="rerun-limit", select_on_focus=False, compact=True
            )
            with VerticalScroll(id="rerun-answer", can_focus=True):
                yield Static(id="rerun-said")
            yield Static(id="rerun-keys")

    def on_mount(self) -> None:
        """Says what is going to happen."""
        self._say(line((_KEEPS, "$dimmed")))
        self._keys(("enter", "runs it"), (key_of("rerun.back"), "goes back"))

    def on_unmount(self) -> None:
        """Nobody waits for it any more."""
        if self._rerun is not None:
            self._rerun.end()

    @on(Input.Submitted, "#rerun-limit")
    def submitted(self, message: Input.Submitted) -> None:
        """Begins, where a limit is written."""
        limit_s = read_limit(message.value)
        if limit_s is None:
            said = f"Write a number of seconds from {LEAST_S:g} to {MOST_S:,.0f}."
            self._say(line((f"✗ {said}", "$failed")))
            return
        message.input.disabled = True
        self._began = time.monotonic()
        self._ticking = self.set_interval(1.0, self._wait)
        self._wait()
        self._keys((key_of("rerun.back"), "ends it"))
        self.run_worker(self._run(limit_s), group="rerun")

    async def _run(self, limit_s: float) -> None:
        self._rerun = Rerun()
        try:
            found = await self._rerun.run(self._workspace, self._sample, limit_s)
        except (StorageError, OSError) as error:
            self._finish(line((f"✗ {error}", "$failed")))
        else:
            if found is not None:
                self._finish(then_and_now(found))

    def _wait(self) -> None:
        seconds = time.monotonic() - self._began
        self._say(line(f"Running in the sandbox … {words.duration(seconds)}"))

    def _finish(self, said: Content) -> None:
        if self._ticking is not None:
            self._ticking.stop()
        self._rerun = None
        self._say(said)
        self._keys((key_of("rerun.back"), "goes back"))
        self.query_one("#rerun-answer").focus()

    def _say(self, said: Content) -> None:
        self.query_one("#rerun-said", Static).update(lines([Content(""), said, Content("")]))

    def _keys(self, *keys: tuple[str, str]) -> None:
        pieces: list[Piece] = []
        for key, does in keys:
            pieces += [(key, "bold $footer-key-foreground"), f" {does}    "]
        self.query_one("#rerun-keys", Static).update(line(*pieces))

    def action_leave(self) -> None:
        """Ends what runs, and goes back."""
        self.dismiss(None)


def read_limit(text: str) -> float | None:
    """A limit in seconds; None where the text is none that a test may be given."""
    try:
        limit_s = float(text)
    except ValueError:
        return None
    return limit_s if math.isfinite(limit_s) and LEAST_S <= limit_s <= MOST_S else None


def then_and_now(found: ThenNow) -> Content:
    """A row a test, stored outcome and new one beside each other, and what they add up to."""
    rows = [line((f"{'test':>6}  {'then':<16}  now", "$dimmed"))]
    for number, test in enumerate(found.tests, start=1):
        rows += _test(number, test)
    passed = sum(test.now == "passed" for test in found.tests)
    before = sum(test.then == "passed" for test in found.tests)
    total = (
        f"{passed} of {words.plural(len(found.tests), 'test')} passed with {found.limit_s:g} s "
        f"each, {before} under its run's limit."
    )
    return lines([*rows, Content(""), line((total, "bold")), line((_KEEPS, "$dimmed"))])


def _test(number: int, test: TestThenNow) -> list[Content]:
    then, now = outcome_sign(test.then), outcome_sign(test.now)
    row = line(
        (f"{number:>6}  ", "$dimmed"),
        (f"{then.mark} {test.then or 'not run':<16}", then.style),
        (f"{now.mark} {test.now}", now.style),
        (f"  {test.seconds:.2f} s", "$dimmed"),
    )
    if test.now == "passed" or not test.message:
        return [row]
    said = words.fit(test.message.strip().split("\n")[-1], _WIDTH - 8)
    return [row, line((f"{'':8}{said}", "$dimmed"))]
