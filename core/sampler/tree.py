"""Tree decoding: the k beams of a task are k query tokens of one row (DESIGN 4).

Each prompt is prefilled once. A step appends k keys and values to a row, and an ancestry mask lets
each beam see the prompt and its own ancestors. Choosing parents is indexing that mask; the cache is
never copied, only compacted now and then where beams died.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.sampler.cache import TreeCache
from core.sampler.draws import Seed
from core.sampler.hypothesis import Hypothesis
from core.sampler.selection import Selection
from core.sampler.settings import SearchSettings
from core.sampler.windows import Windows

#: Steps between two compactions: the attention over dead slots costs less than moving more often.
COMPACT_EVERY = 16

#: Steps between two looks at what is done: free on a CPU, a wait for the queue elsewhere.
LOOK_EVERY = {"cpu": 1}
LOOK_EVERY_ELSEWHERE = 8

#: Most prompt tokens, padding included, that go through the model at once.
PREFILL_TOKENS = 16_384

Prompt = Sequence[int]
Start = tuple[int, int, Prompt, Seed]  # row, task, prompt and seed
Found = tuple[int, list[Hypothesis]]


class TreeDecoder:
    """Decodes prompts side by side: finished tasks leave their row, waiting ones take it.

    `model` is any causal LM that takes a 4-D additive mask, `position_ids` and a `Cache`; whether
    it does so rightly is for `core.sampler.check` to find out.
    """

    def __init__(self, model: Any, settings: SearchSettings) -> None:
        self.model = model
        self.settings = settings
        self.column_bytes = 0

    def search(self, prompts: Sequence[Prompt], seeds: Sequence[Seed] = ()) -> Iterator[Found]:
        """Yields (index of the prompt, its k hypotheses) as they finish; longest prompts first.

        `seeds`, one a prompt, are for strategies that draw; their indexes, where none are given.
        """
        seeds = seeds or [(index,) for index in range(len(prompts))]
        waiting = deque(sorted(range(len(prompts)), key=lambda index: -len(prompts[index])))
        rows = min(self.settings.batch_tasks, len(prompts))
        forest = _Forest(self.model, self.settings, rows, max(map(len, prompts), default=0))
        refill_at = max(1, rows // 8)
        while waiting or forest.busy:
            free = forest.free()
            if waiting and (len(free) >= refill_at or not forest.busy):
                for starts in _passes(free, waiting, prompts, seeds):
                    forest.prefill(starts)
                self.column_bytes = forest.cache.column_bytes
            else:
                if not waiting and len(free) * 4 >= forest.rows:
                    forest.drop_free_rows()
                forest.step()
            yield from forest.collect()


def _passes(
    free: Sequence[int], waiting: deque[int], prompts: Sequence[Prompt], seeds: Sequence[Seed]
) -> Iterator[list[Start]]:
    """Takes waiting tasks for the free rows, a bounded number of tokens at a time."""
    rows = iter(free)
    while waiting and (
        some := list(islice(rows, max(1, PREFILL_TOKENS // len(prompts[waiting[0]]))))
    ):
        taken = [(row, waiting.popleft()) for row in some[: len(waiting)]]
        yield [(row, task, prompts[task], seeds[task]) for row, task in taken]


class _Forest:
    """The trees in work: a row each, with its task, its beams and the mask of who sees what."""

    def __init__(
        self, model: Any, settings: SearchSettings, rows: int, longest_prompt: int
    ) -> None:
        self.model = model
        self.settings = settings
        self.rows = rows
        self.device = self.model.device
        columns = longest_prompt + settings.beams * settings.max_new_tokens
        layers = self.model.config.get_text_config().num_hidden_layers
        self.cache = TreeCache(layers, rows, columns)
        self.tasks: list[int | None] = [None] * rows
        #: First free column of each row, on the host, so that no step waits for the device.
        self.ends = np.zeros(rows, dtype=np.int64)
        self.steps = 0
        self._look_every = LOOK_EVERY.get(self.device.type, LOOK_EVERY_ELSEWHERE)
        self.windows = Windows.of(model).within(longest_prompt + settings.max_new_tokens)
        self._allocate(columns)

    @torch.inference_mode()
    def _allocate(self, columns: int) -> None:
        settings = self.settings
        self.hidden = torch.finfo(self.model.dtype).min
        self.ends_of_programs = settings.ends(self.device)
        self.selection = self._begin([(0,)] * self.rows)
        self.prompt_lengths = torch.zeros(self.rows, dtype=torch.long, device=self.device)
        self.cursor = torch.zeros(self.rows, dtype=torch.long, device=self.device)
        shape = (self.rows, settings.beams, columns)
        self.mask = torch.full(shape, self.hidden, dtype=self.model.dtype, device=self.device)
        self.beam_columns = torch.arange(settings.beams, device=self.device)
        #: Position of each column's token in its sequence.
        self.places = torch.zeros((self.rows, columns), dtype=torch.long, device=self.device)

    def _begin(self, seeds: Sequence[Seed]) -> Selection:
        settings = self.settings
        k, limit = settings.beams, settings.max_new_tokens
        return settings.strategy.begin(seeds, k, limit, self.ends_of_programs)

    @property
    def busy(self) -> bool:
        """Whether any row has a task."""
        return any(task is not None for task in self.tasks)

    def free(self) -> list[int]:
        """Rows without a task."""
        return [row for row, task in enumerate(self.tasks) if task is None]

    @torch.inference_mode()
    def prefill(self, starts: Sequence[Start]) -> None:
        """Runs prompts through the model, once each, and takes their first token."""
        rows = torch.tensor([row for row, _, _, _ in starts], device=self.device)
        sizes = torch.tensor([len(prompt) for _, _, prompt, _ in starts], device=self.device)
        ids = self._left_padded([prompt for _, _, prompt, _ in starts])
        positions = torch.arange(ids.shape[1], device=self.device) - (ids.shape[1] - sizes)[:, None]
        real = positions >= 0  # (n, P): left of it is padding
        slots = torch.where(real, rows[:, None] * self.cache.columns + positions, self.cache.bin)
        self.cache.aim(slots.flatten(), window=None)
        positions = positions.clamp(min=0)
        logits = self._forward(ids, self._causal_mask(real), positions, positions)
        fresh = self._begin([seed for _, _, _, seed in starts])
        fresh.extend(logits[:, -1:].expand(-1, self.settings.beams, -1))
        self.selection.put(rows, fresh)
        self.prompt_lengths[rows] = self.cursor[rows] = sizes
        prompt = torch.arange(self.cache.columns, device=self.device) < sizes[:, None, None]
        self.mask[rows] = self._additive(prompt)
        self.places[rows] = torch.arange(self.cache.columns, device=self.device)
        for row, task, prompt_ids, _ in starts:
            self.tasks[row] = task
            self.ends[row] = len(prompt_ids)

    @torch.inference_mode()
    def step(self) -> None:
        """Feeds every live beam's newest token and chooses the next ones."""
        k, columns = self.settings.beams, self.cache.columns
        self.steps += 1
        if k > 1 and self.steps % COMPACT_EVERY == 0:
            self._compact()
        window = min(self._width() + k, columns)
        own = self.cursor[:, None] + self.beam_columns  # (rows, k)
        self.mask.scatter_(2, own.unsqueeze(-1), 0.0)
        first = torch.arange(self.rows, device=self.device)[:, None] * columns
        self.cache.aim((first + own).flatten(), window)
        positions = (self.prompt_lengths + self.selection.lengths - 1)[:, None].expand(-1, k)
        self.places.scatter_(1, own, positions)
        seen, places = self.mask[:, :, :window], self.places[:, :window]
        logits = self._forward(self.selection.tokens, seen.unsqueeze(1), positions, places)
        parents = self.selection.extend(logits)
        seen.copy_(seen.gather(1, parents.unsqueeze(-1).expand_as(seen)))
        # Rows that wait for eviction write over their last slots rather than past the end.
        self.cursor = (self.cursor + k).clamp(max=columns - k)
        self.ends = np.minimum(self.ends + k, columns - k)

    @torch.inference_mode()
    def collect(self) -> list[Found]:
        """What has finished since last asked; frees its rows."""
        if self.steps % self._look_every:
            return []
        done = self.selection.done.tolist()
        rows = [row for row, task in enumerate(self.tasks) if task is not None and done[row]]
        if not rows:
            return []
        found: list[Found] = []
        for row, hypotheses in zip(rows, self.selection.hypotheses(rows), strict=True):
            task = self.tasks[row]
            assert task is not None
            found.append((task, hypotheses))
            self.tasks[row] = None
        return found

    @torch.inference_mode()
    def drop_free_rows(self) -> None:
        """Goes on with the occupied rows only."""
        occupied = [row for row, task in enumerate(self.tasks) if task is not None]
        rows = torch.tensor(occupied, device=self.device)
        self.cache.keep(rows, self._width())
        self.selection.keep(rows)
        self.prompt_lengths, self.cursor = self.prompt_lengths[rows], self.cursor[rows]
        self.mask, self.places = self.mask[rows], self.places[rows]
        self.ends = self.ends[occupied]
        self.tasks = [self.tasks[row] for row in occupied]
        self.rows = len(occupied)

    def _compact(self) -> None:
        """Closes the gaps that dead beams left, keeping each row's order."""
        width = self._width()
        seen = self.mask[:, :, :width]
        live = (seen == 0).any(1)  # (rows, width)
        counts = live.sum(1)
        # Columns before the first gap of any row stay where they are: the prompts, above all.
        unbroken = live.long().cumprod(1).sum(1)
        ends, starts = torch.stack((counts, unbroken)).tolist()
        occupied = [row for row, task in enumerate(self.tasks) if task is not None]
        start = min(starts[row] for row in occupied)
        end = max(ends[row] for row in occupied)
        order = live.logical_not().byte().argsort(dim=1, stable=True)[:, start:end]
        self.cache.compact(order, start)
        moved = seen.gather(2, order.unsqueeze(1).expand(-1, seen.shape[1], -1))
        seen[:, :, start:] = self.hidden
        seen[:, :, start:end] = moved
        self.places[:, start:end] = self.places.gather(1, order)
        self.cursor = counts.clamp(max=self.cache.columns - self.settings.beams)
        self.ends = np.minimum(np.array(ends), self.cache.columns - self.settings.beams)

    def _width(self) -> int:
        """Columns that hold anything of a row in work."""
        return int(
            max(end for end, task in zip(self.ends, self.tasks, strict=True) if task is not None)
        )

    def _forward(self, ids: Tensor, mask: Tensor, positions: Tensor, places: Tensor) -> Tensor:
        """Logits (n, q, V) of each query, of the last one only in a prefill.

        `places` (n, c) are the positions of the columns that the mask (n, 1, q, c) is about.
        """
        if not self.windows.apply:
            return self._logits(ids, mask, positions)
        with self.windows.applied(self.model, mask, positions, places) as masks:
            return self._logits(ids, masks, positions)

    def _logits(self, ids: Tensor, mask: Tensor | dict[str, Tensor], positions: Tensor) -> Tensor:
        output = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1 if self.cache.prefilling else 0,
        )
        logits: Tensor = output.logits
        return logits

    def _left_padded(self, prompts: Sequence[Prompt]) -> Tensor:
        ids = np.full((len(prompts), max(map(len, prompts))), self.settings.pad_token_id)
        for line, prompt in zip(ids, prompts, strict=True):
            line[len(line) - len(prompt) :] = prompt
        return torch.from_numpy(ids).to(self.device)

    def _causal_mask(self, real: Tensor) -> Tensor:
        """(n, 1, P, P) additive: every token sees itself and the real tokens before it."""
        size = real.shape[1]
        causal = torch.ones((size, size), dtype=torch.bool, device=self.device).tril()
        return self._additive(causal & real[:, None, None, :])

    def _additive(self, visible: Tensor) -> Tensor:
        mask = torch.zeros(visible.shape, dtype=self.model.dtype, device=self.device)
        return mask.masked_fill_(~visible, self.hidden)
