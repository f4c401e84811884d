"""The tokens of a program as they were sampled, each by how sure the model was of it."""

from __future__ import annotations

import math

from textual.content import Content

from btp_tui.panels.panel import Piece, line, lines
from btp_tui.panels.program_tests import fact
from btp_tui.snapshot import SampledTokens

#: Least probability -> how a token looks, not by its colour alone, and what that is called.
_LEVELS = (
    (0.9, "", "≥ 0.9"),
    (0.5, "italic $secondary", "≥ 0.5"),
    (0.1, "underline $accent", "≥ 0.1"),
    (0.0, "reverse $accent", "< 0.1"),
)


def sampled_tokens(tokens: SampledTokens | None) -> Content:
    """All tokens under a legend, or why there are none to show."""
    if tokens is None:
        return lines([Content(""), line(("Reading the tokens.", "$dimmed"))])
    if tokens.why_none:
        return lines([Content(""), line((tokens.why_none, "$dimmed"))])
    pieces: list[Piece] = [(text, _level(logprob)[1]) for text, logprob in tokens.tokens]
    rows = [Content(""), _legend(tokens), *_least_sure(tokens), Content("")]
    return lines([*rows, line(*pieces)])


def _legend(tokens: SampledTokens) -> Content:
    """How each level looks, and how many tokens are of it."""
    counts = dict.fromkeys(_LEVELS, 0)
    for _, logprob in tokens.tokens:
        counts[_level(logprob)] += 1
    pieces: list[Piece] = [fact("tokens", f"{len(tokens.tokens)}, by P ")]
    for level, number in counts.items():
        _, style, name = level
        pieces += ["  ", (f"{number} {name}", style)]
    return line(*pieces)


def _least_sure(tokens: SampledTokens) -> list[Content]:
    """The token that the model would most likely have written otherwise."""
    if not tokens.tokens:
        return []
    place, (text, logprob) = min(enumerate(tokens.tokens, 1), key=lambda each: each[1][1])
    said = f"{text!r}, P {math.exp(logprob):.2g}, token {place}"
    share = logprob / min(-1e-12, sum(each for _, each in tokens.tokens))
    return [fact("unsure of", f"{said}: {100 * share:.0f} % of log P(t)")]


def _level(logprob: float) -> tuple[float, str, str]:
    return next(level for level in _LEVELS if math.exp(logprob) >= level[0])
