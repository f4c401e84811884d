"""The way into every command: what is wrong with the world is one sentence and exit code 2."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from core.errors import CoreError
from storage.errors import StorageError

if TYPE_CHECKING:
    import typer


def run_command(app: typer.Typer) -> None:
    """Runs the command that the arguments name, and ends the process."""
    run(partial(app, prog_name="btp-tui"))


def run(command: Callable[[], object]) -> None:
    """Runs one command, and says in a sentence what kept it from its end."""
    try:
        try:
            command()
        finally:
            sys.stdout.flush()  # here, where its failure can be told
    except (CoreError, StorageError) as error:
        _end(str(error))
    except BrokenPipeError:  # whoever read stdout has gone
        _forget_output()
        raise SystemExit(1) from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _forget_output()
        _end(f"There is no room for the output: {error.strerror}.")


def _end(sentence: str) -> None:
    print(f"btp-tui: {sentence}", file=sys.stderr)
    raise SystemExit(2) from None


def _forget_output() -> None:
    """What could not be written is not tried once more when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
