"""The report of a run: one file that is safe to open, says what came of it, and only reads."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from btp_tui.report.figures import PLOTS
from btp_tui.report.svg import COLOURS
from btp_tui.report.write import write_plot, write_report
from core.errors import CoreError
from storage.errors import StorageError
from storage.schema import EvaluationRecord, Progress, TestRecord, VerdictRecord
from tests.stores import Store, sample, task, update
from tests.test_screen_theme import contrast

HOSTILE = (
    "</script><script>alert(1)</script>",
    "</code></pre></td></table><img src=x onerror=alert(1)>",
    "<!-- <style>*{display:none}</style> ]]> --> <svg onload=alert(1)>",
    '" onmouseover="alert(1)" x=\'',
    "&lt;script&gt; &#60;b&#62; <a href=javascript:alert(1)>x</a>",
    "print('\x1b[2J\x00\u202egnp.exe')",
)

#: Elements that a report is made of.
PAGE = "html head meta title style body h1 h2 h3 h4 p b div figure figcaption article pre code"
PARTS = "table thead tbody tr th td details summary footer svg path rect circle text"
OURS = {*PAGE.split(), *PARTS.split()}


class Seen(HTMLParser):
    """The elements, attributes and texts of a page, as a browser would find them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as store:
        yield store


def judged(program: int, rate: float, said: str = "") -> VerdictRecord:
    outcome = "passed" if rate == 1 else "wrong answer"
    test = TestRecord(outcome, said, 1, said, "exact", 0.01)
    return VerdictRecord(program, rate, outcome, (test,), "split", 0.02)


def train(store: Store, failed: str = "return 1", solved: str = "return 2") -> None:
    """Two iterations: task "b" is failed in the first and solved in the second."""
    writer, run = store.writer, store.run
    for iteration, (text, rate) in enumerate(((failed, 0.5), (solved, 1.0))):
        records = [sample("b", text), sample("c", f"always {iteration}")]
        stored = writer.add_samples(run, iteration, records)
        writer.add_verdicts(run, [judged(stored[0].program, rate, failed)])
        writer.add_verdicts(run, [judged(stored[1].program, 0.0)])
        drawn = [stored[0].sample] * 3 + [stored[1].sample]
        writer.add_update(run, update(iteration + 1, drawn, iteration))
    for number, accuracy in enumerate((0.25, 0.75)):
        label = "final" if number else "initial"
        tasks = {"x": 1.0, "y": 0.5}
        measured = EvaluationRecord(2 * number, 2 * number, label, accuracy, 0.9, tasks, 1.0)
        writer.add_evaluation(run, measured)
    done = Progress(state="finished", phase="done", elapsed_s=61, device="cpu", decoder="tree")
    writer.set_progress(run, done)


def page_of(store: Store, run: str = "demo-1") -> str:
    out = store.workspace.path.parent / "report.html"
    write_report(store.workspace.path, run, out)
    return out.read_text(encoding="utf-8")


def test_it_says_the_result_in_one_sentence_with_numbers(store: Store) -> None:
    train(store)
    assert (
        "Held-out accuracy rose from 25.0 % to 75.0 % of 2 tasks with 4 programs for 2 tasks and "
        "2 updates in 1 min 1 s." in Seen(page_of(store)).text
    )


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_is_shown_and_never_becomes_markup(store: Store, hostile: str) -> None:
    store.writer.add_tasks([task(hostile, tests=[(hostile, hostile)])])
    train(store, failed=hostile)
    stored = store.writer.add_samples(store.run, 3, [sample(hostile, hostile, source=hostile)])
    store.writer.add_verdicts(store.run, [judged(stored[0].program, 0.0, hostile)])
    store.writer.add_event(store.run, "warning", hostile)
    page = page_of(store)
    seen = Seen(page)
    assert seen.names <= OURS
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", page)
    if hostile.isprintable():
        assert re.sub(r"\s+", " ", hostile) in seen.text


def test_it_needs_no_network_and_no_script(store: Store) -> None:
    train(store)
    page = page_of(store)
    assert "http:" not in page
    assert "https:" not in page
    assert "url(" not in page
    assert {name for name, _ in Seen(page).attributes}.isdisjoint({"src", "href"})
    assert "default-src &#x27;none&#x27;" in page


def test_a_task_first_failed_and_later_solved_is_shown_as_a_difference(store: Store) -> None:
    train(store, failed="def f():\n    return 1", solved="def f():\n    return 2")
    text = Seen(page_of(store)).text
    assert "1 task had no passing program in the first iteration that tried them" in text
    assert "b: solved in iteration 2, after 1 failed program" in text
    assert "− return 1 + return 2" in text


