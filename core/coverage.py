"""The order of tasks that soonest shows the model every word and phrase of their descriptions.

Tasks are taken greedily by what is new in them. A task's phrases are its runs of one to three
words; one that n tasks before held is worth 1/(1+n)² more, as a function of coverage that
saturates (Lin & Bilmes 2011, "A class of submodular functions for document summarization"), and a
task is worth the mean of its phrases, not their sum: the benefit by the cost, of which a long
description has more, as its task has more in it that can go wrong (Lin & Bilmes 2010,
"Multi-document summarization via budgeted maximization of submodular functions"); of two as new,
the shorter comes first. So short tasks come early, and no two alike side by side. No model is
asked.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from core.chance import TASK_ORDER, generator

_WORD = re.compile(r"[^\W\d_]+")
_LONGEST_PHRASE = 3
#: Words of a description that count: where one goes on for pages, its beginning says what is asked.
_MOST_WORDS = 200


class Coverage:
    """Orders the tasks of some descriptions, anew each epoch; of alike ones chance decides."""

    def __init__(self, descriptions: Sequence[str], seed: int) -> None:
        self._seed = seed
        numbers: dict[tuple[str, ...], int] = {}
        self._phrases = [
            np.array(sorted({numbers.setdefault(p, len(numbers)) for p in phrases(text)}), np.int64)
            for text in descriptions
        ]
        self._count = len(numbers)
        self.order = cache(self._order)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """All tasks, each once: (tasks,) indexes.

        What a task is worth only falls as others are taken, so that a value once computed is a
        bound: the heap's first is right if its value, computed anew, still is the largest (Minoux
        1978, "Accelerated greedy algorithms").
        """
        held = np.zeros(self._count)
        ties = generator(self._seed, TASK_ORDER, epoch).permutation(len(self._phrases))
        lengths = map(len, self._phrases)
        heap = [
            (-np.inf, n, int(tie), task)
            for task, (n, tie) in enumerate(zip(lengths, ties, strict=True))
        ]
        heapq.heapify(heap)
        order = []
        while heap:
            bound, length, tie, task = heap[0]
            worth = self._worth(task, held)
            if -worth > bound:
                heapq.heapreplace(heap, (-worth, length, tie, task))
            else:
                heapq.heappop(heap)
                order.append(task)
                held[self._phrases[task]] += 1
        return np.array(order, np.int64)

    def _worth(self, task: int, held: NDArray[np.float64]) -> float:
        phrases = self._phrases[task]
        return float(np.mean((1 + held[phrases]) ** -2)) if len(phrases) else 0.0


def phrases(description: str) -> set[tuple[str, ...]]:
    """The runs of one to three words of a description, numbers and signs left out."""
    words = _WORD.findall(description.lower())[:_MOST_WORDS]
    return {
        tuple(words[begin : begin + length])
        for length in range(1, _LONGEST_PHRASE + 1)
        for begin in range(len(words) - length + 1)
    }
