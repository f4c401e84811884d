"""One call of `btp-tui experiment`, from the plan to the files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.config_reading import load_config
from core.experiments import provenance
from core.experiments.display import Display
from core.experiments.document import check_document, plots_folder, write_document
from core.experiments.experiment import Experiment
from core.experiments.plan import Asked, Cell, Panel, chosen_panel, plan, shared
from core.experiments.results import ArmResults, Results, read_results
from core.experiments.running import Runner, Stopped, choose_slots
from core.experiments.stored import Stored
from core.experiments.writing import body, write_all
from core.offline import stay_offline
from storage.columns import Columns
from storage.removal import delete_run
from storage.workspace import Workspace


@dataclass
class Session:
    """Runs the cells of experiments one experiment after another, and writes each when it is done.

    `document` gets the tables, too, where one is named.
    """

    experiments: Sequence[Experiment]
    asked: Asked
    workspace: Workspace
    out: Path
    document: Path | None
    jobs: int | None
    fresh: bool
    keeps_weights: bool
    as_json: bool
    _runs: dict[str, str] = field(default_factory=dict)  # by the identity of their configuration

    def run(self) -> bool:
        """Whether every cell is finished; raises CoreError for what is wrong before any begins."""
        asked = load_config(self.asked.config, self.asked.settings)
        stay_offline(asked)
        if self.document is not None:
            check_document(self.document, [one.name for one in self.experiments])
        panels = {one.name: plan(one, self.asked) for one in self.experiments}
        slots = choose_slots(self.jobs, asked.device)
        self._stored = Stored(self.workspace)
        self.workspace.create()
        if self.fresh:
            self._delete(panel for some in panels.values() for panel in some)
        else:
            self._runs = self._stored.finished_runs()
        panels = {name: shared(some, self._runs) for name, some in panels.items()}
        cells = [cell for some in panels.values() for panel in some for cell in panel.cells]
        self._stored.refuse_others(cells)
        bodies: dict[str, str] = {}
        plots: list[Path] = []
        with Display(self.as_json) as self._display:
            self._runner = Runner(
                self._stored, slots, self._display, self.asked.config, self.keeps_weights
            )
            stopped = False
            self._display.planned(*self._count(cells))
            try:
                for experiment in self.experiments:
                    results = self._results(panels[experiment.name])
                    written = self._write(experiment, results, bodies)
                    plots += [path for path in written if path.suffix == ".svg"]
                if self.document is not None:
                    write_document(self.document, bodies, plots)
                    self._display.wrote(str(self.document))
            except Stopped:
                stopped = True
            self._display.ended(len(self._runner.failed), stopped)
        return not stopped and not self._runner.failed

    def _results(self, panels: Sequence[Panel]) -> list[Results]:
        """Runs what is left of an experiment and reads what came of it."""
        self._runner.run([cell for panel in panels for cell in panel.cells])
        results = self._read(panels)
        if not panels[0].experiment.tuned:
            return results
        chosen = []
        for one in results:
            if one.arms:
                best = max(one.arms, key=lambda arm: _accuracy(one, arm))
                family = one.panel.family.name
                self._display.chosen(family, best.arm.name, _accuracy(one, best))
                chosen.append(chosen_panel(one.panel, best.arm, self.asked))
        chosen = shared(chosen, self._runs)
        cells = [cell for panel in chosen for cell in panel.cells]
        self._stored.refuse_others(cells)
        self._display.added(*self._count(cells))
        self._runner.run(cells)
        return [*results, *self._read(chosen)]

    def _read(self, panels: Sequence[Panel]) -> list[Results]:
        columns = Columns(self._stored.reader)
        columns.refresh()
        return [read_results(self._stored.reader, columns, panel) for panel in panels]

    def _write(
        self, experiment: Experiment, results: list[Results], bodies: dict[str, str]
    ) -> list[Path]:
        stem = f"{experiment.name}-quick" if self.asked.quick else experiment.name
        said = provenance.said(experiment.name, self.asked, results, self._stored.reader)
        written = write_all(experiment, results, said, self.out, stem)
        self._display.wrote(str(self.out / f"{stem}.md"))
        if self.document is not None:
            folder = f"{plots_folder(self.document).name}/"
            bodies[experiment.name] = body(experiment, results, said, stem, folder)
        return written

    def _count(self, cells: Sequence[Cell]) -> tuple[int, int]:
        """How many runs there are, and how many of them are finished."""
        runs = {cell.run for cell in cells}
        states = [self._stored.standing(run).state for run in runs]
        return len(runs), states.count("finished")

    def _delete(self, panels: Iterable[Panel]) -> None:
        """Deletes the runs of panels, and of a tuned one those of whatever was chosen."""
        for panel in panels:
            cells = list(panel.cells)
            for arm in panel.arms if panel.on_validation else ():
                cells += chosen_panel(panel, arm, self.asked).cells
            for cell in cells:
                if self._stored.reader.run(cell.run) is not None:
                    delete_run(self.workspace, cell.run)


def _accuracy(results: Results, arm: ArmResults) -> float:
    """The mean at the end of the budget."""
    return float(arm.solved(results.tasks, arm.spent("programs"), "programs").mean())
