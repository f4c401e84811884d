"""Likelihood by worth: the loss is nll's, and a program's weight is its P2Value (eq. 6).

So a program that passes little moves the weights little, however it came to be drawn. The weights
are those of the moment: they follow α, new verdicts and possibilities that were computed anew.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from core.candidates import possibilities
from core.config import ReplayConfig
from core.priority import Floats, p2value
from storage.rows import Rows


def worth(samples: Rows, rows: NDArray[Any], knobs: ReplayConfig) -> Floats:
    """w = α·P(t) + (1-α)·pass_rate of some rows (n,), in [0, 1]."""
    return p2value(possibilities(samples, rows, knobs), samples.pass_rate.take(rows), knobs.alpha)
