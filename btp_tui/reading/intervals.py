"""Seconds between two looks at what need not be looked at with every poll."""

from __future__ import annotations

#: What a plot or a table shows: more would only cost.
SLOW_S = 1.0

#: Whether an engine has taken up a run that rests, or somebody has put it away.
RESTING_S = 1.0
