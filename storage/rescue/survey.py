"""Which rows of a damaged database can still be read, and about how many are lost.

The tree of each table is walked from its root. Where a page of it is broken, what hung below is
looked for among the pages that nothing leads to. A broken row takes no other with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

from storage.rescue.pages import Broken, Interior, Leaf, Pages, Value, record_values
from storage.rescue.shapes import MASTER, Shape, fresh_shapes, shape_of

Row = tuple[Value, ...]

#: Two columns, number and text, as texts have: a lost page of theirs would hold all their names.
_ONE_PAGE = {"sources", "outcomes"}


@dataclass(slots=True)
class _Part:
    """A page of a tree, for rowids above `low`, up to `high`; without `high`: to the end.

    Of a broken page, `found` counts the rows that were found elsewhere.
    """

    page: int
    low: int
    high: int | None
    found: int = 0

    def holds(self, rowid: int) -> bool:
        return self.low < rowid and (self.high is None or rowid <= self.high)


@dataclass(slots=True)
class Tree:
    """One table: the pages of its rows, what is missing of them, and what reading them came to."""

    shape: Shape
    leaves: list[_Part] = field(default_factory=list)
    strays: list[int] = field(default_factory=list)  # found although nothing leads to them
    holes: list[_Part] = field(default_factory=list)
    readable: int = 0
    broken: int = 0  # rows that are broken on pages that are not
    largest: int = 0  # the largest rowid known to be stored

    @property
    def lost(self) -> int | None:
        """About how many rows are lost; None where nothing says how many there were."""
        gone = [self._gone(hole) for hole in self.holes]
        return self.broken + sum(number or 0 for number in gone) if None not in gone else None

    def _gone(self, hole: _Part) -> int | None:
        if hole.high is None and self.largest <= hole.low:
            # Nothing says how far it went: as much, then, as another page of the table holds.
            return self.readable // len(self.leaves) if self.leaves else None
        in_holes = sum(map(self._width, self.holes))
        in_place = self.readable - sum(each.found for each in self.holes)
        # Not every number need have had a row: updates are taken back when a run is resumed.
        density = min(1.0, max(1, in_place) / max(1, self.largest - in_holes))
        return max(0, round(self._width(hole) * density) - hole.found)

    def _width(self, hole: _Part) -> int:
        high = self.largest if hole.high is None else min(hole.high, self.largest)
        return max(0, high - hole.low)


class Survey:
    """The tables of a damaged database; figures hold once all rows were read, each table once.

    `names_lost` are tables that SQLite's own list no longer holds; `trees` has them all the same.
    """

    def __init__(self, database: Path) -> None:
        self.pages = Pages(database)
        self._visited: set[int] = set()
        self._master = Tree(MASTER)
        self._walk(self._master, 1, 0, None)
        if self._master.holes:
            self._find_strays([self._master])
        self.trees, self.names_lost = self._tables()
        for tree in self.trees.values():
            self._walk(tree, tree.shape.root, 0, None)
            if self._doubtful(tree):
                tree.holes.append(_Part(0, 0, None))
        self._find_strays([tree for tree in self.trees.values() if tree.holes])

    def __enter__(self) -> Survey:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.pages.__exit__(kind, error, trace)

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of a table that can be read, mostly in the order of their ids."""
        tree = self.trees[table]
        refers = [
            (place, self.trees[column.refers_to])
            for place, column in enumerate(tree.shape.columns)
            if column.refers_to in self.trees
        ]
        for row in self._rows(tree):
            tree.readable += 1
            # What is referred to was stored, whether it can be read or not.
            for place, parent in refers:
                number = row[place] if place < len(row) else None
                if isinstance(number, int) and number > parent.largest:
                    parent.largest = number
            yield row

    def count(self) -> None:
        """Reads every row, for the figures alone."""
        for name in self.trees:
            for _ in self.rows(name):
                pass
        self.share_ids()

    def share_ids(self) -> None:
        """Tells tables whose ids are those of another one how far they go."""
        for tree in self.trees.values():
            parent = tree.shape.columns[tree.shape.key].refers_to
            if parent in self.trees:
                tree.largest = max(tree.largest, self.trees[parent].largest)

    def _rows(self, tree: Tree) -> Iterator[Row]:
        for part in tree.leaves:
            for rowid, row in self._leaf(tree.shape, part.page):
                if row is None or not part.holds(rowid):
                    tree.broken += 1
                    continue
                tree.largest = max(tree.largest, rowid)
                yield row
        for number in tree.strays:
            for rowid, row in self._leaf(tree.shape, number):
                hole = next((hole for hole in tree.holes if hole.holds(rowid)), None)
                if row is not None and hole is not None:
                    hole.found += 1
                    tree.largest = max(tree.largest, rowid)
                    yield row

    def _leaf(self, shape: Shape, number: int) -> Iterator[tuple[int, Row | None]]:
        """(rowid, row) of each cell of a page; (0, None) for a broken one."""
        leaf = self.pages.node(number)
        assert isinstance(leaf, Leaf)
        for place in leaf.cells:
            try:
                rowid, record = self.pages.cell(leaf, place)
                yield rowid, shape.row(rowid, record_values(record))
            except Broken:
                yield 0, None

    def _walk(self, tree: Tree, number: int, low: int, high: int | None) -> None:
        """Adds the pages below one in the order of their rowids, and holes where one is broken."""
        try:
            if number in self._visited:
                raise Broken
            node = self.pages.node(number)
        except Broken:
            tree.holes.append(_Part(number, low, high))
            return
        self._visited.add(number)
        if isinstance(node, Leaf):
            tree.leaves.append(_Part(number, low, high))
            return
        for child, key in node.children:
            self._walk(tree, child, low, high if key is None else key)
            if key is not None:
                low = key
                tree.largest = max(tree.largest, key)

    def _tables(self) -> tuple[dict[str, Tree], list[str]]:
        """The tables by SQLite's own list, and where it lacks one, by what a new workspace has."""
        found: dict[str, Shape] = {}
        for row in self._rows(self._master):
            kind, name, _, root, sql = row
            if kind == "table" and isinstance(sql, str) and isinstance(root, int):
                try:
                    found[str(name)] = shape_of(sql, root)
                except Broken:
                    continue
        lost: list[str] = []
        if self._master.holes or self._master.broken:
            template = self._template()
            lost = [name for name in template if name not in found]
            for name in lost:
                shape = template[name]
                fits = shape.root not in self._visited and self._fits(shape)
                found[name] = shape if fits else replace(shape, root=0)
        return {name: Tree(shape) for name, shape in found.items()}, lost

    def _template(self) -> dict[str, Shape]:
        """What a new workspace has: as it is made, or as a vacuum leaves it, whichever fits."""
        size = self.pages.page_size
        templates = (fresh_shapes(size), fresh_shapes(size, vacuumed=True))
        return max(templates, key=lambda shapes: sum(map(self._fits, shapes.values())))

    def _fits(self, shape: Shape) -> bool:
        """Whether the tree of a table begins where its shape says."""
        number = shape.root
        try:
            while isinstance(node := self.pages.node(number), Interior):
                number = node.children[0][0]
        except Broken:
            return False
        rows = [row for _, row in self._leaf(shape, number)]
        return not rows or any(row is not None for row in rows)

    def _doubtful(self, tree: Tree) -> bool:
        """Whether an empty page was taken for the root of a table only because it should be."""
        if tree.shape.name not in self.names_lost or len(tree.leaves) != 1:
            return False
        node = self.pages.node(tree.leaves[0].page)
        return isinstance(node, Leaf) and not node.cells

    def _find_strays(self, trees: list[Tree]) -> None:
        """Gives the pages of rows that nothing leads to to the broken tables that they fit."""
        if not trees:
            return
        # What fits a table with JSON fits one of plain text, too, and not the other way round.
        trees = sorted(trees, key=lambda tree: not tree.shape.has_json)
        taken = self._visited | self.pages.free()
        for number in range(2, self.pages.count + 1):
            if number in taken:
                continue
            try:
                if not isinstance(self.pages.node(number), Leaf):
                    continue
            except Broken:
                continue
            tree = next((tree for tree in trees if self._belongs(number, tree)), None)
            if tree is not None:
                tree.strays.append(number)
                self._visited.add(number)

    def _belongs(self, number: int, tree: Tree) -> bool:
        if tree.shape.name in _ONE_PAGE:
            return False
        return any(
            row is not None and any(hole.holds(rowid) for hole in tree.holes)
            for rowid, row in self._leaf(tree.shape, number)
        )
