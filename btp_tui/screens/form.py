"""The form as it is seen: its rows under a filter, and what is said beside them.

What keys and typing do to it is in btp_tui.screens.new_run.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.widgets import Input
from textual.worker import WorkType

from btp_tui.control.steered import SteeredApp
from btp_tui.form.begin import Begin, beginnings
from btp_tui.form.described import described
from btp_tui.form.draft import Draft
from btp_tui.form.fields import FormField
from btp_tui.form.rows import FieldRow, SectionRow, closed_at_first, make_rows
from btp_tui.panels.field_list import FieldList
from btp_tui.panels.fields import Fields
from btp_tui.panels.form_notes import EstimatePanel, FieldHelp, SectionList
from btp_tui.screens.live import LiveScreen
from core.config import Config

if TYPE_CHECKING:
    from core.estimate import Estimate

#: Seconds without a change until the estimate is worked out anew.
_QUIET_S = 0.15


class FormScreen(LiveScreen):
    """One row a setting; the estimate follows what is typed."""

    def __init__(self) -> None:
        super().__init__()
        self._draft = Draft()
        self._begin: Begin = beginnings(())[0]
        self._shut = closed_at_first(self._draft.base)
        self._query, self._changed_only = "", False
        self._sections: tuple[SectionRow, ...] = ()

    def compose_body(self) -> ComposeResult:
        """The sections, the fields, and beside or below them what they mean and take."""
        yield Input(placeholder="words of a setting's name or meaning", id="find", compact=True)
        with Container(id="form"):
            yield SectionList()
            fields = Fields(id="fields", classes="framed")
            fields.border_title = "New run"
            yield fields
            with Vertical(id="form-side"):
                yield FieldHelp()
                yield EstimatePanel()

    def on_mount(self) -> None:
        """Keys go to the fields."""
        self.query_one("#find").display = False
        self._list.focus()
        self._changed()

    @on(FieldList.Moved)
    def moved(self) -> None:
        """Describes the row under the cursor."""
        self._describe()

    @on(SectionList.Chosen)
    def section_chosen(self, message: SectionList.Chosen) -> None:
        """Opens a section and goes there."""
        self._shut.discard(message.name)
        self._look_for("", changed_only=False)
        self._list.place_cursor(f"[{message.name}]")

    @on(Input.Changed, "#find")
    def filtered(self, message: Input.Changed) -> None:
        """Shows what the words find; the cursor goes to the first whose name has them."""
        self._query = message.value
        self._show_rows()
        self._list.place_cursor(self._list.first_named(message.value))

    @on(Input.Submitted, "#find")
    def filter_taken(self) -> None:
        """Back to the rows; the first that was found is next."""
        self._list.focus()

    # What keys do

    def action_filter(self) -> None:
        """Asks for words."""
        find = self.query_one("#find", Input)
        find.display = True
        find.focus()

    def action_changed(self) -> None:
        """Only what differs from what the run begins with, or everything."""
        self._look_for(self._query, not self._changed_only)

    # Inside

    def _look_for(self, query: str, changed_only: bool) -> None:
        """Sets the filter, in the bar, too."""
        find = self.query_one("#find", Input)
        with self.prevent(Input.Changed):
            find.value = query
        find.display = bool(query)
        self._query, self._changed_only = query, changed_only
        self._show_rows()

    def _changed(self) -> None:
        """Something has another value: rows, sentences and the estimate follow."""
        self._show_rows()
        work: WorkType[None] = self._estimate
        self.run_worker(work, group="estimate", exclusive=True)

    def _show_rows(self) -> None:
        rows = make_rows(self._draft, self._shut, self._query, self._changed_only)
        if not (self._query or self._changed_only):
            self._sections = tuple(row for row in rows if isinstance(row, SectionRow))
        self._list.show_rows(rows, self._begin.name)
        number = len(self._draft.edits)
        changes = f"{number} changed" if number else "nothing changed"
        only = ", only these shown" if self._changed_only else ""
        self._fields.border_subtitle = f"[$dimmed]{changes}{only}[/]"
        self._describe()

    def _describe(self) -> None:
        """The sentences on the row under the cursor, and where in the sections it is."""
        row = self._list.row
        title, rows = described(row, self._draft, self._begin)
        self.query_one(FieldHelp).show(title, rows)
        section = row.name if isinstance(row, SectionRow) else ""
        section = row.field.section if isinstance(row, FieldRow) else section
        self.query_one(SectionList).show(self._sections, section)

    async def _estimate(self) -> None:
        """Works the estimate out, unless another change comes first."""
        panel = self.query_one(EstimatePanel)
        config = self._draft.config
        if config is None:
            number = len(self._draft.problems)
            panel.show(None, f"✗ {number} setting{'' if number == 1 else 's'} wrong")
            return
        await asyncio.sleep(_QUIET_S)
        panel.show(await asyncio.to_thread(_worked_out, config, self._btp.workspace.path))

    @property
    def _field(self) -> FormField | None:
        row = self._list.row
        return row.field if isinstance(row, FieldRow) else None

    @property
    def _list(self) -> FieldList:
        return self.query_one(FieldList)

    @property
    def _fields(self) -> Fields:
        return self.query_one(Fields)

    @property
    def _btp(self) -> SteeredApp:
        assert isinstance(self.app, SteeredApp)
        return self.app


def _worked_out(config: Config, workspace: Path) -> Estimate:
    from core.estimate import estimate  # brings numpy, and need not be there at the first frame

    return estimate(config, workspace)
