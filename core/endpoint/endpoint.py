"""Programs written by a model behind an OpenAI-compatible server: a teacher, or the student.

The face is that of `core.sampler.Sampler`: tasks in, programs out as they finish. Not covered:
streaming, tools, several messages, and servers that speak another protocol.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import urlsplit

from core.config import EndpointConfig
from core.endpoint.asking import Asking
from core.endpoint.background import Background
from core.endpoint.cache import AnswerCache
from core.endpoint.client import Client, Secret
from core.endpoint.counters import Counters
from core.endpoint.programs import Wording
from core.endpoint.publishing import publish
from core.endpoint.requests import TAKE_IDS, Request, greedily, requests_for
from core.endpoint.round import Ended, Finished, Message, Round, Told
from core.errors import CoreError
from core.program import Program
from core.prompts import PromptFormat
from core.tasks.task import Task

_Result = TypeVar("_Result")

#: Seconds between two calls of `on_wait`.
_LOOK_EVERY_S = 0.2

#: Seconds that what is under way gets to end when it is cancelled.
_LAST_WAIT_S = 5.0


class Endpoint:
    """Asks one server for programs; a context manager, for it holds connections and a thread.

    `cache` is the file of answers and counters of this run, `source` what its programs are marked
    with ("teacher:NAME", or "self" for the student). Where the served model is the student,
    `student` says how it is asked and `end_tokens` how its programs end. `on_event` hears (level,
    message); `on_wait` is called five times a second while an answer is waited for, and may raise
    to stop. Both are called on the caller's thread. Raises CoreError for settings that contradict
    each other.
    """

    def __init__(
        self,
        config: EndpointConfig,
        cache: Path,
        source: str,
        seed: int = 0,
        student: PromptFormat | None = None,
        end_tokens: Collection[int] = (),
    ) -> None:
        check(config, served_student=student is not None)
        self.config = config
        self.on_event: Callable[[str, str], None] = lambda level, message: None
        self.on_wait: Callable[[], None] = lambda: None
        self._seed = seed
        chat, takes_ids = config.api == "chat", config.server in TAKE_IDS
        self._wording = Wording(source, chat, student, end_tokens, takes_ids)
        self._told: queue.SimpleQueue[Told] = queue.SimpleQueue()
        self._client = Client(config)
        self._cache = AnswerCache(cache, lambda message: self._tell("warning", message))
        self._asking = Asking(config, self._client, self._cache, self._tell)
        self._background: Background | None = None
        self._model, self._version = config.model, -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def counters(self) -> Counters:
        """What was asked and spent in all of the run."""
        return self._cache.counters

    def sample(
        self, tasks: Sequence[Task], iteration: int = 0, greedy: bool = False
    ) -> Iterator[tuple[Task, tuple[Program, ...]]]:
        """Yields each task with its programs, best first, as they finish.

        With `greedy` that is one program, of the most probable token at each step. Requests go on
        between two tasks; an iterator that is closed cancels its own. A task without an answer is
        left out, with a warning. Raises EndpointBudgetSpent after the last task that the budgets
        allow, CoreError where no server answers, or only with refusals.
        """

        config = greedily(self.config) if greedy else self.config

        def requests(task: Task) -> list[Request]:
            prompt = self._wording.prompt(task)
            return requests_for(config, self._model, self._version, prompt, self._seed, iteration)

        work = Round(
            tasks, requests, self._asking, self._wording, config.base_url, config.concurrency
        )
        background = self._running()
        job = background.start(work.run())
        ended = False
        try:
            while not ended:
                match self._next(work.inbox):
                    case Finished(task, found):
                        background.call(work.taken)
                        yield task, found
                    case Told(level, message):
                        self.on_event(level, message)
                    case Ended(error):
                        ended = True
                        self._pass_on()
                        if error is not None:
                            raise error
        finally:
            if not ended:
                job.cancel()
                _drain(work.inbox)

    def publish(self, checkpoint: Path, version: int) -> None:
        """Hands the server the student's new weights: a folder with a checkpoint or an adapter.

        Requests that follow are answered with them. Raises CoreError where the server does not.
        """
        old = self._model if self._model != self.config.model else None
        work = publish(self._client, checkpoint, version, old)
        self._model = self._wait(self._running().start(work))
        self._version = version

    def close(self) -> None:
        """Cancels what is under way and closes connections and the cache."""
        if self._background is not None:
            with suppress(TimeoutError):
                self._background.start(self._client.close()).result(_LAST_WAIT_S)
            self._background.close()
            self._background = None
        self._cache.close()

    def _running(self) -> Background:
        if self._background is None:
            self._background = Background("endpoint")
        return self._background

    def _next(self, inbox: queue.Queue[Message]) -> Message:
        while True:
            self._pass_on()
            with suppress(queue.Empty):
                return inbox.get(timeout=_LOOK_EVERY_S)
            self.on_wait()

    def _wait(self, job: Future[_Result]) -> _Result:
        while True:
            try:
                return job.result(_LOOK_EVERY_S)
            except TimeoutError:
                if job.done():
                    raise
                self.on_wait()

    def _tell(self, level: str, message: str) -> None:
        """Keeps an event, from whatever thread, until the caller's is here."""
        self._told.put(Told(level, message))

    def _pass_on(self) -> None:
        with suppress(queue.Empty):
            while True:
                told = self._told.get_nowait()
                self.on_event(told.level, told.message)


def check(config: EndpointConfig, served_student: bool = False) -> None:
    """Raises CoreError for settings that contradict each other, and for what cannot be a key."""
    Secret.from_environment(config.api_key_env)
    url = urlsplit(config.base_url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise CoreError(f"base_url = {config.base_url!r} is no URL: give one like http://host/v1.")
    if url.username or url.password:
        raise CoreError("base_url holds a password: put it into the variable of api_key_env.")
    if not config.model:
        raise CoreError("model is empty: name the model as the server does (GET base_url/models).")
    if config.strategy == "beam" and config.server not in ("vllm", "sglang"):
        raise CoreError(
            f'strategy = "beam": server = "{config.server}" has no beam search; only vllm and '
            'sglang do. Use "sample".'
        )
    if config.strategy == "sample" and config.temperature == 0 and config.programs > 1:
        raise CoreError(
            f"temperature = 0 draws one program {config.programs} times: raise it, or set "
            "programs = 1."
        )
    if config.publish != "none" and config.publish.partition("-")[0] != config.server:
        raise CoreError(
            f'publish = "{config.publish}" does not fit server = "{config.server}": name the '
            "server that runs there."
        )
    if config.max_cost and not config.prompt_price + config.completion_price:
        raise CoreError("max_cost without prices: set prompt_price and completion_price, too.")
    if served_student and config.api != "completions":
        raise CoreError('The served student is asked with its own tokens: set api = "completions".')


def _drain(inbox: queue.Queue[Message]) -> None:
    """Waits for the end of what was cancelled."""
    with suppress(queue.Empty):
        while not isinstance(inbox.get(timeout=_LAST_WAIT_S), Ended):
            pass
