"""How programs look in a table, on the dashboard and in the browser."""

from __future__ import annotations

from btp_tui import words
from btp_tui.panels.columns import Column
from btp_tui.panels.panel import Piece, line
from btp_tui.panels.table import Table
from btp_tui.snapshot import ProgramLine
from btp_tui.theme import FLAGS, outcome_sign


def latest_table(id: str) -> Table[ProgramLine]:
    """The newest programs, one line each: outcome, task, possibility, and the program itself."""
    columns: list[Column[ProgramLine]] = [
        Column("outcome", 14, outcome_cell),
        Column("pass", 5, pass_rate_cell, right=True),
        Column("task", 10, lambda row: row.task, optional=1, cut=short_task),
        Column("P(t)", 5, lambda row: probability(row.possibility), right=True, optional=2),
        Column("program", 0, lambda row: row.text),
    ]
    return Table(columns, key=lambda row: row.sample, id=id)


def outcome_cell(row: ProgramLine) -> Piece:
    """Sign and word of the outcome, in its colour."""
    sign = outcome_sign(row.outcome)
    more = " …" if row.partial else ""  # tests after the one that timed out were skipped
    return (f"{sign.mark} {row.outcome or 'not tested'}{more}", sign.style)


def flagged_cell(row: ProgramLine) -> Piece:
    """The outcome, and behind it the signs of what the user said of the program."""
    return line(
        line(outcome_cell(row)).truncate(14, ellipsis=True, pad=True),
        (FLAGS["marked"].mark if row.marked else " ", FLAGS["marked"].style),
        (FLAGS["excluded"].mark if row.excluded else " ", FLAGS["excluded"].style),
    )


def pass_rate_cell(row: ProgramLine) -> Piece:
    """The share of tests passed."""
    return "–" if row.pass_rate is None else f"{100 * row.pass_rate:.0f} %"


def probability(value: float | None) -> str:
    """A number in [0, 1] with two digits; a dash where it is unknown."""
    return "–" if value is None else f"{value:.2f}"


def short_task(task: str, width: int) -> str:
    """A task's last two parts, cut where they do not fit, but not at the end."""
    return words.fit_name("/".join(task.split("/")[-2:]), width)


def browser_table(id: str) -> Table[ProgramLine]:
    """All that a table can say of a program; narrow tables leave out what the view beside shows."""
    columns: list[Column[ProgramLine]] = [
        Column("outcome", 16, flagged_cell, sort="outcome"),
        Column("pass", 5, pass_rate_cell, right=True, sort="pass"),
        Column("task", 14, lambda row: row.task, sort="task", cut=short_task),
        Column("iter", 5, lambda row: str(row.iteration), right=True, optional=2, sort="iter"),
        Column("P2Value", 8, p2value_cell, right=True, optional=1, sort="p2value"),
        Column("log P", 7, logprob_cell, right=True, optional=4, sort="logprob"),
        Column("tokens", 7, tokens_cell, right=True, optional=5, sort="tokens"),
        Column(
            "replays",
            8,
            lambda row: words.count(row.replays),
            right=True,
            optional=3,
            sort="replays",
        ),
        Column("source", 10, lambda row: words.fit(row.source, 10), optional=6, sort="source"),
        Column("program", 0, lambda row: row.text, optional=7),
    ]
    return Table(columns, key=lambda row: row.sample, empty="", id=id, pinned=True)


def p2value_cell(row: ProgramLine) -> Piece:
    """Eq. 6 under the knobs of the moment."""
    return probability(row.p2value)


def logprob_cell(row: ProgramLine) -> Piece:
    """log P(t) in nats."""
    return "–" if row.logprob is None else f"{row.logprob:.1f}"


def tokens_cell(row: ProgramLine) -> Piece:
    """The length in tokens."""
    return "–" if row.n_tokens is None else f"{row.n_tokens}"
