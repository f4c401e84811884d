"""How a zygote gives up its powers, once, before it forks; each layer is then put to the test."""

from __future__ import annotations

import errno
import os
import resource
import socket
import sys
from collections.abc import Callable
from typing import Any

from . import landlock, seccomp
from .kernel import (
    PR_GET_NO_NEW_PRIVS,
    PR_SET_DUMPABLE,
    die_with_parent,
    keep_capabilities,
    prctl,
)

#: Shared libraries and time zones, besides the standard library itself.
_SYSTEM_READABLE = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache",
    "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random",
)  # fmt: skip
_LIMITS = (
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_NOFILE, 256),
    (resource.RLIMIT_MEMLOCK, 0),
    (resource.RLIMIT_MSGQUEUE, 0),
)
_THREADS = 512
#: Where open library folders lie, one after the other, in a zygote and its children.
FIRST_LIBRARY = 5


def confine(uid: int | None, packages: list[str]) -> tuple[dict[str, str], int]:
    """Takes on every layer; returns {layer: the attempt that proved it}, and a number.

    That many descriptors, from FIRST_LIBRARY on, children must keep. `uid` is a user of this
    process's own, None where it cannot have one; `packages` are folders that may be read besides
    the standard library's. Raises OSError where a layer that exists does not hold; a kernel
    without Landlock, or a machine without seccomp, is reported, not refused: that is for the
    supervisor to decide.
    """
    parent = os.getppid()
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # memory pressure takes this one first
    for limit, value in _LIMITS:
        resource.setrlimit(limit, (value, value))
    roots = _library_roots() + packages
    descriptors = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in roots]
    seccomp.forbid_new_privileges()
    has_landlock = landlock.version() > 0
    if has_landlock:
        landlock.restrict((*roots, *_SYSTEM_READABLE))
    _change_user(uid)
    kept = _reach_library_through(dict(zip(roots, descriptors, strict=True)))
    for descriptor in descriptors:
        os.close(descriptor)
    prctl(PR_SET_DUMPABLE, 0)
    die_with_parent()
    if os.getppid() != parent:
        raise OSError(errno.ESRCH, "the supervisor has ended")
    has_seccomp = seccomp.available()
    if has_seccomp:
        seccomp.Filter(seccomp.zygote_filter()).apply()
    return _prove(uid, has_landlock, has_seccomp), kept


def _library_roots() -> list[str]:
    return [path for path in sys.path if os.path.isdir(path)]


def _change_user(uid: int | None) -> None:
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        resource.setrlimit(resource.RLIMIT_NPROC, (_THREADS, _THREADS))
    keep_capabilities(0)


def _reach_library_through(descriptors: dict[str, int]) -> int:
    """Where the new user may not walk to the library, its open folders are walked to instead.

    Returns how many of them that takes. A Python beneath somebody's home folder is readable, but
    not reachable, for another user.
    """
    if all(os.access(path, os.R_OK | os.X_OK) for path in descriptors):
        return 0
    names = {}
    for number, (path, descriptor) in enumerate(descriptors.items(), FIRST_LIBRARY):
        names[path] = f"/proc/self/fd/{os.dup2(descriptor, number)}"
    longest_first = sorted(names, key=len, reverse=True)

    def moved(path: str) -> str:
        root = next((root for root in longest_first if path.startswith(root)), "")
        return names[root] + path[len(root) :] if root else path

    sys.path[:] = [moved(path) for path in sys.path]
    sys.path_importer_cache.clear()
    for module in list(sys.modules.values()):
        package_path = getattr(module, "__path__", None)
        if isinstance(package_path, list):
            package_path[:] = [moved(path) for path in package_path]
    return len(names)


def _prove(uid: int | None, has_landlock: bool, has_seccomp: bool) -> dict[str, str]:
    proofs = {}
    if has_seccomp:
        proofs["seccomp"] = _denied("socket()", errno.EPERM, lambda: socket.socket().close())
        writing = _denied("open for writing", errno.EACCES, lambda: os.open("/", os.O_RDWR))
        proofs["files"] = writing
    proofs["no_new_privs"] = _expect("no_new_privs is set", prctl(PR_GET_NO_NEW_PRIVS) == 1)
    proofs["rlimits"] = _denied("raising a limit", None, _raise_a_limit)
    if uid is not None:
        proofs["uid"] = _expect(f"runs as user {uid}", os.getresuid() == (uid, uid, uid))
    if has_landlock:
        proofs["landlock"] = _denied("listing /", errno.EACCES, lambda: os.close(os.open("/", 0)))
    return proofs


def _raise_a_limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))


def _denied(what: str, code: int | None, attempt: Callable[[], Any]) -> str:
    try:
        attempt()
    except OSError as error:
        if code is None or error.errno == code:
            return f"{what} failed with {errno.errorcode.get(error.errno or 0, error.errno)}"
        raise
    except ValueError:
        return f"{what} was refused"
    raise OSError(errno.EPERM, f"isolation does not hold: {what} succeeded")


def _expect(what: str, holds: bool) -> str:
    if not holds:
        raise OSError(errno.EPERM, f"isolation does not hold: not so: {what}")
    return what
