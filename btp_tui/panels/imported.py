"""A run that only tests the programs of a file: what it is, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from btp_tui import words
from btp_tui.panels.panel import READING, Panel, line, lines
from btp_tui.snapshot import IterationOutcomes, Snapshot
from btp_tui.theme import outcome_sign

#: What kinds of run are called that do not train, and what their inputs are called.
_KINDS = {
    "import": "Imported programs",
    "score": "Scored programs",
    "salvaged": "Salvaged programs",
}
_INPUTS = {"programs": "from", "tasks": "tasks", "run": "run there"}


@dataclass(frozen=True, slots=True)
class Tested:
    """What such a run was given, and what its programs came to."""

    kind: str
    inputs: tuple[tuple[str, str], ...]
    iterations: tuple[IterationOutcomes, ...]
    whole: bool


class TestedFile(Panel[Tested]):
    """Where the programs come from, their outcomes and pass rate, and that nothing trains."""

    TITLE = "Tested programs"

    def part(self, snapshot: Snapshot) -> Tested | None:
        """Only of a run that does not train."""
        watched = snapshot.watched
        if watched is None or watched.line.trains:
            return None
        return Tested(watched.line.kind, watched.inputs, watched.iterations, watched.whole)

    def captions(self, shown: Tested, width: int) -> tuple[str, str]:
        """What kind of run it is."""
        where = " in this run" if width >= 48 else ""
        return f"{_KINDS.get(shown.kind, self.TITLE)} [$dimmed]nothing trains{where}[/]", ""

    def draw(self, shown: Tested, width: int, height: int) -> Content:
        """Inputs, figures, and a bar an outcome."""
        rows = [
            line((f"{_INPUTS.get(key, key):<10}", "$dimmed"), words.fit(value, width - 10))
            for key, value in shown.inputs
        ]
        counts: dict[str, int] = {}
        for one in shown.iterations:
            for outcome, number in one.outcomes:
                counts[outcome] = counts.get(outcome, 0) + number
        total = sum(counts.values())
        if not total:
            said = "The first verdicts are on their way." if shown.whole else READING
            return lines([*rows, line((said, "$dimmed"))])
        rows += _figures(shown.iterations, counts, total)
        if height > len(rows) + 2:
            rows.append(Content(""))
        by_number = sorted(counts.items(), key=lambda one: -one[1])
        rows += [outcome_row(outcome, number, total, width) for outcome, number in by_number]
        return lines(rows[:height])


def _figures(
    iterations: tuple[IterationOutcomes, ...], counts: dict[str, int], total: int
) -> list[Content]:
    passed = counts.get("passed", 0)
    rated = [(one.pass_rate, one.programs) for one in iterations if one.pass_rate is not None]
    mean = sum(rate * number for rate, number in rated) / sum(
        number for _, number in rated or [(0, 1)]
    )
    tested = total - counts.get("", 0)
    all_ = (
        f"{words.count(passed)} of {words.count(tested)} ({words.percent(passed / max(1, tested))})"
    )
    return [
        line((f"{'programs':<10}", "$dimmed"), (words.count(total), "bold")),
        line((f"{'pass all':<10}", "$dimmed"), (all_, "bold")),
        line(
            (f"{'pass rate':<10}", "$dimmed"), f"{words.percent(mean if rated else None)} of tests"
        ),
    ]


def outcome_row(outcome: str, number: int, total: int, width: int) -> Content:
    """One outcome: sign, word, share, how many, and a bar."""
    sign = outcome_sign(outcome)
    share = number / max(1, total)
    name = outcome or "not tested yet"
    head = f"{sign.mark} {name:<14} {words.percent(share, 0):>5} {words.short_count(number):>6} "
    return line((head, sign.style), ("━" * round(share * max(0, width - len(head))), sign.style))
