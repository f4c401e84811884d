"""What a program came to, where it is from, and what the replay makes of it, in numbers."""

from __future__ import annotations

import math

from textual.content import Content

from btp_tui import words
from btp_tui.keys.names import key_of
from btp_tui.panels.panel import Piece, line
from btp_tui.panels.program_tests import fact
from btp_tui.snapshot import ProgramCard, Standing
from btp_tui.theme import FLAGS, outcome_sign


def program_facts(card: ProgramCard) -> list[Content]:
    """One row a fact."""
    sign = outcome_sign(card.outcome)
    passed = sum(test.outcome == "passed" for test in card.tests)
    verdict: list[Piece] = [
        (f"{sign.mark} {card.outcome or 'not tested yet'}", f"bold {sign.style}")
    ]
    if card.outcome:
        verdict.append(f"  {passed} of {words.plural(len(card.tests), 'test')}")
        if skipped := sum(test.outcome == "skipped" for test in card.tests):
            verdict.append(f", {skipped} skipped after the first timeout")
    verdict.append((f"   id {card.sample}", "$dimmed"))
    origin = f"iteration {card.iteration} · beam {card.rank} · {card.source} · {card.run}"
    if card.copies > 1:
        origin += f" · sampled {words.plural(card.copies, 'time')}"
    rows = [line(*verdict), line((origin, "$dimmed")), *_flags(card)]
    if card.logprob is not None and card.n_tokens is not None:
        each = math.exp(card.logprob / max(1, card.n_tokens))
        rows.append(
            fact("log P(t)", f"{card.logprob:.2f} nats, {card.n_tokens} tokens of {each:.2f} each")
        )
    if card.student_logprob is not None:
        rows.append(fact("rescored", f"{card.student_logprob:.2f} nats under a later student"))
    if card.standing is None:
        why = "it is not replayed from here" if card.outcome else "it is not tested yet"
        rows.append(fact("P2Value", f"unknown: {why}"))
    else:
        rows += _standing(card, card.standing)
    return [*rows, *_replayed(card)]


def _flags(card: ProgramCard) -> list[Content]:
    """What the user said of it, with the keys that take it back."""
    said: list[Piece] = []
    if card.marked:
        said.append((f"{FLAGS['marked'].mark} marked", FLAGS["marked"].style))
    if card.excluded:
        gap = "   " if said else ""
        said.append(
            (f"{gap}{FLAGS['excluded'].mark} excluded from replay", FLAGS["excluded"].style)
        )
    return [line(*said)] if said else []


def _standing(card: ProgramCard, standing: Standing) -> list[Content]:
    """Eq. 6 in numbers, and what eq. 7 makes of it."""
    pass_rate = card.pass_rate or 0.0
    alpha, likely = standing.knobs.alpha, _small(standing.possibility)
    worked_out = (
        f"{standing.p2value:.3f} = {alpha:.2f}·{likely} P(t) + {1 - alpha:.2f}·{pass_rate:.2f} "
        "pass rate"
    )
    if card.excluded:
        return [
            fact("P2Value", worked_out),
            fact("priority", f"none: excluded, {key_of('program.exclude')} lets it be drawn again"),
        ]
    place = f"place {words.count(standing.place)} of {words.count(standing.candidates)}"
    priority = f"{_chance(standing.probability)} a draw, {place}"
    return [fact("P2Value", worked_out), fact("priority", priority)]


def _replayed(card: ProgramCard) -> list[Content]:
    """How often it was drawn, by which updates last, and since when it is not any more."""
    rows = [fact("replayed", _draws(card))]
    if card.excluded is not None:
        since = f"since {words.day(card.excluded.at)}"
        if card.excluded.update:
            since += f", after update {words.count(card.excluded.update)}"
        rows.append(fact("excluded", since))
    return rows


def _draws(card: ProgramCard) -> str:
    if not card.replays:
        return "never" if card.excluded else "never yet"
    times = words.plural(card.replays, "time")
    if not card.draws:
        return f"{times}, none of them lately"
    updates = [
        words.count(number) if drawn == 1 else f"{words.count(number)} ({drawn} times)"
        for number, drawn in card.draws
    ]
    noun = "update" if len(updates) == 1 else "updates"
    return f"{times}, last in {noun} {', '.join(updates)}"


def _small(value: float) -> str:
    """A probability, in powers of ten where digits would hide it."""
    return f"{value:.2f}" if value >= 0.005 or value == 0 else f"{value:.0e}"


def _chance(probability: float) -> str:
    """A probability in per cent with two telling digits."""
    if probability <= 0:
        return "0 %"
    digits = max(0, 1 - math.floor(math.log10(100 * probability)))
    return f"{100 * probability:.{min(digits, 6)}f} %"
