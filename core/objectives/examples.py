"""The programs of a minibatch as examples: what each objective wants to know of them beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.candidates import STUDENT
from core.config import ObjectiveConfig, ReplayConfig
from core.objectives.branches import lesson
from core.objectives.grpo import group_advantages, shares_of_tokens
from core.objectives.siblings import Siblings
from core.objectives.weighted_nll import worth
from core.replay import Draw
from core.rescoring import Encoder
from core.training import Contrast, Example
from storage.columns import Columns
from storage.programs import SampledText
from storage.reader import Reader

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Examples:
    """Makes the examples of one run; what they hold depends on the draw and the store alone.

    Every weight is multiplied by the draw's importance weight.
    """

    run: int
    config: ObjectiveConfig
    columns: Columns
    reader: Reader
    encoder: Encoder
    siblings: Siblings

    def of(self, draw: Draw, knobs: ReplayConfig, excluded: NDArray[np.int64]) -> list[Example]:
        """An example for each sample drawn, in order; excluded texts are compared with none."""
        rows = np.searchsorted(self.columns.sample, draw.samples)
        texts = self.reader.tokens(draw.samples)
        examples = [
            Example(*self.encoder.encode(sampled), weight=float(weight))
            for sampled, weight in zip(texts, draw.weights, strict=True)
        ]
        match self.config.name:
            case "nll":
                return examples
            case "weighted_nll":
                return self._by_worth(examples, rows, knobs)
            case "grpo":
                return self._by_advantage(examples, rows, texts)
            case "contrast":
                return self._by_contrast(examples, rows, knobs, excluded)

    def _by_worth(
        self, examples: Sequence[Example], rows: Rows, knobs: ReplayConfig
    ) -> list[Example]:
        worths = worth(self.columns, rows, knobs).tolist()
        return [
            replace(example, weight=example.weight * value)
            for example, value in zip(examples, worths, strict=True)
        ]

    def _by_advantage(
        self, examples: Sequence[Example], rows: Rows, texts: Sequence[SampledText]
    ) -> list[Example]:
        advantages, copies = group_advantages(self.columns, self.run, rows)
        lengths = np.array([len(example.program) for example in examples])
        shares = shares_of_tokens(lengths, copies)
        return [
            replace(
                example,
                weight=example.weight * share,
                advantage=advantage,
                behaviour=_behaviour(sampled),
            )
            for example, share, advantage, sampled in zip(
                examples, shares.tolist(), advantages.tolist(), texts, strict=True
            )
        ]

    def _by_contrast(
        self,
        examples: Sequence[Example],
        rows: Rows,
        knobs: ReplayConfig,
        excluded: NDArray[np.int64],
    ) -> list[Example]:
        columns = self.columns
        tasks = columns.task[rows]
        held = self.siblings.of(np.unique(tasks), excluded, knobs)
        found = []
        for example, task, rate in zip(
            examples, tasks.tolist(), columns.pass_rate[rows].tolist(), strict=True
        ):
            program = tuple(example.program)
            taught = lesson(program, {**held[task], program: rate})
            contrasts = tuple(
                Contrast(one.position, one.token, example.weight * one.weight)
                for one in taught.contrasts
            )
            weight = example.weight * taught.weight
            found.append(replace(example, weight=weight, contrasts=contrasts))
        return found


def _behaviour(sampled: SampledText) -> tuple[float, ...]:
    """What the student said of each token when it wrote them; nothing of what others wrote."""
    logprobs = sampled.token_logprobs
    if logprobs is None or sampled.source != STUDENT:
        return ()
    return tuple(logprobs.tolist())
