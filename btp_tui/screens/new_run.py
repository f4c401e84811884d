"""A new run: a form over every setting, what it would take, and the start.

Leaving by a key of another screen keeps what was typed; escape throws it away, and asks first where
no file holds it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widgets import Input
from textual.worker import WorkType

from btp_tui.form.begin import Begin, base_of, beginnings
from btp_tui.form.fields import FormField
from btp_tui.form.keys import FORM_KEYS
from btp_tui.form.rows import BaseRow, FieldRow, SectionRow, closed_at_first
from btp_tui.keys.names import key_of
from btp_tui.panels.field_list import FieldList
from btp_tui.panels.fields import Fields, ValueInput
from btp_tui.screens.dialogs import Question
from btp_tui.screens.form import FormScreen
from btp_tui.screens.prompt import Prompt
from core.config import Config
from core.config_file import commented_toml
from core.errors import CoreError
from storage.errors import StorageError


class NewRunScreen(FormScreen):
    """Typing and keys change the draft, write it to a file, or start a run with it."""

    BINDINGS: ClassVar[list[BindingType]] = FORM_KEYS

    def __init__(self) -> None:
        super().__init__()
        self._written: dict[str, object] = {}  # changes that a file holds
        #: Where escape leads.
        self.back_to = "dashboard"
        self._before: object = None  # the value that a field had when it was opened for typing

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Where letters are text, only what no letter does."""
        written = self.is_mounted and isinstance(self.focused, Input)
        if action in ("filter", "changed", "write", "reset", "leave"):
            return not written or (action == "leave" and not self._fields.editing)
        return True

    def begin_like(self, run: str) -> None:
        """Begins with the settings of an earlier run."""
        self._take(Begin(f"as {run}", run=run))

    # What happens to rows

    @on(FieldList.Asked)
    def asked(self, message: FieldList.Asked) -> None:
        """Edits a field, takes another choice, or opens a section."""
        match message.row:
            case BaseRow():
                self._next_beginning(message.steps or 1)
            case SectionRow(name=name):
                self._shut ^= {name}
                self._show_rows()
            case FieldRow(field=field):
                self._ask_field(field, message.steps)

    @on(Fields.Typed)
    def typed(self, message: Fields.Typed) -> None:
        """Takes over what is being typed, right or wrong."""
        field = self._field
        if field is not None and self._fields.editing:
            self._draft.type(field, message.text)
            self._changed()

    @on(ValueInput.Left)
    def left(self, message: ValueInput.Left) -> None:
        """Typing has ended."""
        field = self._field
        if not self._fields.editing or field is None:
            return
        self._fields.end_edit()
        self._draft.typed()
        if not message.taken:
            self._draft.change(field, self._before)
        self._changed()
        if message.rows:
            self._list.action_move(message.rows)

    # What keys do

    def action_reset(self) -> None:
        """Gives the field under the cursor its first value."""
        if self._field is not None:
            self._draft.reset(self._field)
            self._changed()

    def action_leave(self) -> None:
        """Away with the filter, else with the form."""
        if self._query or self._changed_only or self.query_one("#find").display:
            self._look_for("", changed_only=False)
            self._list.focus()
        elif self._draft.edits in ({}, self._written):
            self._go_back()
        else:
            self._ask_to_leave()

    def action_write(self) -> None:
        """Asks for a file and writes the settings there."""
        config = self._config()
        if config is None:
            return

        def answered(path: str | None) -> None:
            if path is None:
                return
            file = Path(path).expanduser()
            try:
                with file.open("x", encoding="utf-8") as opened:
                    opened.write(commented_toml(config))
            except OSError as error:
                trouble = f"Cannot write {file}: {error.strerror}; nothing was changed."
                self._btp.say(trouble=trouble)
            else:
                self._written = self._draft.edits
                self._btp.say(f"Wrote {file}: btp-tui train --config {file}")

        hint = (
            "For instance run.toml; a file that exists is left alone.\n"
            "btp-tui train --config FILE starts it."
        )
        self.app.push_screen(Prompt("Write the settings to a file", hint, ""), answered)

    async def action_start(self) -> None:
        """Starts an engine with these settings, which it finds in the run's folder."""
        if self._fields.editing:
            self._fields.end_edit()
            self._draft.typed()
        config = self._config()
        if config is None:
            return
        edits = self._draft.edits
        if await self._btp.start_run(self._begin.prefix, commented_toml(config)):
            self._written = edits  # and stay, for the next one or where the engine finds fault
            self._look_for("", changed_only=False)

    # Inside

    def _ask_field(self, field: FormField, steps: int) -> None:
        if field.choices:
            self._draft.change(field, field.next(self._draft.value(field), steps or 1))
            self._changed()
        elif steps == 0:
            self._before = self._draft.value(field)
            self._fields.edit(self._draft.text(field))

    def _next_beginning(self, steps: int) -> None:
        begins = beginnings(self._btp.snapshot.runs)
        names = [begin.name for begin in begins]
        place = names.index(self._begin.name) if self._begin.name in names else -1
        self._take(begins[(place + steps) % len(names)])

    def _take(self, begin: Begin) -> None:
        """Begins with something else; what was changed stays changed."""

        async def take() -> None:
            try:
                base = await asyncio.to_thread(base_of, begin, self._btp.workspace)
            except (CoreError, StorageError) as error:
                self._btp.say(trouble=str(error))
                return
            self._begin = begin
            self._draft.rebase(base)
            self._shut = closed_at_first(base)
            self._changed()

        work: WorkType[None] = take
        self.run_worker(work, group="beginning", exclusive=True)

    def _config(self) -> Config | None:
        """The configuration; says what is wrong with it where there is none."""
        config = self._draft.config
        if config is None:
            key, sentence = next(iter(self._draft.problems.items()))
            self._look_for("", changed_only=False)
            self._shut.discard(key.rpartition(".")[0] or "run")
            self._show_rows()
            self._list.place_cursor(key)
            self._btp.say(trouble=f"Not started: {sentence}")
        return config

    def _ask_to_leave(self) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._go_back()

        number = len(self._draft.edits)
        what = "1 change" if number == 1 else f"{number} changes"
        self.app.push_screen(
            Question(
                f"Leave the form and lose {what}?",
                "To come back to them later, go to another screen "
                f"({key_of('go.dashboard')}, {key_of('go.runs')}) instead.",
            ),
            answered,
        )

    def _go_back(self) -> None:
        """Empties the form and leaves it."""
        self._draft.forget()
        self._changed()
        self.run_worker(self._btp.action_show(self.back_to))
