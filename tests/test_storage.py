"""What is written to a workspace comes back, once, whoever wrote it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import storage.samples
import storage.texts
from storage.errors import StorageError
from storage.programs import preview
from storage.schema import (
    DeviceReading,
    Progress,
    SampleRecord,
    Telemetry,
    TestRecord,
    VerdictRecord,
)
from storage.writer import Writer
from tests.stores import Store, evaluation, sample, task, update, verdict


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def test_a_run_comes_back_as_it_was_created(store: Store) -> None:
    run = store.reader.run("demo-1")
    assert run is not None
    assert (run.name, run.kind, run.config, run.model) == ("demo-1", "train", "seed = 0\n", "nano")
    assert run.progress is None
    assert abs(run.at - time.time()) < 60
    assert store.reader.run("demo-2") is None
    assert store.workspace.run_folder("demo-1").is_dir()


def test_a_taken_name_is_refused(store: Store) -> None:
    with pytest.raises(StorageError, match="There is a run demo-1 already"):
        store.writer.create_run("demo-1", "train", "", "nano", "")


def test_the_next_name_passes_over_runs_and_folders(store: Store) -> None:
    assert store.writer.next_run_name("demo") == "demo-2"
    store.workspace.run_folder("demo-7").mkdir(parents=True)
    assert store.writer.next_run_name("demo") == "demo-8"
    assert store.writer.next_run_name("de") == "de-1"


@pytest.mark.parametrize(
    ("prefix", "name"),
    [("my model", "my-model-1"), ("", "run-1"), ("_x", "x-1"), ("модель", "run-1")],
)
def test_any_text_leads_to_a_name_that_fits(store: Store, prefix: str, name: str) -> None:
    assert store.writer.next_run_name(prefix) == name
    assert len(store.writer.next_run_name("long" * 99)) <= 100


def test_everything_about_a_program_comes_back(store: Store) -> None:
    store.writer.add_tasks([task("d", "def f(x):\n", [("f(1)", "2"), ("f('é')", "'\\n'")])])
    record = sample("d", "def f(x):\n    return 'é'\n", 2, "teacher:x", -3.0, 6)
    (stored,) = store.writer.add_samples(store.run, 4, [record])
    store.writer.add_verdicts(store.run, [verdict(stored.program, 0.5, tests=2)])
    detail = store.reader.program(stored.sample)
    assert detail is not None
    assert detail.task == task("d", "def f(x):\n", [("f(1)", "2"), ("f('é')", "'\\n'")])
    assert (detail.sample, detail.run, detail.program) == (stored.sample, store.run, stored.program)
    assert (detail.iteration, detail.rank, detail.source) == (4, 2, "teacher:x")
    assert (detail.text, detail.logprob, detail.n_tokens) == (record.text, -3.0, 6)
    assert detail.verdict == verdict(stored.program, 0.5, tests=2)
    assert detail.token_ids is not None and detail.token_logprobs is not None
    np.testing.assert_array_equal(detail.token_ids, np.arange(6, dtype=np.int32))
    np.testing.assert_array_equal(detail.token_logprobs, np.full(6, -0.5, np.float32))


def test_an_imported_program_has_no_tokens(store: Store) -> None:
    record = SampleRecord("a", 0, "import:x", "pass", None, None, None)
    (stored,) = store.writer.add_samples(store.run, 0, [record])
    detail = store.reader.program(stored.sample)
    assert detail is not None
    assert (detail.logprob, detail.n_tokens, detail.token_ids, detail.verdict) == (None,) * 4
    assert store.reader.program(stored.sample + 1) is None


def test_half_a_surrogate_pair_is_kept_in_a_report_and_refused_in_a_program(store: Store) -> None:
    """A program may print one; SQLite stores no such text."""
    (program,) = store.sampled("print(chr(0xD800))")
    report = TestRecord("wrong answer", "\ud800", None, "\ud800", "exact", 0.1)
    record = VerdictRecord(program, 0.0, "wrong answer", (report,), "stdin", 0.1)
    store.writer.add_verdicts(store.run, [record])
    detail = store.reader.program(1)
    assert detail is not None and detail.verdict == record
    with pytest.raises(StorageError, match=r"program of a holds half .* \(character 3\)"):
        store.sampled("x=\ud800", iteration=2)


def test_a_verdict_whose_tests_were_partly_skipped_is_marked_in_its_row(store: Store) -> None:
    cut, whole = store.sampled("a", "b")
    report = TestRecord("timeout", "", None, "", "", 0.1)
    for program, partial in ((cut, True), (whole, False)):
        record = VerdictRecord(program, 0.0, "timeout", (report,), "stdin", 0.1, partial)
        store.writer.add_verdicts(store.run, [record])
    assert store.reader.partial([cut, whole]) == {cut}
    detail = store.reader.program(1)
    assert detail is not None and detail.verdict is not None and detail.verdict.partial


def test_a_task_with_other_tests_under_a_stored_name_is_refused(store: Store) -> None:
    known = task("d", tests=[("f(1)", "1")])
    store.writer.add_tasks([known])
    store.writer.add_tasks([known])
    with pytest.raises(StorageError, match=r"task d is stored .* another workspace"):
        store.writer.add_tasks([task("e"), task("d", tests=[("f(1)", "2")])])
    names = [name for (name,) in store.reader.query("SELECT task_id FROM tasks")]
    assert names == ["a", "b", "c", "d"]


def test_rows_come_in_the_order_asked_for(store: Store) -> None:
    store.sampled("return 1", "return 2")
    rows = store.reader.rows(np.array([2, 1, 99]))
    assert [row.preview for row in rows] == ["return 2", "return 1"]


def test_of_several_verdicts_the_newest_says_whether_tests_were_skipped(store: Store) -> None:
    first, second = store.sampled("return 1", "return 2")
    for program, partial in ((first, True), (second, False), (first, False), (second, True)):
        record = replace(verdict(program, 0.0, "timeout"), partial=partial)
        store.writer.add_verdicts(store.run, [record])
    assert store.reader.partial([first, second]) == {second}


def test_training_gets_texts_and_tokens_in_the_order_drawn(store: Store) -> None:
    store.sampled("x", "y")
    drawn = store.reader.tokens(np.array([2, 1, 2]))
    assert [(each.sample, each.task_id, each.text) for each in drawn] == [
        (2, "a", "y"),
        (1, "a", "x"),
        (2, "a", "y"),
    ]
    with pytest.raises(KeyError):
        store.reader.tokens([99])


def test_a_page_longer_than_one_query_comes_whole(store: Store) -> None:
    store.sampled(*(f"program {number}" for number in range(1200)))
    assert [row.sample for row in store.reader.rows(range(1200, 0, -1))] == [*range(1200, 0, -1)]


def test_a_text_is_stored_once_a_task(store: Store) -> None:
    records = [sample("a", "same", 0), sample("a", "same", 1), sample("b", "same", 0)]
    stored = store.writer.add_samples(store.run, 1, records)
    again = store.writer.add_samples(store.run, 2, records)
    assert [each.program for each in stored] == [1, 1, 2]
    assert [each.program for each in again] == [1, 1, 2]
    assert [each.sample for each in stored + again] == [1, 2, 3, 4, 5, 6]
    assert store.reader.query("SELECT id, text FROM texts") == [(1, "same"), (2, "same")]


@pytest.mark.parametrize("merge_at", [1, 8, 1000])
def test_texts_that_share_a_digest_stay_apart(
    store: Store, monkeypatch: pytest.MonkeyPatch, merge_at: int
) -> None:
    monkeypatch.setattr(storage.texts, "_MERGE_AT", merge_at)
    monkeypatch.setattr(storage.samples, "digest", lambda task, text: len(text) % 3)
    texts = [f"{number:0{number % 7 + 1}}" for number in range(60)]
    first = store.sampled(*texts, iteration=1)
    assert store.sampled(*texts, iteration=2) == first
    with Writer(store.workspace) as other:  # which reads the digests from the database
        records = [sample("a", text, rank) for rank, text in enumerate(texts)]
        stored = other.add_samples(store.run, 3, records)
    assert [each.program for each in stored] == first
    assert len(set(first)) == len(set(texts))


def test_a_known_text_is_reported_as_judged(store: Store) -> None:
    (program,) = store.sampled("x")
    (before,) = store.writer.add_samples(store.run, 2, [sample("a", "x")])
    store.judged({program: 0.5})
    (after,) = store.writer.add_samples(store.run, 3, [sample("a", "x")])
    with Writer(store.workspace) as other:
        (elsewhere,) = other.add_samples(store.run, 4, [sample("a", "x")])
    assert [before.judged, after.judged, elsewhere.judged] == [False, True, True]


def test_only_a_known_pass_rate_of_the_same_run_spares_a_test(store: Store) -> None:
    other = store.writer.create_run("demo-2", "train", "", "nano", "")

    def judged(run: int, iteration: int) -> bool:
        return store.writer.add_samples(run, iteration, [sample("a", "x")])[0].judged

    assert not judged(store.run, 1)
    (program, _, _) = store.reader.unjudged(store.run)[0]
    store.judged({program: None})  # a harness error says nothing about the program
    assert not judged(store.run, 2)
    assert store.reader.unjudged(store.run) == [(program, "a", "x")]
    store.judged({program: 0.5})
    assert judged(store.run, 3)
    assert not judged(other, 1), "it may test under other limits"
    assert judged(store.run, 4)
    assert store.reader.unjudged(store.run) == []
    assert store.reader.unjudged(other) == [(program, "a", "x")]


def test_of_several_verdicts_the_newest_counts_everywhere(store: Store) -> None:
    (program,) = store.sampled("x")
    for rate in (None, 0.5, 1.0):
        store.columns.refresh()
        store.judged({program: rate})
    store.columns.refresh()
    assert store.columns.pass_rate.tolist() == [1.0]
    detail = store.reader.program(1)
    assert detail is not None
    assert detail.verdict is not None
    assert detail.verdict.pass_rate == 1.0


def test_what_an_earlier_process_stored_is_not_stored_again(store: Store) -> None:
    records = [sample("a", "x", 0), sample("a", "y", 1), sample("b", "x", 0)]
    stored = store.writer.add_samples(store.run, 1, records[:2])
    with Writer(store.workspace) as resumed:
        again = resumed.add_samples(store.run, 1, records)
        with pytest.raises(StorageError, match="another program of a under iteration 1, rank 1"):
            resumed.add_samples(store.run, 1, [sample("a", "z", 1)])
    assert again[:2] == stored
    assert store.reader.query("SELECT count(*) FROM samples") == [(3,)]


def test_a_refused_sample_takes_its_whole_batch_with_it(store: Store) -> None:
    store.sampled("x")
    with Writer(store.workspace) as resumed:
        with pytest.raises(StorageError, match="another program"):
            resumed.add_samples(
                store.run, 1, [sample("a", "new", 1, source="new"), sample("a", "not x", 0)]
            )
        (stored,) = resumed.add_samples(store.run, 2, [sample("a", "new", source="new")])
    detail = store.reader.program(stored.sample)
    assert detail is not None
    assert (detail.sample, detail.program, detail.source) == (2, 2, "new")


def test_a_program_of_an_unknown_task_stores_nothing(store: Store) -> None:
    with pytest.raises(StorageError, match="Task 'z' is not in the workspace"):
        store.writer.add_samples(store.run, 1, [sample("a", "x", source="new"), sample("z", "y")])
    assert store.reader.query("SELECT * FROM samples") == []
    (stored,) = store.writer.add_samples(store.run, 1, [sample("a", "x", source="new")])
    detail = store.reader.program(stored.sample)
    assert detail is not None
    assert (detail.source, detail.program) == ("new", 1)


def test_two_engines_on_one_workspace_share_texts(store: Store) -> None:
    """Each takes in what the other stored, though both number programs and samples themselves."""
    with Writer(store.workspace) as other:
        run = other.create_run("demo-2", "train", "", "nano", "")
        programs: dict[str, set[int]] = {}
        for step in range(20):
            for writer, number in ((store.writer, store.run), (other, run)):
                records = [sample("a", f"text {step * rank % 7}", rank) for rank in range(4)]
                for record, stored in zip(
                    records, writer.add_samples(number, step, records), strict=True
                ):
                    programs.setdefault(record.text, set()).add(stored.program)
    assert all(len(ids) == 1 for ids in programs.values())
    assert store.reader.query("SELECT count(*), count(DISTINCT text) FROM texts") == [(7, 7)]
    assert store.reader.query("SELECT count(*) FROM samples") == [(160,)]


ENGINE = """
import sys
from storage.workspace import Workspace
from storage.writer import Writer
from tests.stores import sample
writer = Writer(Workspace(sys.argv[1]))
run = writer.create_run(sys.argv[2], "train", "", "nano", "")
for iteration in range(60):
    records = [sample("a", f"text {iteration * 3 + rank}", rank) for rank in range(5)]
    writer.add_samples(run, iteration, records)
