"""The stylesheet of the application: what was parsed once is not parsed again."""

from __future__ import annotations

from textual.cache import LRUCache
from textual.css.stylesheet import Stylesheet

#: More sources than Textual's widgets and ours have together.
_SOURCES = 512


class KeptStylesheet(Stylesheet):
    """Textual's, without what it does again where nothing has changed.

    Textual parses all sources (10 ms) when a theme is set, though it be the same, and when a screen
    is seen for the first time; it keeps 64 of them, and none over `reparse`.
    """

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._parse_cache = LRUCache(_SOURCES)

    def set_variables(self, variables: dict[str, str]) -> None:
        """Other colours: only then does what was parsed not hold any more."""
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Parses what is not known yet; the rules stay as they are where that fails."""
        self.parse()
