"""The tables of experiments: arithmetic on a store made by hand, plots, and the document."""

from __future__ import annotations

import json
import random
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from core.config import Config, to_toml
from core.errors import CoreError
from core.experiments import tables
from core.experiments.document import check_document, write_document
from core.experiments.experiment import Arm, Experiment, Family
from core.experiments.plan import Cell, Panel
from core.experiments.results import ArmResults, Outcome, Point, Results, read_results
from core.experiments.stored import Stored
from core.experiments.svg import Curve, draw
from core.experiments.writing import plot, write_all
from storage.columns import Columns
from storage.reader import Reader
from storage.schema import EvaluationRecord, Progress
from storage.workspace import Workspace
from storage.writer import Writer
from tests.stores import sample, task, verdict

TASKS = ("a", "b", "c", "d")
FAMILY = Family("made", "nano", ("nano:train",), (), ("nano:held-out",), target=0.5)
OURS, BASE = Arm("ours", "ours"), Arm("base", "a baseline", baseline=True)
EXPERIMENT = Experiment(
    "c3",
    "Which is better?",
    (FAMILY,),
    lambda family, programs: (OURS, BASE),
    {"made": 8},
    {},
    tables=("programs", "updates", "reached"),
)

#: Tasks solved at the beginning, after 4 programs and 2 updates, and after 8 and 4; by arm.
SOLVED = {"ours": (0, 3, 4), "base": (0, 1, 2)}


def store_run(writer: Writer, name: str, solved: Sequence[int], sampled_iterations: int = 2) -> int:
    """A finished run that samples 4 programs an iteration and makes 2 updates."""
    run = writer.create_run(name, "train", to_toml(Config()), "nano", "all")
    for iteration in range(sampled_iterations):
        records = [sample(TASKS[at], f"{name} {iteration} {at}") for at in range(4)]
        stored = writer.add_samples(run, iteration, records)
        # One of the four passes every test.
        rates = [1.0, 0.5, 0.0, 0.0]
        writer.add_verdicts(
            run, [verdict(one.program, rate) for one, rate in zip(stored, rates, strict=True)]
        )
    for at, count in enumerate(solved):
        label = ("initial", "during", "final")[min(at, 2)]
        rates_of = {each: 1.0 if n < count else 0.5 for n, each in enumerate(TASKS)}
        accuracy, mean = count / 4, (count + (4 - count) / 2) / 4
        writer.add_evaluation(
            run, EvaluationRecord(at, 2 * at, label, accuracy, mean, rates_of, 1.0)
        )
    writer.set_progress(run, Progress("finished", "done", elapsed_s=10.0))
    return run


@pytest.fixture
def results(tmp_path: Path) -> Iterator[Results]:
    """Two arms, two seeds each, alike in all seeds."""
    workspace = Workspace(tmp_path / "workspace").create()
    with Writer(workspace) as writer:
        writer.add_tasks([task(each) for each in TASKS])
        for arm, solved in SOLVED.items():
            for seed in range(2):
                store_run(writer, f"c3-{arm}-{seed}", solved)
        with Reader(workspace) as reader:
            yield read(reader)


def read(reader: Reader) -> Results:
    columns = Columns(reader)
    columns.refresh()
    return read_results(reader, columns, panel())


def panel(seeds: int = 2) -> Panel:
    cells = tuple(
        Cell("c3", "made", arm, seed, f"c3-{arm.name}-{seed}", (), Config())
        for arm in (OURS, BASE)
        for seed in range(seeds)
    )
    return Panel(EXPERIMENT, FAMILY, 8, (OURS, BASE), cells)


def cells_of(sheet: tables.Sheet) -> Mapping[str, Mapping[str, str]]:
    """Row name -> column head -> cell."""
    return {row[0]: dict(zip(sheet.heads, row, strict=True)) for row in sheet.rows}


def test_a_measurement_counts_the_programs_that_were_sampled_before_it(results: Results) -> None:
    points = results.arms[0].outcomes[0].points
    assert [(point.programs, point.updates) for point in points] == [(0, 0), (4, 2), (8, 4)]


