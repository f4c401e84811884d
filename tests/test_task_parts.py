"""Parts of datasets: the authors' splits, difficulties, kinds of tests, and the first few tasks."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from core.errors import CoreError
from core.tasks import StdioTest, Task
from core.tasks.load import load_tasks
from core.tasks.spec import EMBEDDED, SPLITS
from tests.conftest import real_data
from tests.test_tasks import APPS_CALL, APPS_STDIO, CODECONTESTS, LIVECODEBENCH_CALL, MBPP

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes records into a file."""

    def write_records(*records: dict[str, Any]) -> Path:
        file = tmp_path / "records.jsonl"
        file.write_text("".join(json.dumps(record) + "\n" for record in records))
        return file

    return write_records


def refusal(spec: str) -> str:
    """The sentence with which a dataset is refused."""
    with pytest.raises(CoreError) as caught:
        load_tasks(spec)
    return str(caught.value)


@pytest.mark.parametrize(
    ("split", "first", "last"),
    [("prompt", 1, 10), ("test", 11, 510), ("validation", 511, 600), ("train", 601, 974)],
)
def test_the_splits_of_mbpp_are_ranges_of_ids(split: str, first: int, last: int) -> None:
    tasks = load_tasks(f"mbpp:{split}:{real_data('mbpp.jsonl.gz')}")
    ids = [int(task.task_id.removeprefix("mbpp/")) for task in tasks]
    assert ids == list(range(first, last + 1))


def test_splits_add_up(write: Write) -> None:
    file = write(*(MBPP | {"task_id": number} for number in (10, 11, 510, 511, 700)))
    tasks = load_tasks(f"mbpp:validation,train:{file}")
    assert [task.task_id for task in tasks] == ["mbpp/511", "mbpp/700"]


def test_an_mbpp_id_that_tells_no_split_is_named(write: Write) -> None:
    assert "'task_id' must be a whole number" in refusal(
        f"mbpp:test:{write(MBPP | {'task_id': 'twelve'})}"
    )


def test_the_difficulties_of_the_real_apps_file_are_apart_and_together_all() -> None:
    file = real_data("apps-150.jsonl.gz")
    parts = {
        level: {task.task_id for task in load_tasks(f"apps:{level}:{file}")}
        for level in ("introductory", "interview", "competition")
    }
    assert all(task.difficulty == "interview" for task in load_tasks(f"apps:test,interview:{file}"))
    assert sum(map(len, parts.values())) == len(load_tasks(f"apps:{file}")) == 128
    both = load_tasks(f"apps:competition,introductory:{file}")
    assert {task.task_id for task in both} == parts["introductory"] | parts["competition"]


def test_apps_training_problems_are_told_from_the_test_problems_of_the_same_number(
    write: Write,
) -> None:
    file = write(APPS_STDIO)
    ids = {spec: load_tasks(f"{spec}:{file}")[0].task_id for spec in ("apps", "apps:test")}
    assert set(ids.values()) == {"apps/8"}
    assert load_tasks(f"apps:train:{file}")[0].task_id == "apps/train/8"


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [
        ("public", [1]),
        ("private", [1, 5]),
        ("public,private", [1, 5]),
        ("generated", [5, -3]),
        ("public,private,generated", [1, 5, -3]),
    ],
)
def test_kinds_of_codecontests_tests_are_chosen_or_combined(
    choice: str, numbers: list[int], write: Write
) -> None:
    [task] = load_tasks(f"codecontests:{choice}:{write(CODECONTESTS)}")
    assert task.tests == tuple(StdioTest(f"{n}\n", (f"{2 * n}\n",)) for n in numbers)
    assert task.time_limit_s == 1.5


def test_a_codecontests_task_without_a_test_of_the_kind_is_left_out(write: Write) -> None:
    none = CODECONTESTS | {"name": "none", "generated_tests": {"input": [], "output": []}}
    file = write(CODECONTESTS, none)
    assert len(load_tasks(f"codecontests:{file}")) == 2
    assert len(load_tasks(f"codecontests:generated:{file}")) == 1


