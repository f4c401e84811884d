"""Answers for one task: from the cache, else from the server, patiently and within the budgets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from core.config import EndpointConfig
from core.endpoint.answers import Answer, Reply
from core.endpoint.budget import Budget
from core.endpoint.cache import AnswerCache
from core.endpoint.client import Client, Refused, TryAgain, Unreachable
from core.endpoint.counters import Counters, cost
from core.endpoint.pace import Pace
from core.endpoint.requests import Request, estimate
from core.errors import CoreError

#: Seconds before the second try, doubled from try to try up to the longest.
FIRST_WAIT_S = 0.5
LONGEST_BACKOFF_S = 60.0

#: A wait as long as this is told of.
_TOLD_WAIT_S = 10.0


class Unanswered(Exception):
    """The server gave no usable answer, however often it was asked; says why in a few words."""


class Asking:
    """Asks one server; used on one event loop. `on_event` hears (level, message) of long waits."""

    def __init__(
        self,
        config: EndpointConfig,
        client: Client,
        cache: AnswerCache,
        on_event: Callable[[str, str], None],
    ) -> None:
        self._config = config
        self._client = client
        self._cache = cache
        self._on_event = on_event
        self._budget = Budget(config, lambda: cache.counters)
        self._pace = Pace(config.requests_per_minute, config.tokens_per_minute)
        self._told_of_fewer = False
        self._slots = asyncio.Semaphore(config.concurrency)

    async def answers(self, requests: Sequence[Request]) -> tuple[Answer, ...]:
        """The answers to all requests of a task, in their order.

        Raises Unanswered, EndpointBudgetSpent, or CoreError where asking on is of no use.
        """
        found = {r.key: answers for r in requests if (answers := self._cache.get(r.key))}
        missing = [request for request in requests if request.key not in found]
        if missing:
            found |= await self._ask_all(missing)
        return tuple(answer for request in requests for answer in found[request.key])

    async def _ask_all(self, requests: Sequence[Request]) -> dict[str, tuple[Answer, ...]]:
        """A task is begun only where all of its requests are within the budgets."""
        most = sum(cost(self._config, r.most_prompt_tokens, r.completion_tokens) for r in requests)
        unsent = _Unsent(len(requests))
        await self._budget.begin(unsent.count, most)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {r.key: group.create_task(self._ask(r, unsent)) for r in requests}
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            self._budget.end(unsent.count, most)
        return {key: task.result() for key, task in tasks.items()}

    async def _ask(self, request: Request, unsent: _Unsent) -> tuple[Answer, ...]:
        """Asks until there is an answer, which is in the cache before it is returned."""
        attempt = 0
        while True:
            try:
                return await self._ask_once(request, unsent)
            except Refused as error:
                raise Unanswered(str(error)) from None
            except TryAgain as error:
                if error.malformed:
                    self._cache.count(Counters(malformed=1))
                if attempt == self._config.retries:
                    given_up = CoreError if isinstance(error, Unreachable) else Unanswered
                    raise given_up(str(error)) from None
                await self._wait(attempt, error)
            attempt += 1
            self._budget.try_again()
            unsent.count += 1

    async def _ask_once(self, request: Request, unsent: _Unsent) -> tuple[Answer, ...]:
        async with self._slots:
            await self._pace.wait(request.prompt_tokens + request.completion_tokens)
            self._budget.sent()
            unsent.count -= 1
            self._cache.count(Counters(requests=1))
            reply = await self._client.ask(request)
            self._tell_of_fewer(len(reply.answers), request.body.get("n", 1))
            self._cache.put(request.key, reply.answers, self._spent(request, reply))
            return reply.answers

    async def _wait(self, attempt: int, error: TryAgain) -> None:
        """As long as the server says, for everybody; else longer from try to try, and not alike."""
        if error.wait_s:
            if self._pace.hold(error.wait_s) and error.wait_s >= _TOLD_WAIT_S:
                where = self._config.base_url
                told = f"The server at {where} is busy ({error}): waiting {error.wait_s:.0f} s."
                self._on_event("info", told)
            return
        backoff = min(FIRST_WAIT_S * 2.0**attempt, LONGEST_BACKOFF_S)
        await asyncio.sleep(backoff * random.uniform(0.5, 1.0))

    def _tell_of_fewer(self, answers: int, asked: int) -> None:
        if answers < asked and not self._told_of_fewer:
            self._told_of_fewer = True
            self._on_event(
                "warning",
                f"The server at {self._config.base_url} gives {answers} of {asked} programs: where "
                'it does not know "n", set server = "llama.cpp", which asks once a program.',
            )

    def _spent(self, request: Request, reply: Reply) -> Counters:
        """What the reply cost, by the server's count of tokens or, where it has none, by ours."""
        prompt, completion = reply.prompt_tokens, reply.completion_tokens
        if prompt is None:
            prompt = request.prompt_tokens
        if completion is None:
            completion = sum(len(a.logprobs or ()) or estimate(a.text) for a in reply.answers)
        money = cost(self._config, prompt, completion)
        return Counters(prompt_tokens=prompt, completion_tokens=completion, cost=money)


class _Unsent:
    """How many requests of a task are set aside in the budget and not sent yet."""

    def __init__(self, count: int) -> None:
        self.count = count
