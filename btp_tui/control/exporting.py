"""Writes what a filter finds on the screen to a file: the same set in the same order.

Another process does it by `btp-tui export`; this one asks for the file and says what came of it.
"""

from __future__ import annotations

from pathlib import Path

from btp_tui.control import engine
from btp_tui.panels.found import found_line
from btp_tui.screens.export import ExportDialog, free_place
from btp_tui.snapshot import Knobs, Page, Watched
from btp_tui.watching import WatchingApp
from storage.errors import StorageError
from storage.query import parse_query

#: The knobs that P2Value depends on.
_KNOBS = ("alpha", "possibility", "possibility_under")


class Exporting:
    """Asks where to, and says on whichever screen is in sight then how it went."""

    def __init__(self, app: WatchingApp) -> None:
        self._app = app

    def ask(self, page: Page, watched: Watched | None) -> None:
        """Asks for a file, then writes all that the filter of a page finds."""

        def chosen(place: Path | None) -> None:
            if place is None:
                return
            run = watched.line.name if watched else ""
            knobs = watched.knobs if watched else None
            arguments = export_arguments(page.query, run, knobs, place)
            self._app.say(f"Writing {place} …")
            self._app.run_worker(self._write(arguments), group="exports")

        what = found_line(page, brief=True)
        self._app.push_screen(ExportDialog(what, free_place(Path(), "programs")), chosen)

    async def _write(self, arguments: list[str]) -> None:
        try:
            said = await engine.administer(self._app.workspace, *arguments, group="export")
        except (StorageError, OSError) as error:  # a filter too long for a command line, say
            self._app.say(trouble=str(error))
        else:
            self._app.say(said)


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
