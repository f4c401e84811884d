"""Room on the disk: how much a run needs to go on, and which errors come of there being none."""

from __future__ import annotations

import errno
import shutil
from dataclasses import dataclass
from pathlib import Path

from storage.errors import StorageError

#: Bytes kept free for results and logs, besides what a checkpoint takes.
RESULTS = 64 << 20

#: With less than this, a failed write of a library that does not say why is put down to it.
_NOTHING = 1 << 20


@dataclass(frozen=True, slots=True)
class Room:
    """The disk of a folder, and the free bytes without which a run pauses."""

    folder: Path
    needed: int

    @property
    def free(self) -> int:
        """Free bytes."""
        return shutil.disk_usage(self.folder).free

    @property
    def short(self) -> bool:
        """Whether there is too little."""
        return self.free < self.needed

    def explains(self, error: BaseException) -> bool:
        """Whether an error comes of a full disk."""
        if isinstance(error, StorageError):
            return error.full
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        return "No space left" in str(error) or self.free < _NOTHING

    def in_words(self) -> str:
        """What is missing and what to do about it."""
        return (
            f"Only {self.free >> 20:,} MB are free on the disk of {self.folder}, "
            f"{self.needed >> 20:,} MB are needed: free some and it goes on."
        )
