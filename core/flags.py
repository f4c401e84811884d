"""What a user says of stored programs: carried out by the engine, or where none is at work."""

from __future__ import annotations

from collections.abc import Sequence

from storage.schema import FLAG_COMMANDS, Command
from storage.writer import Writer

_DONE = {
    "exclude": "excluded from replay",
    "include": "in the replay again",
    "mark": "marked",
    "unmark": "not marked any more",
}


def carry_out(writer: Writer, run: int, command: Command, update: int = 0) -> str:
    """Does what one of FLAG_COMMANDS asks, after so many updates, and says what was done.

    Raises StorageError where a program is not the run's, or nothing can be written.
    """
    samples = command.argument.get("samples")
    if not isinstance(samples, list) or not all(type(each) is int for each in samples):
        return f"{command.name} needs the samples to {command.name}, as a list of their numbers"
    return set_flags(writer, run, command.name, samples, update)


def set_flags(writer: Writer, run: int, name: str, samples: Sequence[int], update: int = 0) -> str:
    """The same for the command of a name."""
    flag, raised = FLAG_COMMANDS[name]
    changed = len(writer.set_flag(run, flag, raised, samples, update))
    if not changed:
        return f"nothing to do: {'it was' if len(samples) == 1 else 'all were'} {_DONE[name]}"
    return f"{changed:,} program{'s' * (changed > 1)} {_DONE[name]}"


def carry_out_pending(writer: Writer, run: int) -> None:
    """Does and answers what the last engine of a run was asked and did not come to."""
    for command in writer.pending_commands(run):
        if command.name in FLAG_COMMANDS:
            writer.answer_command(command.id, carry_out(writer, run, command))
