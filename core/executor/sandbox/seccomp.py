"""System-call filters: an allow-list for every zygote, a second layer for every child.

A filter is classic BPF over `struct seccomp_data` {int nr; u32 arch; u64 ip; u64 args[6]}. The
zygote's filter answers EPERM to whatever it does not name; the child's takes away what a zygote
needs to run children. Both refuse other architectures and the x32 numbers.
"""

from __future__ import annotations

import errno
import os
import struct
import termios

from .kernel import (
    ARCHITECTURE,
    PR_SET_NO_NEW_PRIVS,
    Architecture,
    Pointer,
    libc_call,
    prctl,
)
from .syscalls import NUMBERS

ALLOW = 0x7FFF0000
KILL = 0x80000000
_ERRNO = 0x00050000
_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_X32_BIT = 0x40000000
_SET_MODE_FILTER, _GET_ACTION_AVAIL = 1, 2

_CLONE_THREAD = 0x00010000
_READ_ONLY_MASK = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND | 0o20000000  # O_TMPFILE
_HARMLESS_IOCTLS = (termios.TCGETS, termios.FIOCLEX, termios.FIONCLEX, termios.FIONBIO,
                    termios.FIONREAD, termios.TIOCGWINSZ)  # fmt: skip
# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_DUPFD_CLOEXEC, F_GET_SEALS. Not F_SETOWN
# and F_SETSIG: with them a descriptor sends any signal to any process of the same user.
_HARMLESS_FCNTLS = (0, 1, 2, 3, 4, 5, 1030, 1034)
_RLIMIT_STACK = 3

Instruction = tuple[int, int, int, int]

_PLAIN_TEXT = """
    read write readv writev pread64 pwrite64 preadv pwritev close fstat newfstatat statx lseek
    mmap mprotect munmap mremap madvise msync mincore brk rt_sigaction rt_sigprocmask
    rt_sigreturn sigaltstack rt_sigpending rt_sigsuspend rt_sigtimedwait faccessat faccessat2
    pipe2 pselect6 ppoll epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 eventfd2 dup dup3
    nanosleep clock_nanosleep getitimer setitimer getpid getppid gettid getuid geteuid getgid
    getegid getgroups getresuid getresgid getpgid getsid exit exit_group uname flock fsync
    fdatasync ftruncate getcwd chdir fchdir readlinkat gettimeofday clock_gettime clock_getres
    getrlimit getrusage sysinfo times getpriority sched_yield sched_getaffinity sched_getparam
    sched_getscheduler sched_get_priority_max sched_get_priority_min getcpu futex
    set_robust_list get_robust_list set_tid_address rseq membarrier getdents64 getrandom
    restart_syscall umask wait4 waitid fadvise64 fstatfs statfs close_range copy_file_range
    sendfile stat lstat access pipe select poll epoll_create epoll_wait eventfd dup2 alarm
    getpgrp readlink time getdents
"""
_PLAIN = tuple(_PLAIN_TEXT.split())

#: What a zygote needs to run children, and no child may do.
_ZYGOTE_ONLY_TEXT = """
    setsid pidfd_open pidfd_send_signal memfd_create prctl seccomp sendmsg recvmsg splice
"""
_ZYGOTE_ONLY = tuple(_ZYGOTE_ONLY_TEXT.split())


def refuse(error: int) -> int:
    """The action that makes a call fail with this errno."""
    return _ERRNO | error


def available() -> bool:
    """Whether this kernel takes filters, and this processor's system calls are known here."""
    if ARCHITECTURE is None:
        return False
    action = Pointer(struct.pack("=I", ALLOW))
    try:
        libc_call(ARCHITECTURE.seccomp, _GET_ACTION_AVAIL, 0, action.address)
    except OSError:  # no such call, or what confines this process forbids it
        return False
    return True


def _here() -> Architecture:
    if ARCHITECTURE is None:
        raise OSError(errno.ENOSYS, f"no table of system calls for {os.uname().machine}")
    return ARCHITECTURE


def number(name: str) -> int | None:
    """The call's number here, None where this architecture lacks it."""
    return NUMBERS[name][_here().column]