def test_a_likely_wrong_program_stands_beside_the_right_one(store: Store) -> None:
    records = [sample("a", "likely", 0, logprob=-0.1), sample("a", "right", 1, logprob=-4.0)]
    stored = store.writer.add_samples(store.run, 0, records)
    verdicts = [judged(stored[0].program, 0.0), judged(stored[1].program, 1.0)]
    store.writer.add_verdicts(store.run, verdicts)
    text = Seen(page_of(store)).text
    assert "In 1 task the program that the model held most likely, by token, fails" in text
    assert "− likely + right" in text


def test_what_differs_from_the_defaults_comes_first_and_everything_is_folded(store: Store) -> None:
    store.writer.create_run(
        "mine", "train", "seed = 0\n[replay]\nalpha = 0.7\nexponent = 4.0\n", "nano", ""
    )
    page = page_of(store, "mine")
    first, _, folded = page.partition("<details>")
    assert "replay.alpha" in first
    assert "0.7" in first
    assert "replay.exponent" not in first
    assert "replay.exponent" in folded


@pytest.mark.parametrize("kind", ["import", "score", "train"])
def test_runs_without_updates_or_programs_have_one_too(store: Store, kind: str) -> None:
    run = store.writer.create_run("bare", kind, "", "", "")
    assert "bare" in page_of(store, "bare")
    stored = store.writer.add_samples(run, 0, [sample("a", "text", logprob=None, n_tokens=None)])
    store.writer.add_verdicts(run, [judged(stored[0].program, 1.0)])
    text = Seen(page_of(store, "bare")).text
    if kind != "train":
        assert "1 of 1 program for 1 task pass every test (100.0 %)." in text
    assert "Outcomes of new programs" in text
    assert "Held-out accuracy" not in text


def test_a_run_that_is_going_on_is_said_to(store: Store) -> None:
    train(store)
    store.writer.set_progress(store.run, Progress(state="running", phase="replay"))
    with store.workspace.engine_lock("demo-1"):
        assert "The run is still running." in Seen(page_of(store)).text
    assert "The run died with its engine." in Seen(page_of(store)).text


@pytest.mark.parametrize("plot", PLOTS)
def test_each_plot_is_a_picture_of_its_own(store: Store, plot: str, tmp_path: Path) -> None:
    train(store)
    out = tmp_path / "plot.svg"
    write_plot(store.workspace.path, "demo-1", plot, out)
    picture = ElementTree.fromstring(out.read_text())
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    words = " ".join(text.text or "" for text in picture.iter("{http://www.w3.org/2000/svg}text"))
    assert ("updates" if plot in ("accuracy", "loss") else "iteration") in words


def test_the_accuracy_plot_counts_updates_and_programs(store: Store, tmp_path: Path) -> None:
    train(store)
    out = tmp_path / "plot.svg"
    write_plot(store.workspace.path, "demo-1", "accuracy", out)
    assert "75.0 % (final) after 2 updates and 4 programs" in out.read_text()


def test_what_cannot_be_written_is_one_sentence(store: Store, tmp_path: Path) -> None:
    train(store)
    folder = store.workspace.path
    with pytest.raises(StorageError, match=r"There is no run ghost .*There are: demo-1"):
        write_report(folder, "ghost", None)
    with pytest.raises(CoreError, match="no plot 'los'; there are: accuracy, loss"):
        write_plot(folder, "demo-1", "los", tmp_path / "a.svg")
    with pytest.raises(CoreError, match=r"neither \.svg nor \.png"):
        write_plot(folder, "demo-1", "loss", tmp_path / "a.gif")
    with pytest.raises(CoreError, match=r"Cannot write .*No such file or directory"):
        write_report(folder, "demo-1", tmp_path / "gone" / "a.html")


def test_png_without_a_library_for_it_is_one_sentence(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("btp_tui.report.write.find_spec", lambda _: None)
    train(store)
    with pytest.raises(CoreError, match=r"write \.svg, or pip install resvg_py"):
        write_plot(store.workspace.path, "demo-1", "loss", tmp_path / "a.png")


def test_every_colour_of_a_text_can_be_read_on_the_page() -> None:
    texts = COLOURS.keys() - {"ground", "surface", "line"}
    for theme in (0, 1):
        for ground in ("ground", "surface"):
            faint = {
                name: contrast(COLOURS[name][theme], COLOURS[ground][theme])
                for name in texts
                if contrast(COLOURS[name][theme], COLOURS[ground][theme]) < 4.5
            }
            assert faint == {}


def test_it_changes_nothing_in_the_store(store: Store) -> None:
    train(store)
    version = store.reader.version()
    page_of(store)
    assert store.reader.version() == version


def test_it_needs_no_torch_and_no_screen() -> None:
    code = (
        "import sys, btp_tui.report.write; "
        "print({'torch', 'transformers', 'datasets', 'textual.app'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
