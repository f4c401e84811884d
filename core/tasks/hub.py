"""Public editions of the datasets, fetched from the Hugging Face hub when no file is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from core.errors import CoreError
from core.tasks.jsonl import Record
from core.tasks.spec import TaskSpec

#: Longest wait for the hub's first answer.
HUB_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Edition:
    """Where a dataset is published; `file` where only that file (JSONL or parquet) is read.

    A `large` one is streamed: no more of it is fetched than is read, and none of it is kept.
    """

    repository: str
    split: str
    configuration: str | None = None
    file: str | None = None
    large: bool = False


_APPS = Edition("codeparrot/apps", "train", file="test.jsonl", large=True)
_CODECONTESTS = Edition("deepmind/code_contests", "train", file="data/test-*.parquet")
_LIVECODEBENCH = Edition("livecodebench/code_generation_lite", "train", large=True)

#: Datasets in one piece, whose splits are told by the ids of the tasks where there are several.
_WHOLE = {
    "humaneval": Edition("openai/openai_humaneval", "test"),
    "humaneval+": Edition("evalplus/humanevalplus", "test"),
    "mbpp": Edition("google-research-datasets/mbpp", "prompt+test+validation+train", "full"),
    "mbpp+": Edition("evalplus/mbppplus", "test"),
}

#: Datasets in a file or set of files a split. APPS and LiveCodeBench are published with a loading
#: script, which `datasets` no longer runs: only their files can be read. The six files of
#: LiveCodeBench are what each of its releases added.
_BY_SPLIT = {
    "apps": {"train": replace(_APPS, file="train.jsonl"), "test": _APPS},
    "codecontests": {
        "train": replace(_CODECONTESTS, file="data/train-*.parquet", large=True),
        "valid": replace(_CODECONTESTS, file="data/valid-*.parquet"),
        "test": _CODECONTESTS,
    },
    "livecodebench": {
        f"v{number}": replace(_LIVECODEBENCH, file=f"test{number if number > 1 else ''}.jsonl")
        for number in range(1, 7)
    },
}

#: The split that is read where none is asked for.
DEFAULT_SPLITS = {"apps": "test", "codecontests": "test", "livecodebench": "v6"}


def fetch_public(spec: TaskSpec) -> Iterator[tuple[TaskSpec, Iterable[Record]]]:
    """Yields the records of a built-in dataset, a split at a time, each with the spec of its own.

    Raises CoreError where they can't be fetched. With HF_HUB_OFFLINE set, an edition that was
    fetched whole before is read from the hub's cache.
    """
    if spec.name in _WHOLE:
        yield spec, fetch(spec.name, _WHOLE[spec.name])
        return
    for split in spec.splits or (DEFAULT_SPLITS[spec.name],):
        of_split = replace(spec, splits=(split,))
        yield of_split, fetch(f"{spec.name}:{split}", _BY_SPLIT[spec.name][split])


def fetch(name: str, edition: Edition) -> Iterator[Record]:
    """Yields the records of one edition; raises CoreError where it can't be fetched."""
    import datasets  # takes a second, and only this function needs it
    from huggingface_hub import HfApi, constants

    path, file = edition.repository, None
    if edition.file:
        path = "parquet" if edition.file.endswith(".parquet") else "json"
        file = f"hf://datasets/{edition.repository}/{edition.file}"
    offline = constants.HF_HUB_OFFLINE
    try:
        if not offline:  # else loading asks for half a minute before it gives up
            HfApi().dataset_info(edition.repository, timeout=HUB_TIMEOUT_S)
        rows = datasets.load_dataset(
            path,
            edition.configuration,
            data_files=file,
            split=edition.split,
            streaming=edition.large and not offline,
        )
        for number, row in enumerate(rows, start=1):
            yield Record(f"{name} (from the hub), record {number}", dict(row))
    except CoreError:
        raise
    except Exception as error:  # which errors there are depends on the HTTP client in use
        reason = " ".join(str(error).split())[:200]
        raise CoreError(
            f"Cannot fetch the dataset {name} from the hub ({reason}); "
            f"give a file as {name.partition(':')[0]}:PATH instead."
        ) from error
