"""Landlock: the files a process may read, and that it may change none (kernel 5.13 and later)."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterable

from .kernel import (
    LANDLOCK_ADD_RULE,
    LANDLOCK_CREATE_RULESET,
    LANDLOCK_RESTRICT_SELF,
    Pointer,
    libc_call,
)

_VERSION = 1
_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
#: Rights that exist, by version of the interface: execute, write, read, make, remove; 2 refer;
#: 3 truncate; 5 ioctl on devices.
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_NETWORK = (1 << 0) | (1 << 1)  # bind and connect TCP, version 4
_SCOPES = (1 << 0) | (1 << 1)  # abstract unix sockets and signals stay inside, version 6


def version() -> int:
    """The kernel's Landlock version; 0 where it has none."""
    try:
        return libc_call(LANDLOCK_CREATE_RULESET, 0, 0, _VERSION)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
            return 0
        raise


def restrict(readable: Iterable[str]) -> None:
    """From here on this thread may read beneath these paths, and touch no other file."""
    abi = version()
    rights = max(mask for since, mask in _RIGHTS.items() if since <= abi)
    network, scopes = _NETWORK if abi >= 4 else 0, _SCOPES if abi >= 6 else 0
    attributes = Pointer(struct.pack("=QQQ", rights, network, scopes))
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = libc_call(LANDLOCK_CREATE_RULESET, attributes.address, size, 0)
    try:
        for path in readable:
            _allow_reading(ruleset, path)
        libc_call(LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow_reading(ruleset: int, path: str) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # distributions differ in where they keep shared libraries
    try:
        rights = _READ_FILE | _READ_DIR if os.path.isdir(path) else _READ_FILE
        beneath = Pointer(struct.pack("=Qi", rights, fd))
        libc_call(LANDLOCK_ADD_RULE, ruleset, _PATH_BENEATH, beneath.address, 0)
    finally:
        os.close(fd)