def test_within_a_budget_the_newest_measurement_that_fits_counts(results: Results) -> None:
    ours = results.arms[0]
    accuracies = [ours.solved(TASKS, budget, "programs").mean() for budget in (0, 3, 4, 7, 8, 99)]
    assert accuracies == [0.0, 0.0, 0.75, 0.75, 1.0, 1.0]
    assert ours.solved(TASKS, 2, "updates").mean() == 0.75


def test_the_table_at_equal_programs_shows_means_differences_and_ratios(results: Results) -> None:
    rows = cells_of(tables.at_equal(results, "programs"))
    ours, base = rows["ours"], rows["base (baseline)"]
    assert ours["4 programs"].startswith("75.0 % [")
    assert ours["8 programs"] == "100.0 % [100.0, 100.0]"
    assert ours["against base"].startswith("+50.0 [")
    assert ours["ratio"].startswith("2.00× [")
    assert base["8 programs"].startswith("50.0 % [")
    assert base["ratio"] == ""
    assert ours["sampled programs that pass"] == "25.0 %"


def test_the_table_at_equal_updates_counts_updates(results: Results) -> None:
    rows = cells_of(tables.at_equal(results, "updates"))
    assert rows["ours"]["2 updates"].startswith("75.0 %")
    assert "4 updates" in rows["ours"]


def test_programs_to_the_target_lie_on_the_straight_line_between_measurements(
    results: Results,
) -> None:
    rows = cells_of(tables.reached(results))
    # 0 to 75 % over 4 programs: 50 % at 2.67; the baseline is there after all 8.
    assert rows["ours"]["programs until 50.0 %"].startswith("3 [")
    assert rows["base (baseline)"]["programs until 50.0 %"].startswith("8 [")
    assert rows["ours"]["share of those of base"].startswith("0.33× [")


def test_the_same_store_gives_the_same_intervals() -> None:
    chance = random.Random(0)
    tasks = tuple(f"task-{number}" for number in range(40))
    outcomes = tuple(
        Outcome(
            cell, (Point("final", 1, 1, 1, {each: chance.random() for each in tasks}),), 1, 1, 1
        )
        for cell in panel(seeds=3).cells[:3]
    )
    results = Results(panel(seeds=3), (ArmResults(OURS, outcomes),), tasks)
    groups = {each: set(tasks[at::4]) for at, each in enumerate(("easy", "medium", "hard"))}
    assert tables.by_group(results, groups, "level") == tables.by_group(results, groups, "level")


def test_groups_of_held_out_tasks_have_their_own_rows(results: Results) -> None:
    sheet = tables.by_group(results, {"easy": {"a", "b"}, "hard": {"c", "d"}}, "difficulty")
    ours = {row[0]: row[3:] for row in sheet.rows if row[2] == "ours"}
    before, after, average_before, average_after = ours["hard"]
    assert (before[:5], after[:7]) == ("0.0 %", "100.0 %")
    assert (average_before[:6], average_after[:7]) == ("50.0 %", "100.0 %")


def test_the_matrix_has_a_row_a_source_and_what_was_before(results: Results) -> None:
    sheet = tables.matrix(results, {"one": {"a", "b"}, "other": {"c", "d"}})
    rows = cells_of(sheet)
    assert rows["before"]["one (2)"].startswith("0.0 %")
    assert rows["base (baseline)"]["one (2)"].startswith("100.0 %")
    assert rows["base (baseline)"]["other (2)"].startswith("0.0 %")
    assert rows["ours"]["all (4)"].startswith("100.0 %")


def test_a_missing_cell_is_said_and_arms_are_paired_by_seed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace").create()
    with Writer(workspace) as writer, Reader(workspace) as reader:
        writer.add_tasks([task(each) for each in TASKS])
        store_run(writer, "c3-ours-0", (0, 3, 4))
        store_run(writer, "c3-base-0", (0, 1, 2))
        store_run(writer, "c3-base-1", (0, 1, 4))
        results = read(reader)
        assert results.missing == 1
        # Only seed 0 is in both: 100 % against 50 %, not against the mean of 50 % and 100 %.
        lead = cells_of(tables.at_equal(results, "programs"))["ours"]["against base"]
        assert lead.startswith("+50.0")
        write_all(EXPERIMENT, [results], "said", tmp_path / "out", "c3")
    assert "**1 of 4 cells are missing.**" in (tmp_path / "out" / "c3.md").read_text("utf-8")


