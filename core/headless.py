"""A run without the screen: rich progress bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from core.loading import STOPPED, raise_on_ctrl_c
from storage.schema import Progress as RunProgress

if TYPE_CHECKING:
    from core.engine import Listeners

_BARS = (
    ("sample", "sampled", "sample_total", "tasks"),
    ("test", "tested", "test_total", "programs"),
    ("replay", "updated", "update_total", "updates"),
    ("measure", "evaluated", "evaluate_total", "held-out tasks"),
)


class HeadlessDisplay:
    """Shows one run on stderr; `listeners` is what the engine calls.

    Where Ctrl-C ends it before the engine has said anything, it says what that means: `again` is
    the way to go on.
    """

    def __init__(self, again: str) -> None:
        self._again = again
        self._heard = False
        self.console = Console(stderr=True, highlight=False)
        self._bars = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]:<15}{task.fields[rate]}"),
            TimeElapsedColumn(),
            console=self.console,
        )
        self._ids = {
            name: self._bars.add_task(name, total=None, unit=unit, rate="")
            for name, _, _, unit in _BARS
        }

    @property
    def listeners(self) -> Listeners:
        """What the engine reports to."""
        from core.engine import Listeners  # brings torch: Ctrl-C is answered while it loads, too

        return Listeners(progress=self._show, event=self._say)

    def __enter__(self) -> HeadlessDisplay:
        raise_on_ctrl_c()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bars.live.is_started:
            self._bars.stop()
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            if not self._heard:
                self._say("info", f"{STOPPED} {self._again}")
            raise SystemExit(1) from None

    def _show(self, progress: RunProgress) -> None:
        rates = {
            "sample": f"{progress.tokens_per_s:,.0f} tokens/s",
            "test": f"{progress.tests_per_s:,.0f} tests/s",
            "replay": f"{progress.updates_per_s:.1f} updates/s",
            "measure": "",
        }
        self._bars.start()  # only now: a run that is refused shows its one sentence and no bars
        for name, done, total, _ in _BARS:
            self._bars.update(
                self._ids[name],
                completed=getattr(progress, done),
                total=getattr(progress, total) or None,
                rate=rates[name],
            )

    def _say(self, level: str, message: str) -> None:
        self._heard = True
        style = {"warning": "yellow", "error": "bold red"}.get(level, "")
        self.console.print(message, style=style, soft_wrap=True)
