"""Texts out of packed pickles: base64 of zlib of a pickle, read without building what it asks for.

A pickle is a program. Here it may hold one text and nothing else: opcodes that do more are refused
before it runs, for some cost hours or gigabytes without building anything, and the unpickler that
then runs it finds no class, no function and no persistent object.
"""

from __future__ import annotations

import base64
import io
import pickle
import pickletools
import zlib
from typing import Any, NoReturn

#: Most bytes of a pickle once decompressed (1 GiB), for which a megabyte of zlib can stand.
LARGEST_BYTES = 1 << 30

#: What `pickle.dumps` writes for a text, by every protocol from 1.
_OPCODES_OF_A_TEXT = frozenset(
    {
        "PROTO",
        "FRAME",
        "SHORT_BINUNICODE",
        "BINUNICODE",
        "BINUNICODE8",
        "BINPUT",
        "MEMOIZE",
        "STOP",
    }
)


class TextUnpickler(pickle.Unpickler):
    """Raises UnpicklingError for a pickle that names anything to build or to call."""

    def find_class(self, module_name: str, global_name: str) -> NoReturn:
        """Finds nothing."""
        raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}")

    def persistent_load(self, _: Any) -> NoReturn:
        """Loads nothing."""
        raise pickle.UnpicklingError("it asks for a persistent object")


def unpack_text(packed: str) -> str:
    """The text in base64 of zlib of its pickle; raises ValueError with the reason in a few words.

    Refuses more than LARGEST_BYTES of pickle, and any pickle of something else than a text.
    """
    try:
        pickled = _decompressed(base64.b64decode(packed, validate=True))
        for opcode, _, _ in pickletools.genops(pickled):
            if opcode.name not in _OPCODES_OF_A_TEXT:
                raise ValueError(f"its pickle holds more than a text: {opcode.name}")
        text = TextUnpickler(io.BytesIO(pickled)).load()
    except (zlib.error, pickle.UnpicklingError, EOFError) as error:
        raise ValueError(str(error)) from error
    assert isinstance(text, str)  # its opcodes can leave nothing else
    return text


def _decompressed(compressed: bytes) -> bytes:
    stream = zlib.decompressobj()
    pickled = stream.decompress(compressed, LARGEST_BYTES)
    if not stream.eof:
        excess = len(pickled) == LARGEST_BYTES
        raise ValueError(
            f"it decompresses to more than {LARGEST_BYTES:,} bytes" if excess else "it is cut short"
        )
    return pickled
