"""Runs side by side: their held-out curves, what they came to, and which settings differ."""

from __future__ import annotations

from dataclasses import dataclass

from btp_tui.report.configuration import settings_of, shown
from btp_tui.snapshot import RunLine
from storage.errors import StorageError
from storage.reader import Reader
from storage.schema import EvaluationRecord
from storage.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Compared:
    """One of the runs, its measurements in the order of their updates."""

    line: RunLine
    evaluations: tuple[EvaluationRecord, ...] = ()

    @property
    def best(self) -> float | None:
        """The highest held-out accuracy."""
        return max((one.accuracy for one in self.evaluations), default=None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Up to four runs; `differences` are (setting, its value in each run or "–")."""

    runs: tuple[Compared, ...]
    differences: tuple[tuple[str, tuple[str, ...]], ...] = ()


def compare(workspace: Workspace, lines: tuple[RunLine, ...]) -> Comparison:
    """Reads what is compared; raises StorageError where a run is not there any more."""
    compared, settings = [], []
    with Reader(workspace) as reader:
        for line in lines:
            run = reader.run(line.name)
            if run is None:
                raise StorageError(f"There is no run {line.name} in {workspace.path} any more.")
            measured = sorted(reader.evaluations(run.id), key=lambda one: one.update_number)
            compared.append(Compared(line, tuple(measured)))
            known = settings_of(run.config)
            known.update(reader.settings(run.id))
            settings.append({key: shown(value) for key, value in known.items()})
    keys = dict.fromkeys(key for known in settings for key in known)
    rows = ((key, tuple(known.get(key, "–") for known in settings)) for key in keys)
    differing = tuple((key, values) for key, values in rows if len(set(values)) > 1)
    return Comparison(tuple(compared), differing)
