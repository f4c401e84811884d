"""Reading a file that people write by hand, and that is small: never a device, never for ever."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

#: Bytes of the largest one: a configuration with every setting and its description takes 1 % of it.
LARGEST = 1 << 20


def read_small(file: Path) -> str:
    """The UTF-8 text of a file.

    Raises OSError also of what is no ordinary file or too large, and UnicodeDecodeError.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe never waits
    with os.fdopen(descriptor, "rb") as opened:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is no ordinary file")
        content = opened.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, f"it is larger than {LARGEST >> 20} MB")
    return content.decode()
