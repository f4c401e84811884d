"""Pages of programs, out of the mirror; runs on the feed's thread.

What can be shown at once is posted first: the top of a page, and for words the newest programs that
hold them. The whole page, its order and its count follow, unless something else is asked by then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from btp_tui.reading.observer import Observer
from btp_tui.snapshot import PAGE, Knobs, Page
from core.candidates import possibilities
from core.priority import p2value
from storage.columns import Columns
from storage.query import Query, QueryError, parse_query
from storage.search import Found
from storage.selection import Floats, Mask, Selection, find_selection, in_order

#: Rows of the first answer: more than a window shows.
TOP = 100

#: Seconds after which the newest hits are shown although they do not fill a page.
_PATIENCE_S = 0.06

#: Words of which is kept what was found: who types changes the last one.
_WORDS = 4

#: Names of tasks that a page carries, for the completion.
_TASKS = 2_000


class SupersededError(Exception):
    """Something else was asked for meanwhile."""


@dataclass(frozen=True, slots=True)
class PageWish:
    """A page to find: the filter, the offset of its first row, the watched run and its knobs."""

    text: str
    offset: int
    run: str
    knobs: Knobs


class Pages:
    """Finds pages, and keeps what the next one of the same filter or run can use."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._words: dict[str, tuple[int, Found]] = {}
        self._deleted: list[int] = []
        self._names: tuple[object, tuple[tuple[str, ...], tuple[str, ...]]] = ((), ((), ()))
        self._p2values: tuple[object, Floats] = ((), np.empty(0))

    def find(
        self,
        wish: PageWish,
        post: Callable[[Page], object] | None = None,
        superseded: Callable[[], bool] = lambda: False,
    ) -> Page:
        """The whole page; `post` gets what can be shown before it.

        Raises SupersededError where `superseded` says that nobody waits any more.
        """
        try:
            query = parse_query(wish.text)
            runs = {line.name: line.id for line in self._observer.runs}
            selection = find_selection(query, runs, watched=wish.run)
        except QueryError as error:
            return Page(wish.text, problem=str(error))
        return _Finding(self, self._observer, wish, query, selection, post, superseded).page()

    def search(self, words: str, on_found: Callable[[NDArray[np.int64]], object]) -> Found:
        """What holds some words; only what is new is looked at where it was asked before."""
        mirror = self._observer.mirror
        if mirror.columns.deleted_runs != self._deleted:  # their ids may be used again
            self._deleted = list(mirror.columns.deleted_runs)
            self._words.clear()
        changes, known = self._words.pop(words, (-1, None))
        if known is None or known.left or changes != mirror.changes:
            known = self._observer.reader.search(words, known, on_found)
        self._words[words] = mirror.changes, known
        while len(self._words) > _WORDS:
            del self._words[next(iter(self._words))]
        return known

    def names(self, selection: Selection) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The tasks and sources that the runs of a selection have programs of."""
        columns, of = self._observer.mirror.columns, self._of(selection.runs)
        if self._names[0] != of:
            mine = selection.in_runs(columns)
            tasks = np.flatnonzero(np.bincount(columns.task[mine]))[:_TASKS].tolist()
            sources = np.flatnonzero(np.bincount(columns.source[mine])).tolist()
            found = tuple(columns.tasks[at] for at in tasks)
            self._names = of, (found, tuple(columns.sources[at] for at in sources))
        return self._names[1]

    def p2values(self, knobs: Knobs) -> Floats:
        """P2Value of every row of the mirror."""
        columns = self._observer.mirror.columns
        of = self._of((knobs.alpha, knobs.possibility, knobs.possibility_under))
        if self._p2values[0] != of:
            pass_rate = columns.pass_rate.astype(np.float64)
            chance = possibilities(columns, np.arange(len(columns)), knobs)
            self._p2values = of, p2value(chance, pass_rate, knobs.alpha)
        return self._p2values[1]

    def _of(self, what: object) -> object:
        mirror = self._observer.mirror
        return mirror.changes, len(mirror.columns), what


class _Finding:
    """One page on its way."""

    def __init__(
        self,
        pages: Pages,
        observer: Observer,
        wish: PageWish,
        query: Query,
        selection: Selection,
        post: Callable[[Page], object] | None,
        superseded: Callable[[], bool],
    ) -> None:
        self._pages, self._observer, self._wish = pages, observer, wish
        self._query, self._selection = query, selection
        self._post, self._superseded = post, superseded
        self._columns: Columns = observer.mirror.columns
        self._began = time.monotonic()
        self._hits: list[NDArray[np.int64]] = []

    def page(self) -> Page:
        """The whole page, posted from its top on."""
        keep = self._selection.by_columns(self._columns, self._p2values)
        found = self._search(keep)
        keep = self._selection.by_words(self._columns, keep, found)
        ordered = in_order(
            self._columns, keep, self._query, self._p2values, self._wish.offset + PAGE
        )[self._wish.offset :]
        left = max((each.left for each in found), default=0)
        whole = self._page(ordered[:TOP], int(np.count_nonzero(keep)), left)
        if len(ordered) <= TOP:
            return whole
        self._show(whole)
        self._go_on()
        rest = self._observer.mirror.lines(ordered[TOP:], self._wish.knobs)
        return replace(whole, rows=whole.rows + rest)

    def _search(self, keep: Mask) -> list[Found]:
        """What was found for each of the words; the newest hits of the last one are shown."""
        found: list[Found] = []
        for text, negated in self._selection.words:
            self._go_on()
            on_found: Callable[[NDArray[np.int64]], None] = self._look_up
            last = len(found) == len(self._selection.words) - 1
            if last and self._post is not None and self._wish.offset == 0:
                before = Selection(None, (), self._selection.words[:-1])
                keep = before.by_words(self._columns, keep, found)
                on_found = partial(self._hit, keep, negated)
            found.append(self._pages.search(text, on_found))
        return found

    def _look_up(self, _: NDArray[np.int64]) -> None:
        self._go_on()

    def _hit(self, keep: Mask, negated: bool, ids: NDArray[np.int64]) -> None:
        """Shows the newest hits once there are enough of them, or it took long enough."""
        self._go_on()
        if self._post is None:
            return
        self._hits.append(ids)
        programs = Found(np.concatenate(self._hits), np.empty(0, np.int64))
        hits = Selection(None, (), (("", negated),)).by_words(self._columns, keep, [programs])
        if negated:  # older programs may have the word as well
            hits &= self._columns.program >= ids[-1]
        rows = np.flatnonzero(hits)[::-1][:PAGE]
        if len(rows) == PAGE or (len(rows) and time.monotonic() - self._began > _PATIENCE_S):
            top = self._page(rows[:TOP], len(rows), 0)
            top = replace(top, sort="newest", descending=True, searching=True)
            self._show(top)
            self._go_on()
            rest = self._observer.mirror.lines(rows[TOP:], self._wish.knobs)
            self._show(replace(top, rows=top.rows + rest))
            self._post = None

    def _page(self, rows: NDArray[np.int64], total: int, left: int) -> Page:
        tasks, sources = self._pages.names(self._selection)
        return Page(
            query=self._wish.text,
            rows=self._observer.mirror.lines(rows, self._wish.knobs),
            offset=self._wish.offset,
            total=total,
            of=int(np.count_nonzero(self._selection.in_runs(self._columns))),
            sort=self._query.sort,
            descending=self._query.descending,
            tasks=tasks,
            sources=sources,
            unsearched=left,
        )

    def _p2values(self) -> Floats:
        return self._pages.p2values(self._wish.knobs)

    def _show(self, page: Page) -> None:
        if self._post is not None:
            self._post(page)

    def _go_on(self) -> None:
        if self._superseded():
            raise SupersededError
