"""Runs that differ only in their seed: how far chance alone moves the held-out accuracy."""

from __future__ import annotations

import json
import tomllib
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from btp_tui.snapshot import SeedBand
from storage.reader import Reader
from storage.schema import EvaluationRecord, Run

#: What says that one and the same thing was trained.
Recipe = str


class Seeds:
    """Finds the runs of a recipe, and reads each of them again only when it has moved."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._recipes: dict[int, Recipe] = {}
        self._read: dict[int, tuple[float, list[object], list[EvaluationRecord]]] = {}
        self._measured_before: tuple[list[EvaluationRecord], list[list[EvaluationRecord]]] | None
        self._measured_before = None
        self._band: SeedBand | None = None

    def band(
        self, run: Run, runs: Sequence[Run], evaluations: Sequence[EvaluationRecord]
    ) -> SeedBand | None:
        """The band around a run's measurements; None where no other run goes with it."""
        if run.kind != "train" or not evaluations:
            return None
        recipe = self._recipe(run)
        others = [
            other
            for other in runs
            if other.id != run.id and other.kind == "train" and self._recipe(other) == recipe
        ]
        measured = [found for other in others if (found := self._measured(run, other))]
        given = [*evaluations], measured
        if given != self._measured_before:  # with many runs it is no small thing
            self._measured_before = given
            self._band = band_of(evaluations, measured) if measured else None
        return self._band

    def _recipe(self, run: Run) -> Recipe:
        if run.id not in self._recipes:
            settings = tomllib.loads(run.config)
            settings.pop("seed", None)
            self._recipes[run.id] = json.dumps([run.model, settings], sort_keys=True, default=str)
        return self._recipes[run.id]

    def _measured(self, run: Run, other: Run) -> list[EvaluationRecord]:
        """The measurements of a run of the same recipe; none where its knobs were turned since."""
        heartbeat = other.progress.heartbeat if other.progress else 0.0
        knobs: list[object] = [each.progress and each.progress.knobs for each in (run, other)]
        before = self._read.get(other.id)
        if before is None or before[:2] != (heartbeat, knobs):
            alike = self._turned(run) == self._turned(other)
            found = self._reader.evaluations(other.id) if alike else []
            before = self._read[other.id] = (heartbeat, knobs, found)
        return before[2]

    def _turned(self, run: Run) -> list[tuple[str, object]]:
        return self._reader.settings(run.id)


def band_of(
    evaluations: Sequence[EvaluationRecord], others: Sequence[Sequence[EvaluationRecord]]
) -> SeedBand | None:
    """Lowest and highest accuracy at each measurement, where at least one other run got so far."""
    points = []
    for one in evaluations:
        found = [accuracy_at(one.update_number, other) for other in others]
        known = [accuracy for accuracy in found if accuracy is not None]
        if known:
            accuracies = [one.accuracy, *known]
            points.append((one.at, min(accuracies), max(accuracies)))
    return SeedBand(1 + len(others), tuple(points)) if points else None


def accuracy_at(update: int, evaluations: Sequence[EvaluationRecord]) -> float | None:
    """The accuracy after so many updates, between two measurements on the line that joins them.

    `evaluations` are in the order of their updates. None before the first and after the last.
    """
    after = bisect_left(evaluations, update, key=_number)
    passed = bisect_right(evaluations, update, lo=after, key=_number)
    if not passed or after == len(evaluations):
        return None
    low = evaluations[passed - 1]
    high = evaluations[-1 if passed == len(evaluations) else after]
    if low.update_number == high.update_number:
        return high.accuracy
    share = (update - low.update_number) / (high.update_number - low.update_number)
    return low.accuracy + share * (high.accuracy - low.accuracy)


def _number(evaluation: EvaluationRecord) -> int:
    return evaluation.update_number
