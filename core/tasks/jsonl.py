"""JSONL files, plain or gzip, read a record at a time; errors name file, line and field."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from core.errors import CoreError

_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Record:
    """One JSON object of a file; `place` is where it stands, in words."""

    place: str
    values: dict[str, Any]

    def text(self, name: str) -> str:
        """The text in a field that must be there."""
        value = self.required(name)
        if not isinstance(value, str):
            raise self.wrong(name, "a text")
        return self._whole(name, value)

    def texts(self, name: str) -> tuple[str, ...]:
        """The list of texts in a field that must be there."""
        value = self.required(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(name, "a list of texts")
        return tuple(self._whole(name, item) for item in value)

    def optional_text(self, name: str) -> str | None:
        """The text in a field that may be missing or null."""
        return None if self.values.get(name) is None else self.text(name)

    def optional_number(self, name: str) -> float | None:
        """The number above 0 in a field that may be missing or null."""
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise self.wrong(name, "a number above 0")
        return value

    def identifier(self, *names: str) -> str:
        """The id in the first of the named fields that is there: a text or a whole number."""
        name = next((name for name in names if name in self.values), names[0])
        value = self.required(name)
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise self.wrong(name, "a text or a whole number")
        return self._whole(name, str(value))

    def required(self, name: str) -> Any:
        """The value of a field that must be there."""
        if name not in self.values:
            raise CoreError(f"{self.place}: the field {name!r} is missing.")
        return self.values[name]

    def _whole(self, name: str, text: str) -> str:
        """The text, which JSON's escapes may have left with half a character: none can store it."""
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise CoreError(
                f"{self.place}: {name!r} is not valid Unicode: {error.reason}."
            ) from error
        return text

    def wrong(self, name: str, expected: str) -> CoreError:
        """The error for a field that holds something else than it should."""
        shown = repr(self.values[name])
        shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
        return CoreError(f"{self.place}: {name!r} must be {expected}, not {shown}.")


def read_records(path: Path) -> Iterator[Record]:
    """Yields the records of a file in order, blank lines left out; holds one line at a time.

    Raises CoreError where the file can't be read or a line is no JSON object.
    """
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _parse(line, f"{path}, line {number}")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CoreError(f"{path} is a damaged gzip file: {error}; fetch it again.") from error
    except OSError as error:
        raise CoreError(f"Cannot read {path}: {error.strerror or error}.") from error


def _open(path: Path) -> IO[bytes] | gzip.GzipFile:
    file = path.open("rb")
    start = file.peek(2)[:2]
    if start != _GZIP_MAGIC:
        return file
    file.close()
    return gzip.open(path, "rb")


def _parse(line: bytes, place: str) -> Record:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at column {error.colno}"
        raise CoreError(f"{place}: not valid JSON ({reason}); {_EXPECTED}.") from error
    except UnicodeDecodeError as error:
        raise CoreError(f"{place}: not valid UTF-8; {_EXPECTED}.") from error
    except (ValueError, RecursionError) as error:
        raise CoreError(f"{place}: cannot be read ({error}); {_EXPECTED}.") from error
    if not isinstance(values, dict):
        raise CoreError(f"{place}: holds {type(values).__name__}; {_EXPECTED}.")
    return Record(place, values)


_EXPECTED = "expected one JSON object a line"
