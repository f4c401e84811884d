"""A copy of the mirror in a file, so that a process need not read a million rows through SQL.

A cache and nothing more: it may be missing, torn, old or of another store, and is then passed over.
It is written beside and moved into place, without waiting for the disk; a checksum over everything
tells a torn one.
"""

from __future__ import annotations

import fcntl
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from storage.workspace import Workspace

#: Changes with the meaning of the arrays; a copy of another version is passed over.
_MAGIC = b"btp-mirror-2\n"


@dataclass(frozen=True, slots=True, eq=False)
class MirrorCopy:
    """Arrays by name, the newest row taken in of each table, and what tells the store."""

    cursors: tuple[int, ...]  # samples, verdicts, possibilities, updates, rewinds, flags
    marks: tuple[float | None, ...]
    arrays: dict[str, NDArray[Any]]


def save_copy(workspace: Workspace, copy: MirrorCopy) -> None:
    """Leaves a copy for the next process; where that cannot be done, there is none."""
    shapes = [(name, array.dtype.str, len(array)) for name, array in copy.arrays.items()]
    head = json.dumps({"cursors": copy.cursors, "marks": copy.marks, "arrays": shapes}).encode()
    checksum = xxhash.xxh3_64(head)
    beside = _place(workspace).with_name(".mirror.part")
    # One at a time: what a killed process left is taken over, what another writes is left to it.
    with suppress(OSError), beside.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            file.truncate(0)
            file.write(_MAGIC + len(head).to_bytes(2, "little") + head + checksum.digest())
            for array in copy.arrays.values():
                file.write(array.data)
                checksum.update(array.data)
            file.write(checksum.digest())
            file.flush()
            beside.replace(_place(workspace))
        except OSError:
            beside.unlink(missing_ok=True)


def load_copy(workspace: Workspace) -> MirrorCopy | None:
    """The copy that was left; None where there is none that is whole."""
    with suppress(OSError, ValueError, KeyError, TypeError), _place(workspace).open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return None
        head = file.read(int.from_bytes(file.read(2), "little"))
        checksum = xxhash.xxh3_64(head)
        if file.read(checksum.digest_size) != checksum.digest():
            return None  # before memory is asked for by what it says
        described = json.loads(head)
        arrays = {}
        for name, dtype, length in described["arrays"]:
            arrays[name] = np.fromfile(file, np.dtype(dtype), length)
            checksum.update(arrays[name].data)
        if file.read() == checksum.digest():
            return MirrorCopy(tuple(described["cursors"]), tuple(described["marks"]), arrays)
    return None


def _place(workspace: Workspace) -> Path:
    return workspace.path / "mirror.cache"
