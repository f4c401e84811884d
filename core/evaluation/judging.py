"""Programs through the executor one after another, while someone else may have a say."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator

from core.executor import Executor
from core.tasks import Task, Verdict


def judged(
    programs: Iterable[tuple[Hashable, Task, str]],
    executor: Executor,
    attend: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Hashable, Verdict]]:
    """Hands in programs (key, task, text) as they come, and yields each key's verdict as it comes.

    `attend` is called after each program and all the time that tests are waited for. It may raise
    to abandon all of it; what is under way then stays in the executor, which can only be closed,
    not emptied.
    """
    for key, task, text in programs:
        while not executor.has_room:  # `attend` may have reason to end this
            yield from executor.completed(wait_s=0.1)
            attend()
        executor.submit(key, task, text)
        yield from executor.completed()
        attend()
    while executor.in_flight:
        yield from executor.completed(wait_s=0.1)
        attend()