def test_an_unfinished_run_is_no_result(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace").create()
    with Writer(workspace) as writer, Reader(workspace) as reader:
        writer.add_tasks([task(each) for each in TASKS])
        run = store_run(writer, "c3-ours-0", (0, 3, 4))
        writer.set_progress(run, Progress("running", "sample"))
        assert read(reader).arms == ()


def test_files_hold_tables_plots_and_a_raw_line_a_measurement(
    results: Results, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    written = write_all(EXPERIMENT, [results], "`btp-tui experiment c3`", out, "c3")
    assert {path.name for path in written} == {
        "c3.md",
        "c3.jsonl",
        "c3-made-programs.svg",
        "c3-made-updates.svg",
    }
    text = (out / "c3.md").read_text("utf-8")
    assert "`btp-tui experiment c3`" in text
    assert "](c3-made-programs.svg)" in text
    raw = [json.loads(line) for line in (out / "c3.jsonl").read_text("utf-8").splitlines()]
    assert len(raw) == 2 * 2 * 3
    assert raw[1]["tasks"] == {"a": 1.0, "b": 1.0, "c": 1.0, "d": 0.5}
    assert (raw[1]["accuracy"], raw[1]["programs"], raw[1]["updates"]) == (0.75, 4, 2)


def test_a_plot_is_well_formed_and_names_every_arm(results: Results) -> None:
    drawn = ElementTree.fromstring(plot(results, "programs"))
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"ours", "base", "programs", "100 %"} <= set(texts)


def test_a_name_cannot_break_a_plot() -> None:
    drawn = ElementTree.fromstring(draw("<a & b>", "x", [Curve("<svg>", [(0, 0.5, 0.4, 0.6)])]))
    assert "<svg>" in [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]


def test_a_document_keeps_what_was_written_by_hand(tmp_path: Path) -> None:
    document = tmp_path / "experiments.md"
    document.write_text("Before.\n<!-- tables of c3 -->\nold\n<!-- end of c3 -->\nAfter.\n")
    picture = tmp_path / "c3.svg"
    picture.write_text("<svg/>")
    for body in ("first", "second"):
        write_document(document, {"c3": body}, [picture])
    text = document.read_text("utf-8")
    assert text.startswith("Before.\n<!-- tables of c3 -->\n\nsecond\n\n<!-- end of c3 -->\nAfter.")
    assert "old" not in text
    assert (tmp_path / "experiments" / "c3.svg").exists()


def test_a_document_without_a_place_for_an_experiment_is_refused(tmp_path: Path) -> None:
    document = tmp_path / "experiments.md"
    document.write_text("Nothing here.\n")
    with pytest.raises(CoreError, match="has no place for c3"):
        check_document(document, ["c3"])


def test_how_far_a_cell_is_stands_in_the_store(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    stored = Stored(workspace)
    assert stored.standing("c3-ours-0").state == "new"
    with Writer(workspace.create()) as writer:
        run = writer.create_run("c3-ours-0", "train", to_toml(Config()), "nano", "all")
        assert stored.standing("c3-ours-0").state == "unfinished"
        with workspace.engine_lock("c3-ours-0"):
            assert stored.standing("c3-ours-0").state == "elsewhere"
        writer.set_progress(run, Progress("failed", "done"))
        assert stored.standing("c3-ours-0").state == "unfinished"
        writer.set_progress(run, Progress("finished", "done"))
        assert stored.standing("c3-ours-0").state == "finished"


def test_a_run_whose_knobs_were_turned_is_no_cell(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace").create()
    with Writer(workspace) as writer:
        run = writer.create_run("c3-ours-0", "train", to_toml(Config()), "nano", "all")
        writer.set_progress(run, Progress("finished", "done"))
        stored, cells = Stored(workspace), panel(seeds=1).cells
        stored.refuse_others(cells)
        assert list(stored.finished_runs().values()) == ["c3-ours-0"]
        command = writer.add_command(run, "set", {"key": "replay.alpha", "value": 0.9})
        writer.answer_command(command, "set")
        assert stored.finished_runs() == {}
        with pytest.raises(CoreError, match="changed while it ran"):
            stored.refuse_others(cells)
