"""One program in full: what it came to, its text, and its tests one by one."""

from __future__ import annotations

import math

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from btp_tui import words
from btp_tui.panels.panel import Piece, line, lines
from btp_tui.snapshot import ProgramCard, ShownTest, Standing
from btp_tui.theme import outcome_sign


class ProgramView(VerticalScroll, can_focus=True):
    """Facts, text and tests of one program; scrolls where they are longer than the room."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._card: ProgramCard | None = None

    def compose(self) -> ComposeResult:
        """Three parts that are updated, never composed anew."""
        yield Static(id="facts")
        yield Static(id="code")
        yield Static(id="tests")

    def on_mount(self) -> None:
        """A program may have come before the parts were there."""
        self._draw(None)

    def show_card(self, card: ProgramCard | None) -> None:
        """Shows a program; only what differs from the one before is drawn again."""
        before, self._card = self._card, card
        if card != before and self.is_mounted:
            self._draw(before)

    def _draw(self, before: ProgramCard | None) -> None:
        card = self._card
        self.border_title = card.task if card else "Program"
        facts = lines(_facts(card)) if card else line(("No program chosen.", "$dimmed"))
        self.query_one("#facts", Static).update(facts)
        if card is None or before is None or (card.text, card.tests) != (before.text, before.tests):
            self.query_one("#code", Static).update(_code(card) if card else "")
            self.query_one("#tests", Static).update(_tests(card) if card else "")
        if card is None or before is None or card.sample != before.sample:
            self.scroll_home(animate=False)


def _facts(card: ProgramCard) -> list[Content]:
    sign = outcome_sign(card.outcome)
    passed = sum(test.outcome == "passed" for test in card.tests)
    verdict: list[Piece] = [
        (f"{sign.mark} {card.outcome or 'not tested yet'}", f"bold {sign.style}")
    ]
    if card.outcome:
        verdict.append(f"  {passed} of {words.plural(len(card.tests), 'test')}")
        if skipped := sum(test.outcome == "skipped" for test in card.tests):
            verdict.append(f", {skipped} skipped after the first timeout")
    verdict.append((f"  replayed {words.plural(card.replays, 'time')}", "$dimmed"))
    origin = f"iteration {card.iteration} · beam {card.rank} · {card.source} · {card.run}"
    if card.copies > 1:
        origin += f" · sampled {words.plural(card.copies, 'time')}"
    rows = [line(*verdict), line((origin, "$dimmed"))]
    if card.logprob is not None and card.n_tokens is not None:
        each = math.exp(card.logprob / max(1, card.n_tokens))
        rows.append(
            _fact("log P(t)", f"{card.logprob:.2f} nats, {card.n_tokens} tokens of {each:.2f} each")
        )
    if card.student_logprob is not None:
        rows.append(_fact("rescored", f"{card.student_logprob:.2f} nats under a later student"))
    if card.standing is None:
        return [*rows, _fact("P2Value", "unknown: it is not replayed from here")]
    return [*rows, *_standing(card.standing, card.pass_rate or 0.0)]


def _standing(standing: Standing, pass_rate: float) -> list[Content]:
    """Eq. 6 in numbers, and what eq. 7 makes of it."""
    alpha, likely = standing.knobs.alpha, _small(standing.possibility)
    worked_out = (
        f"{standing.p2value:.3f} = {alpha:.2f}·{likely} P(t) + {1 - alpha:.2f}·{pass_rate:.2f} "
        "pass rate"
    )
    place = f"place {words.count(standing.place)} of {words.count(standing.candidates)}"
    priority = f"{_chance(standing.probability)} a draw, {place}"
    return [_fact("P2Value", worked_out), _fact("priority", priority)]


def _code(card: ProgramCard) -> Content:
    """The text with line numbers; an arrow where a test failed with an error."""
    from textual.highlight import highlight  # brings pygments

    blamed = {test.line for test in card.tests if test.line is not None}
    text = highlight(card.text.rstrip("\n"), language="python", path=None)
    rows = []
    for number, row in enumerate(text.split("\n", allow_blank=True), start=1):
        if number in blamed:
            rows.append(line((f"▸{number:>3} ", "$failed")) + row)
        else:
            rows.append(line((f"{number:>4} ", "$dimmed")) + row)
    return lines([Content(""), *rows])


def _tests(card: ProgramCard) -> Content:
    rows = [Content("")]
    for number, test in enumerate(card.tests, start=1):
        rows += _test(number, test)
    if card.description:
        rows += [Content(""), line(("The task", "$dimmed")), line(card.description.strip())]
    return lines(rows)


def _test(number: int, test: ShownTest) -> list[Content]:
    """One row for a test that passed; input, expected and actual for one that did not."""
    sign = outcome_sign(test.outcome)
    head = (f"{sign.mark} test {number:<2} ", sign.style)
    given = _one_line(test.given)
    if test.outcome in ("passed", None):
        tail = f"  → {_one_line(test.expected)}" if test.expected else ""
        return [line(head, given, (tail, "$dimmed"))]
    rows = [line(head, (test.outcome or "", f"bold {sign.style}"), _where(test))]
    facts = {
        "input": test.given,
        "expected": test.expected,
        "actual": test.actual,
        "says": test.message,
    }
    return rows + [
        line("  ", _fact(name, _one_line(text))) for name, text in facts.items() if text.strip()
    ]


def _where(test: ShownTest) -> Piece:
    where = f" in line {test.line}" if test.line is not None else ""
    return (f"{where}  {1000 * test.seconds:.0f} ms", "$dimmed")


def _fact(name: str, text: str) -> Content:
    return line((f"{name:<9} ", "$dimmed"), text)


def _one_line(text: str) -> str:
    return words.fit(text.strip().replace("\n", " ⏎ "), 400)


def _small(value: float) -> str:
    """A probability, in powers of ten where digits would hide it."""
    return f"{value:.2f}" if value >= 0.005 or value == 0 else f"{value:.0e}"


def _chance(probability: float) -> str:
    """A probability in per cent with two telling digits."""
    if probability <= 0:
        return "0 %"
    digits = max(0, 1 - math.floor(math.log10(100 * probability)))
    return f"{100 * probability:.{min(digits, 6)}f} %"
