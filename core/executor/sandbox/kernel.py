"""The few kernel calls that Python does not wrap."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
from typing import NamedTuple

_PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39

_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
_prctl = _libc.prctl
_fork = ctypes.PyDLL(None).fork  # PyDLL: without letting go of the interpreter's lock
# Made once: for every object that a child makes through ctypes, it copies pages of its parent's.
_ZEROS = (ctypes.c_ulong(0),) * 3
_PDEATHSIG_KILL = (ctypes.c_int(_PR_SET_PDEATHSIG), ctypes.c_ulong(signal.SIGKILL), *_ZEROS)
_SYSINFO = ctypes.create_string_buffer(128)


class Architecture(NamedTuple):
    """Its column in the table of calls, its audit number, and the number of seccomp(2)."""

    column: int
    audit: int
    seccomp: int


_ARCHITECTURES = {
    "x86_64": Architecture(0, 0xC000003E, 317),
    "aarch64": Architecture(1, 0xC00000B7, 277),
}
_SYSINFO_PROCS = 80  # offset of `procs` in struct sysinfo
#: Landlock's calls have the same numbers everywhere.
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446


#: None on a processor whose system calls are not known here.
ARCHITECTURE = _ARCHITECTURES.get(platform.machine())


class Pointer:
    """Bytes at an address that stays valid as long as this object lives."""

    def __init__(self, content: bytes) -> None:
        self._buffer = ctypes.create_string_buffer(content, len(content))
        self.address = ctypes.addressof(self._buffer)


def bare_fork() -> int:
    """fork(2) without the interpreter's hooks, for a process of one thread.

    os.fork() takes and renews locks that only other threads could hold; touching the pages they
    lie on costs a third of a short test. What the hooks would have done for the `random` module
    is left to the child.
    """
    pid: int = _fork()
    if pid < 0:
        raise OSError(ctypes.get_errno(), "fork failed")
    return pid


def libc_call(number: int, *arguments: int) -> int:
    """A raw system call; raises OSError."""
    result: int = _syscall(ctypes.c_long(number), *(ctypes.c_ulong(a) for a in arguments))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def prctl(option: int, argument: int = 0) -> int:
    """prctl(option, argument, 0, 0, 0); raises OSError."""
    result: int = _prctl(option, ctypes.c_ulong(argument), *_ZEROS)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def die_with_parent() -> None:
    """Has this process killed when its parent ends."""
    _prctl(*_PDEATHSIG_KILL)


def threads_of_the_system() -> int:
    """How many threads run on this machine, whoever's they are."""
    _libc.sysinfo(_SYSINFO)
    processes: int = struct.unpack_from("=H", _SYSINFO, _SYSINFO_PROCS)[0]
    return processes


def keep_capabilities(kept: int) -> None:
    """Gives up every capability of the calling thread but those whose bits are set."""
    header, masks = struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", kept, kept, 0, 0, 0, 0)
    if _libc.capset(header, masks) < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
