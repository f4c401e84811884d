"""The command that writes what a filter finds on the screen: the same set in the same order."""

from __future__ import annotations

from pathlib import Path

from btp_tui.snapshot import Knobs
from storage.query import parse_query

#: The knobs that P2Value depends on.
_KNOBS = ("alpha", "possibility", "possibility_under")


def export_arguments(text: str, run: str, knobs: Knobs | None, place: Path) -> list[str]:
    """The arguments of `btp-tui export` for a filter, as it is meant while a run is watched."""
    query = parse_query(text)
    order = f"sort:{'-' * query.descending}{query.sort}"
    scope = [] if query.of("run") or not run else [f"run:{run}"]
    settings = [f"replay.{name}={getattr(knobs, name)}" for name in _KNOBS] if knobs else []
    arguments = ["--out", str(place.absolute())]
    if place.suffix == "":
        arguments += ["--format", "dataset"]
    for setting in settings:
        arguments += ["--set", setting]
    # One argument, which begins with no "-" whatever the filter does.
    return [*arguments, " ".join([*scope, order, text])]
