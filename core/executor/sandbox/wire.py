"""Frames between the supervisor and its zygotes: a JSON object and a blob of bytes.

Eight bytes (length of the JSON, length of the blob, little endian), then both. JSON rather than
pickle or marshal, so that reading a frame can neither build objects nor crash.
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
    """Waits for the next frame and the descriptor that came with it; EOFError at the end."""
    header, ancillary, _, _ = control.recvmsg(HEADER.size, socket.CMSG_SPACE(4))
    descriptor = next((struct.unpack("i", body[:4])[0] for _, _, body in ancillary), None)
    header += _exactly(control.fileno(), HEADER.size - len(header))
    text_size, blob_size = HEADER.unpack(header)
    text = _exactly(control.fileno(), text_size + blob_size)[:text_size]
    return json.loads(text), descriptor


def send(control: socket.socket, message: Mapping[str, Any], blob: bytes = b"") -> None:
    """Writes one frame to the end."""
    view = memoryview(pack(message, blob))
    while view:
        view = view[os.write(control.fileno(), view) :]


def _exactly(fd: int, size: int) -> bytes:
    chunks = []
    while size:
        chunk = os.read(fd, min(size, 1 << 20))
        if not chunk:
            raise EOFError
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
