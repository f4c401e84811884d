"""The shape of openai/human-eval's executor, written anew for comparison: fast it is not, nor safe.

A `multiprocessing.Process` for every program, its result in a `Manager` list, a folder of its own,
a guard that sets dangerous functions to None, streams swallowed, an alarm as the limit.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import shutil
import signal
import tempfile
from typing import Any

_DANGEROUS = {
    "builtins": "exit quit",
    "os": "kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename "
    "renames truncate replace unlink fchmod fchown chmod chown chroot lchown getcwd chdir",
    "shutil": "rmtree move chown",
    "subprocess": "Popen",
}
_FOR_CLEANING_UP = ("rmdir", "unlink", "chdir", "getcwd", "remove", "fchdir")


def check_program(source: str, timeout: float = 3.0) -> bool:
    """Whether the program (with its test) runs through."""
    with multiprocessing.Manager() as manager:
        result: Any = manager.list()
        process = multiprocessing.Process(target=_execute, args=(source, timeout, result))
        process.start()
        process.join(timeout + 1)
        if process.is_alive():
            process.kill()
        return list(result) == ["passed"]


def _execute(source: str, timeout: float, result: Any) -> None:
    remove, change = shutil.rmtree, os.chdir
    with tempfile.TemporaryDirectory() as folder:
        change(folder)
        kept = {name: getattr(os, name) for name in _FOR_CLEANING_UP}
        _guard()
        try:
            with _time_limit(timeout), _swallowed():
                exec(source, {})
            result.append("passed")
        except BaseException as error:  # as the original does
            result.append(f"failed: {error}")
        shutil.rmtree = remove
        for name, function in kept.items():
            setattr(os, name, function)
        change("/")


def _guard() -> None:
    import faulthandler
    import importlib
    import resource

    for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        resource.setrlimit(limit, (4 << 30, 4 << 30))
    faulthandler.disable()
    for module, names in _DANGEROUS.items():
        loaded = importlib.import_module(module)
        for name in names.split():
            setattr(loaded, name, None)


@contextlib.contextmanager
def _time_limit(seconds: float) -> Any:
    def alarmed(*_: object) -> None:
        raise TimeoutError

    signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.signal(signal.SIGALRM, alarmed)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextlib.contextmanager
def _swallowed() -> Any:
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        yield
