"""The filters of a workspace: those that were written lately, and those saved under a name.

They lie in one file of the workspace, which is read, changed and replaced under a lock: of two
screens that write at once neither loses anything.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

from storage.errors import StorageError

#: Filters that are remembered.
MOST = 200

#: Bytes of a file that is read; what 10,000 saved filters take is a tenth of it.
_LARGEST = 16 << 20

#: Filters that every workspace has.
BUILT_IN = {
    "nearly passed": "pass:0.5.. -outcome:passed sort:-pass",
    "newest failures": "-outcome:passed,not-tested",
    "sure but wrong": "pass:0 sort:-logprob",
    "most replayed": "replays:>0 sort:-replays",
    "best never replayed": "replays:0 -outcome:not-tested sort:-p2value",
    "ran into a limit": "outcome:timeout,memory,output-limit,denied",
}


@dataclass(frozen=True, slots=True)
class FilterBook:
    """`history` has the newest first, `saved` are (name, filter) in the order of their names."""

    history: tuple[str, ...] = ()
    saved: tuple[tuple[str, str], ...] = ()

    def used(self, text: str) -> FilterBook:
        """With a filter as the newest of the history."""
        others = (each for each in self.history if each != text)
        return replace(self, history=(text, *others)[:MOST])

    def kept(self, name: str, text: str) -> FilterBook:
        """With a filter under a name, in place of the one that had it."""
        return replace(self, saved=tuple(sorted({**dict(self.saved), name: text}.items())))

    def dropped(self, name: str) -> FilterBook:
        """Without the filter of a name."""
        return replace(self, saved=tuple(each for each in self.saved if each[0] != name))

    def renamed(self, name: str, new: str) -> FilterBook:
        """With a filter under another name, where it is still there."""
        text = dict(self.saved).get(name)
        return self if text is None else self.dropped(name).kept(new, text)


#: A change to a book, see FilterFile.change.
Change = Callable[[FilterBook], FilterBook]


class FilterFile:
    """The file of one workspace; a workspace that does not exist yet is not made."""

    def __init__(self, workspace: Path) -> None:
        self._folder = workspace
        self._path = workspace / "filters.json"
        self._book = FilterBook()

    def read(self) -> FilterBook:
        """What the file says; a file that is damaged or cannot be read says nothing."""
        if self._path.exists():
            self._book = self._parsed() or FilterBook()
        return self._book

    def change(self, act: Change) -> FilterBook:
        """Changes what the file says now; returns that. Raises StorageError where it cannot."""
        if not self._folder.is_dir():
            self._book = act(self._book)
            return self._book
        try:
            with self._alone():
                return self._replace(act)
        except OSError as error:
            raise StorageError(
                f"Cannot write {self._path}: {error.strerror or error}; "
                "filters are kept until this screen is closed."
            ) from error

    def _replace(self, act: Change) -> FilterBook:
        found = self._parsed() if self._path.exists() else self._book
        self._book = act(self._book if found is None else found)
        if found is None:
            self._aside()
        place = Path(os.path.realpath(self._path))  # a link stays one
        beside = place.with_suffix(f".{os.getpid()}.part")
        try:
            beside.write_text(json.dumps(asdict(self._book), indent=1), encoding="utf-8")
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)
        return self._book

    def _parsed(self) -> FilterBook | None:
        """None where the file holds something else."""
        with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
            if not self._path.is_file() or self._path.stat().st_size > _LARGEST:
                return None
            read = json.loads(self._path.read_text(encoding="utf-8"))
            saved = tuple((_shown(name), _shown(text)) for name, text in read["saved"])
            return FilterBook(tuple(_shown(each) for each in read["history"]), saved)
        return None

    def _aside(self) -> None:
        """For whoever wants to look what it was; nothing that was put aside before is replaced."""
        names = (f".damaged{number or ''}" for number in count())
        free = (place for name in names if not (place := self._path.with_suffix(name)).exists())
        self._path.replace(next(free))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keeps other screens waiting while inside."""
        descriptor = os.open(self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _shown(text: object) -> str:
    """A text of the file as the screen can show it; raises ValueError for what is no text."""
    if not isinstance(text, str):
        raise ValueError(text)
    return "".join(letter if letter.isprintable() else " " for letter in text)
