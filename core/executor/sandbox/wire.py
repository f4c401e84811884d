"""Frames between the supervisor and its zygotes: a JSON object and a blob of bytes.

Eight bytes (length of the JSON, length of the blob, little endian), then both. JSON rather than
pickle or marshal, so that reading a frame can neither build objects nor crash. A zygote never has
a blob in its memory, which its children inherit: it goes from socket to file and from file to
socket inside the kernel.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping
from typing import Any

HEADER = struct.Struct("<II")


def pack(message: Mapping[str, Any], blob: bytes = b"") -> bytes:
    """One frame."""
    text = json.dumps(message).encode()
    return HEADER.pack(len(text), len(blob)) + text + blob


def unpack(buffer: bytearray) -> tuple[dict[str, Any], bytes] | None:
    """Takes the first frame out of the buffer; None while it is incomplete."""
    if len(buffer) < HEADER.size:
        return None
    text_size, blob_size = HEADER.unpack_from(buffer)
    end = HEADER.size + text_size + blob_size
    if len(buffer) < end:
        return None
    text = bytes(buffer[HEADER.size : HEADER.size + text_size])
    blob = bytes(buffer[HEADER.size + text_size : end])
    del buffer[:end]
    return json.loads(text), blob


def receive(control: socket.socket) -> tuple[dict[str, Any], int | None]:
    """Waits for the next frame's object and the descriptor that came with it; its blob stays.

    Raises EOFError at the end.
    """
    header, ancillary, _, _ = control.recvmsg(HEADER.size, socket.CMSG_SPACE(4))
    descriptor = next((struct.unpack("i", body[:4])[0] for _, _, body in ancillary), None)
    header += _exactly(control.fileno(), HEADER.size - len(header))
    text_size, _ = HEADER.unpack(header)
    return json.loads(_exactly(control.fileno(), text_size)), descriptor


class Pump:
    """Moves bytes from a socket into files by splice(2), which needs a pipe in between."""

    def __init__(self) -> None:
        self._out, self._in = os.pipe()

    def move(self, source: int, target: int, size: int) -> None:
        """Moves the next `size` bytes, and rewinds the target; EOFError where they do not come."""
        while size:
            taken = os.splice(source, self._in, size)
            if not taken:
                raise EOFError
            size -= taken
            while taken:
                taken -= os.splice(self._out, target, taken)
        os.lseek(target, 0, os.SEEK_SET)


def send(control: socket.socket, message: Mapping[str, Any], *files: tuple[int, int]) -> None:
    """Writes one frame to the end; its blob is the first bytes of each (file, number of bytes)."""
    text = json.dumps(message).encode()
    view = memoryview(HEADER.pack(len(text), sum(size for _, size in files)) + text)
    while view:
        view = view[os.write(control.fileno(), view) :]
    for file, size in files:
        sent = 0
        while sent < size:
            sent += os.sendfile(control.fileno(), file, sent, size - sent)


def _exactly(fd: int, size: int) -> bytes:
    chunks = []
    while size:
        chunk = os.read(fd, min(size, 1 << 20))
        if not chunk:
            raise EOFError
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
