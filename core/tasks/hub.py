"""Public editions of the datasets, fetched from the Hugging Face hub when no file is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import CoreError
from core.tasks.jsonl import Record

#: Longest wait for the hub's first answer.
HUB_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Edition:
    """Where a dataset is published; `file` where only that file (JSONL or parquet) is read."""

    repository: str
    split: str
    configuration: str | None = None
    file: str | None = None


#: APPS and LiveCodeBench are published with a loading script, which `datasets` no longer runs, and
#: are read as files: APPS's test split, and the newest of LiveCodeBench's six, for all of them are
#: 4.5 GB before they are unpacked. Of CodeContests only the test split is fetched.
EDITIONS = {
    "humaneval": Edition("openai/openai_humaneval", "test"),
    "mbpp": Edition("google-research-datasets/mbpp", "prompt+test+validation+train", "full"),
    "apps": Edition("codeparrot/apps", "train", file="test.jsonl"),
    "codecontests": Edition("deepmind/code_contests", "train", file="data/test-*.parquet"),
    "livecodebench": Edition("livecodebench/code_generation_lite", "train", file="test6.jsonl"),
}


def fetch_records(name: str) -> Iterator[Record]:
    """Yields the records of a public dataset; raises CoreError where it can't be fetched.

    With HF_HUB_OFFLINE set, an edition that was fetched before is read from the hub's cache.
    """
    import datasets  # takes a second, and only this function needs it
    from huggingface_hub import HfApi, constants

    edition = EDITIONS[name]
    path, file = edition.repository, None
    if edition.file:
        path = "parquet" if edition.file.endswith(".parquet") else "json"
        file = f"hf://datasets/{edition.repository}/{edition.file}"
    try:
        if not constants.HF_HUB_OFFLINE:  # else loading asks for half a minute before it gives up
            HfApi().dataset_info(edition.repository, timeout=HUB_TIMEOUT_S)
        rows = datasets.load_dataset(
            path, edition.configuration, data_files=file, split=edition.split
        )
    except Exception as error:  # which errors there are depends on the HTTP client in use
        reason = " ".join(str(error).split())[:200]
        raise CoreError(
            f"Cannot fetch the dataset {name} from the hub ({reason}); "
            f"give a file as {name}:PATH instead."
        ) from error
    for number, row in enumerate(rows, start=1):
        yield Record(f"{name} (from the hub), record {number}", dict(row))
