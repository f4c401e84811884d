"""The catalogue and its plan: every arm is a configuration, budgets are kept, names are known."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import core.cli
from core.config import setting
from core.errors import CoreError
from core.experiments.arms import BASELINES, ITERATION
from core.experiments.catalogue import EXPERIMENTS, find_experiments
from core.experiments.cost import Cost, costs
from core.experiments.document import check_document
from core.experiments.plan import Asked, Panel, identity, plan, shared
from core.experiments.running import choose_slots
from core.presets import find_preset
from core.tasks.load import load_tasks
from storage.workspace import Workspace

NAMES = [experiment.name for experiment in EXPERIMENTS]


def panels(name: str, **asked: object) -> list[Panel]:
    (experiment,) = find_experiments(name)
    return plan(experiment, Asked(**asked))  # type: ignore[arg-type]


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_every_cell_is_a_valid_configuration_within_its_budget(name: str, quick: bool) -> None:
    for panel in panels(name, quick=quick):
        assert panel.cells
        assert len({cell.run for cell in panel.cells}) == len(panel.cells)
        for cell in panel.cells:
            Workspace("w").run_folder(cell.run)  # raises for what cannot name a run
            assert cell.config.max_programs == panel.programs
            assert cell.config.evaluation.limit == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_arm_sets_what_it_says(name: str) -> None:
    for panel in panels(name):
        for cell in panel.cells:
            for key, value in cell.arm.settings.items():
                expected = tuple(value) if isinstance(value, list) else value
                assert setting(cell.config, key) == expected, key


def test_at_least_five_seeds_report() -> None:
    for experiment in EXPERIMENTS:
        for panel in plan(experiment, Asked()):
            seeds = {cell.seed for cell in panel.cells}
            assert len(seeds) >= (experiment.seeds_of_arms if panel.on_validation else 5)


def test_baselines_make_as_many_updates_of_as_many_programs() -> None:
    for panel in panels("c3"):
        baselines = [cell.config for cell in panel.cells if cell.arm in BASELINES]
        updates = {one.max_iterations * one.trainer.updates_per_iteration for one in baselines}
        minibatches = {one.trainer.minibatch for one in baselines}
        assert len(updates) == len(minibatches) == 1
        for one in baselines:
            assert one.sampler.beams * one.sampler.tasks_per_iteration == ITERATION


def test_tuning_never_measures_on_held_out_tasks() -> None:
    for panel in panels("tune"):
        assert panel.on_validation
        held_out = {task.task_id for spec in panel.family.held_out for task in load_tasks(spec)}
        for spec in panel.cells[0].config.tasks.held_out:
            assert not held_out & {task.task_id for task in load_tasks(spec)}


def test_the_paper_beside_ours_is_its_preset_but_for_the_budget() -> None:
    preset = find_preset("paper").settings
    cut = {"sampler.tasks_per_iteration", "trainer.updates_per_iteration"}
    for panel in panels("paper"):
        config = next(cell.config for cell in panel.cells if cell.arm.name == "paper")
        for key in preset.keys() - cut:
            assert setting(config, key) == preset[key]
        assert config.max_iterations == 1


def test_cells_that_are_configured_alike_are_one_run() -> None:
    runs: dict[str, str] = {}
    found = [shared(plan(one, Asked()), runs) for one in EXPERIMENTS]
    cells = {
        cell.run: identity(cell.config) for some in found for one in some for cell in one.cells
    }
    assert len(cells) == len(set(cells.values()))
    ours = {cell.run for panel in found[NAMES.index("c2")] for cell in panel.cells}
    others = {cell.run for panel in found[NAMES.index("c3")] for cell in panel.cells}
    assert ours <= others  # nothing of c2 is run but what c3 needs, too


def test_all_of_it_fits_into_four_hours_of_two_cores_and_quick_into_half_of_one() -> None:
    full = sum(costs(EXPERIMENTS, Asked()).values(), Cost())
    quick = sum(costs(EXPERIMENTS, Asked(quick=True)).values(), Cost())
    assert full.seconds / 2 <= 4 * 3600
    assert quick.seconds / 2 <= 30 * 60


def test_a_users_model_and_tasks_take_the_place_of_the_embedded_ones(tmp_path: Path) -> None:
    (panel,) = panels(
        "c3",
        model="some/model",
        train=("nano:train",),
        held_out=("nano:held-out",),
        programs=600,
        settings=("sampler.max_new_tokens=256",),
    )
    for cell in panel.cells:
        assert cell.config.model.path == "some/model"
        assert cell.config.sampler.max_new_tokens == 256
        assert cell.config.max_programs == 600
        assert cell.run.startswith("c3-own-")


def test_a_configuration_file_says_the_model_and_the_tasks(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[model]\npath = "mine"\n[tasks]\ntrain = ["nano:train"]\nlimit = 60\n')
    (panel,) = panels("c3", config=file, model="other")
    assert panel.cells[0].config.model.path == "other"
    (panel,) = panels("c3", config=file)
    for cell in panel.cells:
        assert cell.config.model.path == "mine"
        assert cell.config.tasks.limit == 60
        # 60 tasks an iteration at most: more of them are planned, the budget is the same.
        bring = cell.config.sampler.beams * min(60, cell.config.sampler.tasks_per_iteration)
        assert cell.config.max_iterations == -(-panel.programs // bring)


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("c1", {"model": "mine"}, "--teacher"),
        ("c4", {"train": ("nano:train",)}, "--train twice"),
        ("tune", {"train": ("nano:train",)}, "--validation"),
        ("c3", {"settings": ("replay.alpa=1",)}, "'replay.alpha'"),
        ("c3", {"train": ("humanevil",)}, "humaneval"),
    ],
)
def test_what_cannot_be_planned_is_one_sentence(
    name: str, asked: dict[str, object], said: str
) -> None:
    with pytest.raises(CoreError, match=said):
        panels(name, **asked)


def test_an_unknown_experiment_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(CoreError, match="did you mean 'tune'"):
        find_experiments("tuen")


def test_cells_take_one_core_each_where_there_is_no_accelerator() -> None:
    slots = choose_slots(3, "cpu")
    assert [each["OMP_NUM_THREADS"] for each in slots.environments] == ["1", "1", "1"]
    assert not any("CUDA_VISIBLE_DEVICES" in each for each in slots.environments)


def test_planning_needs_no_torch() -> None:
    code = (
        "import sys, core.experiments.session, core.experiments.cost as c;"
        "from core.experiments.plan import Asked;"
        "from core.experiments.catalogue import find_experiments;"
        "c.costs(find_experiments('c2'), Asked(train=('nano:train',)));"
        "print(sorted({'torch', 'transformers', 'datasets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_a_name_every_experiment_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    typer.main.get_command(core.cli.app)(["experiment"], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [*NAMES, "all"]
    assert all(experiment.question in "\n".join(lines) for experiment in EXPERIMENTS)


def test_a_dry_run_says_how_much_it_would_be(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["experiment", "c3", "--train=nano:train", "--programs=600", "--dry-run"]
    typer.main.get_command(core.cli.app)(given, standalone_mode=False)
    said = capsys.readouterr().out
    assert re.fullmatch(r"c3 +\d+ cells, [\d,]+ programs\n", said)  # no time: it is not embedded


def test_the_document_has_a_place_for_every_experiment() -> None:
    check_document(Path(__file__).parents[1] / "docs" / "experiments.md", NAMES)
