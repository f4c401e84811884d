"""How runs look in a table: where each stands, and what it came to."""

from __future__ import annotations

from collections.abc import Sequence

from btp_tui import words
from btp_tui.panels.columns import Column
from btp_tui.panels.panel import Piece, line
from btp_tui.panels.table import Table
from btp_tui.snapshot import RunLine
from btp_tui.theme import COMPARED, STATES


class RunTable(Table[RunLine]):
    """One row a run; those marked for comparing have a letter in the order of their marks."""

    def __init__(self, id: str) -> None:
        columns: list[Column[RunLine]] = [
            Column("state", 10, self._state),
            Column("run", 12, lambda run: run.name, cut=words.fit_name),
            Column("held-out", 17, _accuracy),
            Column("iter", 7, _iterations, right=True),
            Column("programs", 9, _programs, right=True, optional=1),
            Column("took", 11, _took, right=True, optional=2),
            Column("started", 16, lambda run: words.day(run.at), optional=3),
            Column("kind", 6, lambda run: run.kind, optional=5),
            Column("model", 0, lambda run: run.model, optional=4),
        ]
        super().__init__(columns, key=lambda run: run.name, id=id, pinned=True)
        self._marked: tuple[str, ...] = ()

    def show_marks(self, names: Sequence[str]) -> None:
        """Gives the runs of these names their letters."""
        if (marked := tuple(names)) != self._marked:
            self._marked = marked
            self.refresh()

    def _state(self, run: RunLine) -> Piece:
        """A marked run's letter stands in the place of its sign; the word says the state."""
        sign = STATES[run.state]
        word = "archived" if run.archived and not run.alive else run.state
        if run.name not in self._marked:
            return (f"{sign.mark} {word}", sign.style)
        letter = COMPARED[self._marked.index(run.name)]
        return line((letter, "bold $accent"), (f" {word}", sign.style))


def _accuracy(run: RunLine) -> Piece:
    if run.initial is None or run.newest is None:
        return ("–", "$dimmed")
    return f"{words.percent(run.initial)} → {words.percent(run.newest)}"


def _iterations(run: RunLine) -> Piece:
    progress = run.progress
    if progress is None:
        return "–"
    return (
        f"{progress.iteration}/{progress.iterations}"
        if progress.iterations
        else f"{progress.iteration}"
    )


def _programs(run: RunLine) -> Piece:
    return words.count(run.progress.programs) if run.progress else "–"


def _took(run: RunLine) -> Piece:
    return words.duration(run.progress.elapsed_s) if run.progress else "–"
