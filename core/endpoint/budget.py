"""Budgets of requests and money: what may still be asked, given what is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.config import EndpointConfig
from core.endpoint.counters import Counters


class EndpointBudgetSpent(Exception):
    """The next request would pass a budget of the configuration; says which in one sentence."""


class Budget:
    """Lets work begin only where it cannot pass `max_requests` or `max_cost`.

    What a task could cost at most is set aside until it is done, so that requests under way at
    once do not pass together what each would have kept to. `spent` tells what was spent so far,
    and is to count a request the moment it is sent.
    """

    def __init__(self, config: EndpointConfig, spent: Callable[[], Counters]) -> None:
        self._config = config
        self._spent = spent
        self._unsent = 0  # requests set aside and not sent yet
        self._cost = 0.0  # set aside; what of it was spent already is counted twice, for a while
        self._under_way = 0
        self._changed = asyncio.Event()

    async def begin(self, requests: int, cost: float) -> None:
        """Returns when there is room for so much, and sets it aside; `end` must follow.

        Raises EndpointBudgetSpent where nothing is under way that could leave room.
        """
        while reason := self._passed(requests, cost):
            if not self._under_way:
                raise EndpointBudgetSpent(reason)
            self._changed.clear()
            await self._changed.wait()
        self._under_way += 1
        self._unsent += requests
        self._cost += cost

    def end(self, unsent: int, cost: float) -> None:
        """Gives back what was set aside: its cost, and the requests that were never sent."""
        self._under_way -= 1
        self._unsent -= unsent
        self._cost -= cost
        self._changed.set()

    def sent(self) -> None:
        """One request of those set aside is counted as spent from now on."""
        self._unsent -= 1

    def try_again(self) -> None:
        """Sets one more request aside; raises EndpointBudgetSpent at once where there is none."""
        if reason := self._passed(1, 0.0):
            raise EndpointBudgetSpent(reason)
        self._unsent += 1

    def _passed(self, requests: int, cost: float) -> str:
        config, spent = self._config, self._spent()
        if config.max_requests and spent.requests + self._unsent + requests > config.max_requests:
            return f"max_requests = {config.max_requests} is used up"
        if config.max_cost and cost and spent.cost + self._cost + cost > config.max_cost:
            return f"max_cost = {config.max_cost:g} could be passed, {spent.cost:.4g} is spent"
        return ""