"""


def test_engines_that_write_at_the_same_time_all_get_through(store: Store) -> None:
    command = [sys.executable, "-c", ENGINE, str(store.workspace.path)]
    engines = [subprocess.Popen([*command, f"engine-{number}"]) for number in range(3)]
    assert [engine.wait() for engine in engines] == [0, 0, 0]
    assert store.reader.query("SELECT count(*) FROM samples") == [(3 * 60 * 5,)]
    texts = 59 * 3 + 5
    assert store.reader.query("SELECT count(*), count(DISTINCT text) FROM texts") == [
        (texts, texts)
    ]


def test_updates_come_back_and_are_stored_once(store: Store) -> None:
    store.writer.add_update(store.run, update(1, [5, 5, 7]))
    store.writer.add_update(store.run, update(2, []))
    store.writer.add_update(store.run, update(2, [1]))
    first, second = store.reader.updates(store.run)
    assert (first.number, first.draws, first.loss, first.n_tokens) == (1, (5, 5, 7), 0.5, 100)
    assert (second.number, second.draws) == (2, ())
    assert [each.number for each in store.reader.updates(store.run, after=1)] == [2]


def test_rewinding_takes_back_later_updates_and_evaluations(store: Store) -> None:
    for number in (1, 2, 3):
        store.writer.add_update(store.run, update(number, [1]))
        store.writer.add_evaluation(store.run, evaluation("during", number))
    store.writer.rewind_updates(store.run, 2)
    assert [each.number for each in store.reader.updates(store.run)] == [1, 2]
    assert [each.update_number for each in store.reader.evaluations(store.run)] == [1, 2]
    store.writer.rewind_updates(store.run, 2)
    assert store.reader.query("SELECT run, number FROM rewinds") == [(store.run, 2)]


def test_evaluations_come_back_and_are_stored_once(store: Store) -> None:
    for _ in range(2):
        store.writer.add_evaluation(store.run, evaluation("initial"))
    (found,) = store.reader.evaluations(store.run)
    assert (found.label, found.accuracy, found.tasks) == ("initial", 0.5, {"a": 1.0, "b": 0.5})
    assert abs(found.at - time.time()) < 60


def test_progress_is_the_newest_one_with_its_heartbeat(store: Store) -> None:
    store.writer.set_progress(store.run, Progress("running", "sample", sampled=1))
    knobs: dict[str, float | str] = {"replay.alpha": 0.2, "replay.prioritization": "rank"}
    store.writer.set_progress(store.run, Progress("paused", "replay", eta_s=3.5, knobs=knobs))
    progress = store.reader.progress(store.run)
    assert progress is not None
    assert (progress.state, progress.phase, progress.sampled) == ("paused", "replay", 0)
    assert (progress.eta_s, progress.knobs) == (3.5, knobs)
    assert abs(progress.heartbeat - time.time()) < 60
    (run,) = store.reader.runs()
    assert run.progress == progress


def test_the_newest_events_and_readings_come_oldest_first(store: Store) -> None:
    device = DeviceReading("GPU", None, 1, 2, 50.0, None)
    for number in range(5):
        store.writer.add_event(store.run, "info", f"event {number}")
        store.writer.add_telemetry(store.run, Telemetry(float(number), 1, 2, 3, (device,)))
    assert [event.message for event in store.reader.events(store.run, last=2)] == [
        "event 3",
        "event 4",
    ]
    readings = store.reader.telemetry(store.run, last=3)
    assert [reading.cpu for reading in readings] == [2.0, 3.0, 4.0]
    assert readings[0].devices == (device,)
    assert readings[0].at > 0
    assert store.reader.events(store.run + 1) == []
    store.writer.add_event(store.run, "error", "odd \ud800 é")
    assert store.reader.events(store.run, last=1)[0].message == "odd \\ud800 é"


def test_a_command_waits_until_it_is_answered(store: Store) -> None:
    first = store.writer.add_command(store.run, "pause", {})
    store.writer.add_command(store.run, "set", {"key": "replay.alpha", "value": 0.4})
    pause, change = store.writer.pending_commands(store.run)
    assert (pause.id, pause.name) == (first, "pause")
    assert change.argument == {"key": "replay.alpha", "value": 0.4}
    store.writer.answer_command(pause.id, "paused")
    store.writer.answer_command(pause.id, "twice")
    assert store.writer.pending_commands(store.run) == [change]
    assert store.reader.query("SELECT answer FROM commands WHERE id = ?", (first,)) == [("paused",)]


def test_what_an_ended_engine_was_asked_lapses_but_for_settings(store: Store) -> None:
    answered = store.writer.add_command(store.run, "stop", {})
    store.writer.answer_command(answered, "stopping")
    for name in ("pause", "set", "stop"):
        store.writer.add_command(store.run, name, {})
    store.writer.lapse_commands(store.run)
    assert [command.name for command in store.writer.pending_commands(store.run)] == ["set"]
    answers = store.reader.query("SELECT substr(answer, 1, 6) FROM commands ORDER BY id")
    assert answers == [("stoppi",), ("lapsed",), (None,), ("lapsed",)]


def test_what_is_sampled_but_not_judged_is_found_after_a_crash(store: Store) -> None:
    first, second = store.sampled("x", "y", iteration=3)
    store.judged({first: 0.5})
    other = store.writer.create_run("demo-2", "train", "", "nano", "")
    store.writer.add_samples(other, 1, [sample("b", "z")])
    assert store.reader.unjudged(store.run) == [(second, "a", "y")]
    assert store.reader.sampled_tasks(store.run, 3) == {"a"}
    assert store.reader.sampled_tasks(store.run, 4) == set()


def test_a_writer_serves_several_threads(store: Store) -> None:
    def log(name: str) -> None:
        for number in range(50):
            store.writer.add_event(store.run, "info", f"{name} {number}")

    threads = [threading.Thread(target=log, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.reader.events(store.run, last=1000)) == 150


def test_reading_never_blocks_writing(store: Store) -> None:
    store.sampled("x")
    with store.reader.snapshot():
        before = store.reader.query("SELECT count(*) FROM samples")
        store.sampled("y", iteration=2)
        assert store.reader.query("SELECT count(*) FROM samples") == before
    assert store.reader.query("SELECT count(*) FROM samples") == [(2,)]


def test_opening_a_workspace_for_the_screen_leaves_sqlite_utils_alone(store: Store) -> None:
    script = (
        "import sys\n"
        "from storage.columns import Columns\n"
        "from storage.reader import Reader\n"
        "from storage.workspace import Workspace\n"
        "from storage.writer import Writer\n"
        "workspace = Workspace(sys.argv[1]).create().open()\n"
        "Writer(workspace); Columns(Reader(workspace)).refresh()\n"
        "assert not {'sqlite_utils', 'torch', 'pandas'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(store.workspace.path)], check=True)


@pytest.mark.parametrize(
    ("text", "prompt", "shown"),
    [
        ("def f(x):\n    return x\n", "", "return x"),
        ('def f(x):\n    """Doc.\n\n    More.\n    """\n    # why\n    return x', "", "return x"),
        ("import re\nn = int(input())\nprint(n)\n", "", "n = int(input()) ⏎ print(n)"),
        ("    return x\n", "", "return x"),
        ('def f(x):\n    """Doc"""\n    y = 1\n', 'def f(x):\n    """Doc"""\n', "y = 1"),
        ("# nothing\n", "", "# nothing"),
        ("", "", ""),
    ],
)
def test_the_preview_shows_what_tells_a_program_from_others(
    text: str, prompt: str, shown: str
) -> None:
    assert preview(text, prompt) == shown
