"""What the plots and numbers of each screen mean, in a line or two, for the list of keys."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """One thing on a screen and what it means."""

    what: str
    means: str


_P2VALUE = Note("P2Value", "α·P + (1 − α)·pass rate: how much is learned from a program (eq. 6).")
_RATE = Note("pass", "Share of a program's tests that it passes, mean over programs.")

#: By the class of the screen.
NOTES: dict[str, tuple[Note, ...]] = {
    "DashboardScreen": (
        Note("held-out", "Share of tasks never trained on that one greedy program solves."),
        Note("loss", "Nats a token on replayed programs, an update each; less is surer."),
        Note("histogram", "Stored programs by P2Value, and how often each part is drawn (eq. 7)."),
        _P2VALUE,
        Note("α, ω", "α weighs possibility against pass rate; ω sharpens the draws."),
        _RATE,
    ),
    "ProgramsScreen": (
        _RATE,
        _P2VALUE,
        Note("log P", "Log-probability of the whole program under the model, in nats."),
    ),
    "ProgramScreen": (
        _P2VALUE,
        Note("P(t)", "How possible the model finds the program (eq. 1 a token, eq. 2 joint)."),
        Note("draws", "How often replay drew it; its place counts from the most often drawn."),
    ),
    "TasksScreen": (
        Note("history", "Mean pass rate of the task's programs, from old to new."),
        Note("best", "The best pass rate that any program of the task has reached."),
    ),
    "RunsScreen": (
        Note("held-out", "First → newest accuracy on tasks that are never trained on."),
        Note("died", "Its engine is gone without a word; it can go on from its last checkpoint."),
    ),
    "CompareScreen": (
        Note("curves", "Held-out accuracy of each run; its letter stands where its line ends."),
    ),
}