def test_livecodebench_is_chosen_by_difficulty(write: Write) -> None:
    hard = LIVECODEBENCH_CALL | {"question_id": "1", "difficulty": "hard"}
    [task] = load_tasks(f"livecodebench:hard:{write(LIVECODEBENCH_CALL, hard)}")
    assert task.task_id == "livecodebench/1"


@pytest.mark.parametrize("spec", ["codecontests:valid", "livecodebench:v5,easy", "nano:train"])
def test_a_split_that_a_file_cannot_tell_is_refused(spec: str, write: Write) -> None:
    assert "does not say which split its records are of" in refusal(f"{spec}:{write(CODECONTESTS)}")


def test_a_part_that_no_record_is_in_is_refused(write: Write) -> None:
    sentence = refusal(f"apps:competition:{write(APPS_CALL)}")
    assert "records.jsonl holds no tasks of competition" in sentence


def test_a_misspelt_part_is_told_from_a_missing_file() -> None:
    assert refusal("mbpp:tset") == (
        "mbpp:tset is neither mbpp:train nor mbpp:test nor mbpp:validation nor mbpp:prompt, "
        "nor a file's path."
    )
    assert "No such file" in refusal("mbpp:problems.jsonl")


def test_parquet_as_the_hub_has_it_loads_like_jsonl(write: Write, tmp_path: Path) -> None:
    rows = pa.Table.from_pylist([CODECONTESTS, CODECONTESTS | {"name": "other"}])
    parquet.write_table(rows, tmp_path / "valid.parquet")
    file = write(CODECONTESTS, CODECONTESTS | {"name": "other"})
    assert load_tasks(f"codecontests:{tmp_path / 'valid.parquet'}") == load_tasks(
        f"codecontests:{file}"
    )


def test_nothing_after_the_first_few_tasks_is_read(tmp_path: Path) -> None:
    """The file is cut off after its third record: reading on would say so."""
    lines = "".join(json.dumps(MBPP | {"task_id": n}) + "\n" for n in range(1, 4))
    (tmp_path / "cut.jsonl").write_text(lines + "{")
    tasks = load_tasks(f"mbpp:{tmp_path / 'cut.jsonl'}", limit=3)
    assert [task.task_id for task in tasks] == ["mbpp/1", "mbpp/2", "mbpp/3"]
    assert "line 4" in refusal(f"mbpp:{tmp_path / 'cut.jsonl'}")


def test_records_are_not_held_once_their_tasks_are_built(tmp_path: Path) -> None:
    """Solutions in other languages make most of a CodeContests record; none of it stays."""
    import tracemalloc

    bulk = {"language": [2], "solution": ["x" * 1_000_000]}
    with gzip.open(tmp_path / "big.jsonl.gz", "wt") as file:
        for number in range(30):
            record = CODECONTESTS | {"name": f"n{number}", "incorrect_solutions": bulk}
            file.write(json.dumps(record) + "\n")
    tracemalloc.start()
    tasks: list[Task] = load_tasks(f"codecontests:{tmp_path / 'big.jsonl.gz'}")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(tasks) == 30
    assert peak < 10_000_000


def test_only_training_has_weights(write: Write) -> None:
    assert "only the datasets of tasks.train can have a weight" in refusal(f"mbpp:{write(MBPP)}*2")


def test_every_split_of_every_public_dataset_has_an_edition_and_says_when_it_cannot_be_had(
    tmp_path: Path,
) -> None:
    """Offline, with an empty cache: one sentence each, and no waiting."""
    public = [name for name in SPLITS if name not in EMBEDDED]
    specs = [f"{name}:{split}" for name in public for split in SPLITS[name]]
    command = (
        "import sys\nfrom core.tasks.load import load_tasks\nfrom core.errors import CoreError\n"
        "for spec in sys.argv[1:]:\n    try:\n        load_tasks(spec)\n"
        "    except CoreError as error:\n        print(error)\n"
    )
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", command, *specs, *public],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = done.stdout.splitlines()
    assert len(said) == len(specs) + len(public), done.stderr
    for spec, sentence in zip([*specs, *public], said, strict=True):
        name = spec.partition(":")[0]
        assert sentence.startswith(f"Cannot fetch the dataset {name}")
        assert sentence.endswith(f"; give a file as {name}:PATH instead.")
