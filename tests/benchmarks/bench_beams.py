"""Tree decoding against `generate`, interleaved in one process, each at its own best batch size.

    python -m tests.benchmarks.bench_beams [--quick] [--json]

Two models: the embedded one in float32 on tasks of its family, and GPT-2's 124M shape with random
weights in bfloat16 on random prompts of 256 tokens, 64 new ones. Both sides get the same prompts,
sorted by length, the same threads and the same number format. `generate` is timed alone, without
the pass that its log-probabilities would need. A ratio is the median over rounds, and stands beside
the lowest and the highest; `cache_*` is the tree's cache in bytes over that of `generate`.

`equal` is the share of tasks for which all k sequences are the same, or as probable within 1e-5,
for tiny models of every type that is decoded as a tree and for the embedded one. Achieved over
attainable: `*_flops_*` is the work of the linear layers over what a large matrix product reaches,
`*_bytes_*` the weights and the keys and values that each pass must read, over what a copy reaches.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from core.config import ModelConfig, SamplerConfig
from core.models import load_student
from core.sampler import Sampler, SearchSettings, tree
from core.sampler.check import Check, check_tree_decoding
from core.sampler.tree import TreeDecoder
from core.tasks.load import load_tasks
from tests.test_sampler import PROMPTS, TREE_MODELS, settings_of
from tests.tiny_models import teacher_forced, tiny_model

Sequences = list[list[list[int]]]

#: Two sequences are as probable as each other when they differ by less, in nats.
TIE = 1e-5


@dataclass
class Work:
    """Floating-point operations of the linear layers, and bytes that passes must read."""

    flops: float = 0.0
    bytes: float = 0.0


@dataclass(frozen=True)
class Contest:
    """One model and the prompts that both sides continue, longest first."""

    model: Any
    settings: SearchSettings
    prompts: Sequence[list[int]]
    cache_bytes: dict[str, float] = field(default_factory=dict)  # a task, by side

    @classmethod
    def embedded(cls, tasks: int) -> Contest:
        """The embedded model on the first training tasks of its family."""
        student = load_student(ModelConfig(), torch.device("cpu"))
        sampler = Sampler(student, SamplerConfig())
        prompts = [sampler.prompts.prompt(task) for task in load_tasks("nano:train")[:tasks]]
        return cls(student.model, sampler.settings, sorted(prompts, key=len, reverse=True))

    @classmethod
    def gpt2(cls, tasks: int) -> Contest:
        """GPT-2's shape with random weights: no program ends before the limit."""
        torch.manual_seed(0)
        config = GPT2Config(bos_token_id=None, eos_token_id=None)
        model = GPT2LMHeadModel(config).to(torch.bfloat16).eval()
        rng = np.random.default_rng(0)
        prompts = rng.integers(4, 50_000, size=(tasks, 256)).tolist()
        return cls(model, SearchSettings(3, 64, tasks, (50_256,), 0), prompts)

    def first(self, prompts: int) -> Contest:
        """The same with evenly chosen prompts, for finding the best batch."""
        return replace(self, prompts=self.prompts[:: max(1, len(self.prompts) // prompts)])

    def tree(self, beams: int, batch: int) -> Sequences:
        """The k best sequences of every prompt, by tree decoding."""
        decoder = TreeDecoder(self.model, replace(self.settings, beams=beams, batch_tasks=batch))
        with _caches() as made:
            found = dict(decoder.search(self.prompts))
        [cache] = made
        self.cache_bytes["tree"] = cache.column_bytes * cache.columns
        return [[one.token_ids.tolist() for one in found[index]] for index in sorted(found)]

    @torch.inference_mode()
    def generate(self, beams: int, batch: int) -> Sequences:
        """The same by transformers' `generate`."""
        found: Sequences = []
        for start in range(0, len(self.prompts), batch):
            prompts = self.prompts[start : start + batch]
            longest = max(map(len, prompts))
            output = self._generate(prompts, longest, beams)
            self.cache_bytes["generate"] = _bytes(output.past_key_values) / len(prompts)
            lines = [self._until_end(line) for line in output.sequences[:, longest:].tolist()]
            found += [lines[i : i + beams] for i in range(0, len(lines), beams)]
        return found

    def _generate(self, prompts: Sequence[list[int]], longest: int, beams: int) -> Any:
        pad = self.settings.pad_token_id
        return self.model.generate(
            torch.tensor([[pad] * (longest - len(ids)) + ids for ids in prompts]),
            attention_mask=torch.tensor(
                [[0] * (longest - len(ids)) + [1] * len(ids) for ids in prompts]
            ),
            num_beams=beams,
            num_return_sequences=beams,
            do_sample=False,
            max_new_tokens=self.settings.max_new_tokens,
            length_penalty=0.0,
            early_stopping="never",
            eos_token_id=list(self.settings.eos_token_ids),
            pad_token_id=pad,
            return_dict_in_generate=True,
        )

    def _until_end(self, tokens: list[int]) -> list[int]:
        ends = [i for i, token in enumerate(tokens) if token in self.settings.eos_token_ids]
        return tokens[: ends[0] + 1] if ends else tokens

    @contextmanager
    def counted(self) -> Iterator[Work]:
        """The work of the model while inside."""
        head = self.model.get_output_embeddings()
        matrices = [
            weight
            for name, weight in self.model.named_parameters()
            if weight.ndim == 2 and not any(part in name for part in ("embed", "wte", "wpe"))
        ]
        body = sum(weight.numel() for weight in matrices)
        column, size = self._column_bytes(), self.model.dtype.itemsize
        work = Work()

        def count_body(_module: Any, arguments: Any, named: dict[str, Any]) -> None:
            ids, mask = named["input_ids"], named.get("attention_mask")
            # `generate` leaves out a mask that hides nothing.
            seen = ids.shape[1] + named["past_key_values"].get_seq_length() if mask is None else 0
            width = seen or mask.shape[-1]
            work.flops += 2 * body * ids.numel()
            work.bytes += body * size + len(ids) * width * column

        def count_head(_module: Any, arguments: tuple[torch.Tensor]) -> None:
            work.flops += 2 * head.weight.numel() * arguments[0].shape[:-1].numel()
            work.bytes += head.weight.numel() * size

        hooks = (
            self.model.register_forward_pre_hook(count_body, with_kwargs=True),
            head.register_forward_pre_hook(count_head),
        )
        yield work
        for hook in hooks:
            hook.remove()

    def _column_bytes(self) -> int:
        """Keys and values of one token."""
        config = self.model.config
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = config.hidden_size // config.num_attention_heads
        return int(2 * config.num_hidden_layers * heads * size * self.model.dtype.itemsize)


@contextmanager
def _caches() -> Iterator[list[Any]]:
    """Every cache that tree decoders make while inside."""
    made: list[Any] = []
    kind = tree.TreeCache

    def make(*arguments: int) -> Any:
        made.append(kind(*arguments))
        return made[-1]

    tree.TreeCache = make  # type: ignore[assignment, misc]
    try:
        yield made
    finally:
        tree.TreeCache = kind  # type: ignore[misc]


def _bytes(cache: Any) -> int:
    tables = (table for layer in cache.layers for table in (layer.keys, layer.values))
    return sum(table.numel() * table.element_size() for table in tables)


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def best_batch(side: Callable[[int, int], object], batches: Sequence[int], beams: int) -> int:
    """The batch size with which a side is fastest."""
    return min(batches, key=lambda batch: seconds(lambda: side(beams, batch)))


def attainable(dtype: torch.dtype) -> Work:
    """Operations a second of a large matrix product, and bytes a second that a copy reads."""
    one, long = torch.randn(1024, 1024).to(dtype), torch.zeros(2**26)
    other = torch.empty_like(long)
    product = min(seconds(lambda: one @ one) for _ in range(20))
    copy = min(seconds(lambda: other.copy_(long)) for _ in range(5))
    return Work(2 * 1024**3 / product, long.numel() * long.element_size() / copy)


def versus(
    name: str, contest: Contest, beams: int, batches: tuple[int, int], rounds: int
) -> dict[str, Any]:
    """Both sides in turn: their ratio with its spread, and what each achieves."""
    peak = attainable(contest.model.dtype)
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        with contest.counted() as ours:
            own_s = seconds(lambda: contest.tree(beams, batches[0]))
        with contest.counted() as theirs:
            times.append((own_s, seconds(lambda: contest.generate(beams, batches[1]))))
    ratios = sorted(other / own for own, other in times)
    own_s, other_s = (statistics.median(column) for column in zip(*times, strict=True))
    return {
        name: statistics.median(ratios),
        f"{name}_spread": [round(ratios[0], 2), round(ratios[-1], 2)],
        f"{name}_s": [round(own_s, 2), round(other_s, 2)],
        f"{name}_batches": list(batches),
        f"{name}_flops_tree": ours.flops / own_s / peak.flops,
        f"{name}_flops_generate": theirs.flops / other_s / peak.flops,
        f"{name}_bytes_tree": ours.bytes / own_s / peak.bytes,
        f"{name}_bytes_generate": theirs.bytes / other_s / peak.bytes,
    }


def equality(contest: Contest) -> dict[str, Any]:
    """The share of tasks with the same sequences, for every model type and the embedded model."""
    shares: dict[str, float] = {}
    for name in TREE_MODELS:
        model = tiny_model(name)
        check = check_tree_decoding(model, settings_of(3))
        tiny = Contest(model, settings_of(3), sorted(PROMPTS, key=len, reverse=True))
        shares[name] = _share_equal(tiny, check)
    shares["embedded"] = _share_equal(contest, check_tree_decoding(contest.model, contest.settings))
    return {"equal": min(shares.values()), "equal_by_model": shares}


def _share_equal(contest: Contest, check: Check) -> float:
    if check.decoder != "tree":
        return 0.0  # a fallback compared with itself shows nothing
    pairs = zip(contest.tree(3, 4), contest.generate(3, 4), contest.prompts, strict=True)
    return statistics.mean(
        all(
            one == other
            or abs(_logprob(contest, prompt, one) - _logprob(contest, prompt, other)) < TIE
            for one, other in zip(ours, theirs, strict=True)
        )
        for ours, theirs, prompt in pairs
    )


def _logprob(contest: Contest, prompt: list[int], tokens: list[int]) -> float:
    return float(teacher_forced(contest.model, prompt, tokens).sum(dtype=np.float64))


def bf16_difference(contest: Contest) -> dict[str, Any]:
    """How far both sides are apart in bfloat16 where they chose differently, in nats a sequence."""
    half = replace(contest, model=contest.model.to(torch.bfloat16))
    pairs = list(zip(half.tree(3, 16), half.generate(3, 16), half.prompts, strict=True))
    exact = replace(contest, model=contest.model.float())
    gaps = [
        abs(_logprob(exact, prompt, one) - _logprob(exact, prompt, other))
        for ours, theirs, prompt in pairs
        for one, other in zip(ours, theirs, strict=True)
        if one != other
    ]
    return {
        "bf16_equal": statistics.mean(ours == theirs for ours, theirs, _ in pairs),
        "bf16_gap_nats": max(gaps, default=0.0),
    }


def measure(quick: bool) -> dict[str, Any]:
    """Runs every measurement; returns them by name."""
    result: dict[str, Any] = {"threads": torch.get_num_threads()}
    embedded = Contest.embedded(64 if quick else 256)
    trial = embedded.first(48)
    trial.tree(3, 16)  # warm-up
    batches = (32, 8)
    if not quick:
        batches = (
            best_batch(trial.tree, (16, 32, 48), 3),
            best_batch(trial.generate, (8, 16, 32), 3),
        )
    rounds = 2 if quick else 5
    result |= versus("embedded_k3", embedded, 3, batches, rounds)
    more = [
        seconds(lambda: embedded.tree(4, batches[0]))
        / seconds(lambda: embedded.tree(3, batches[0]))
        for _ in range(rounds + 1)
    ]
    result["one_more_beam"] = statistics.median(more)
    result |= equality(trial.first(16))
    result |= bf16_difference(trial.first(16) if quick else embedded)
    gpt2 = Contest.gpt2(4 if quick else 8)
    for beams in (3, 10):
        sizes = (4, 4)
        if not quick:
            trial = gpt2.first(4)
            sizes = (
                best_batch(gpt2.tree, (4, 8), beams),
                best_batch(trial.generate, (1, 2, 4), beams),
            )
        result |= versus(f"gpt2_k{beams}", gpt2, beams, sizes, 1 if quick else 3)
        taken = gpt2.cache_bytes
        result[f"cache_k{beams}"] = taken["tree"] / taken["generate"]
    return result


def main() -> None:
    """Prints a line a figure, and with --json one JSON object at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer tasks and rounds")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    result = measure(chosen.quick)
    for name, value in result.items():
        print(f"{name:>26}  {value:.3g}" if isinstance(value, float) else f"{name:>26}  {value}")
    if chosen.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