def _always(name: str, action: int) -> list[Instruction]:
    nr = number(name)
    return [] if nr is None else [(_EQUAL, 0, 1, nr), (_RETURN, 0, 0, action)]


def _checked(name: str, block: list[Instruction]) -> list[Instruction]:
    """Runs `block`, which must return, where the call is `name`."""
    nr = number(name)
    return [] if nr is None else [(_EQUAL, 0, len(block), nr), *block]


def _load_argument(index: int, high: bool = False) -> Instruction:
    return (_LOAD, 0, 0, 16 + 8 * index + 4 * high)


def _if_masked(
    argument: int, mask: int, value: int, then: int, otherwise: int
) -> list[Instruction]:
    return [
        _load_argument(argument),
        (_AND, 0, 0, mask),
        (_EQUAL, 0, 1, value),
        (_RETURN, 0, 0, then),
        (_RETURN, 0, 0, otherwise),
    ]


def _if_one_of(
    argument: int, values: tuple[int, ...], then: int, otherwise: int
) -> list[Instruction]:
    tests = [(_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
    return [_load_argument(argument), *tests, (_RETURN, 0, 0, otherwise), (_RETURN, 0, 0, then)]


def _reads_limit_or_raises_own_stack() -> list[Instruction]:
    """prlimit64(pid, resource, new, old): allowed without `new`, or for the own stack."""
    deny = (_RETURN, 0, 0, refuse(errno.EPERM))
    return [
        _load_argument(2),
        (_EQUAL, 0, 3, 0),
        _load_argument(2, high=True),
        (_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, ALLOW),
        _load_argument(0),
        (_EQUAL, 1, 0, 0),
        deny,
        _load_argument(1),
        (_EQUAL, 1, 0, _RLIMIT_STACK),
        deny,
        (_RETURN, 0, 0, ALLOW),
    ]


def _head() -> list[Instruction]:
    return [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, _here().audit),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, 0),
        (_AT_LEAST, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, refuse(errno.EPERM)),
    ]


def zygote_filter() -> list[Instruction]:
    """The allow-list: everything not named fails with EPERM."""
    deny = refuse(errno.EPERM)
    read_only = (_READ_ONLY_MASK, os.O_RDONLY, ALLOW, refuse(errno.EACCES))
    program = _head()
    program += _checked("openat", _if_masked(2, *read_only))
    program += _checked("open", _if_masked(1, *read_only))
    program += _checked("ioctl", _if_one_of(1, _HARMLESS_IOCTLS, ALLOW, refuse(errno.ENOTTY)))
    program += _checked("fcntl", _if_one_of(1, _HARMLESS_FCNTLS, ALLOW, deny))
    for name in ("clone", "prlimit64", *_ZYGOTE_ONLY, *_PLAIN):
        program += _always(name, ALLOW)
    # glibc falls back to clone and openat where these do not exist.
    for name in ("clone3", "openat2"):
        program += _always(name, refuse(errno.ENOSYS))
    return [*program, (_RETURN, 0, 0, deny)]


def child_filter() -> list[Instruction]:
    """What a forked child loses: processes, descriptors of others, limits, further filters."""
    deny = refuse(errno.EPERM)
    program = _head()
    program += _checked("clone", _if_masked(0, _CLONE_THREAD, _CLONE_THREAD, ALLOW, deny))
    program += _checked("prlimit64", _reads_limit_or_raises_own_stack())
    for name in _ZYGOTE_ONLY:
        program += _always(name, deny)
    return [*program, (_RETURN, 0, 0, ALLOW)]


class Filter:
    """An assembled filter, ready to be taken on by the calling thread (and its children)."""

    def __init__(self, program: list[Instruction]) -> None:
        packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
        self._code = Pointer(packed)
        self._program = Pointer(struct.pack("=H6xQ", len(program), self._code.address))

    def apply(self) -> None:
        """Takes on the filter; raises OSError where the kernel refuses."""
        libc_call(_here().seccomp, _SET_MODE_FILTER, 0, self._program.address)


def forbid_new_privileges() -> None:
    """Set-user-id programs gain nothing from here on; filters need it for ordinary users."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
