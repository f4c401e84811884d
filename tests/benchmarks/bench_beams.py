"""Tree decoding against `generate` on the embedded model, interleaved, each at its best batch.

    python tests/benchmarks/bench_beams.py [--quick] [--json] [--model nano] [--tasks 256]

Both sides get the same prompts, sorted by length, the same threads and float32. `generate` is timed
alone, without the pass that its log-probabilities would need. A ratio is the median over rounds;
`equal` is the share of tasks for which all k sequences are the same.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from core.config import ModelConfig, SamplerConfig
from core.models import load_student
from core.prompts import encode_prompt, fit_prompt
from core.sampler import BeamSearch, Sampler
from core.tasks.load import load_tasks

Sequences = list[list[list[int]]]


@dataclass(frozen=True)
class Contest:
    """One student's sampler and the prompts that both sides continue, longest first."""

    sampler: Sampler
    prompts: Sequence[list[int]]

    @classmethod
    def of(cls, model: str, tasks: int) -> Contest:
        """The first training tasks of the embedded family, for the student at `model`."""
        student = load_student(ModelConfig(path=model), torch.device("cpu"))
        sampler = Sampler(student, SamplerConfig())
        limit = sampler.config.max_new_tokens
        prompts = [
            fit_prompt(encode_prompt(student.tokenizer, task), sampler.context, limit)
            for task in load_tasks("nano:train")[:tasks]
        ]
        return cls(sampler, sorted(prompts, key=len, reverse=True))

    def first(self, prompts: int) -> Contest:
        """The same with evenly chosen prompts, for finding the best batch."""
        return Contest(self.sampler, self.prompts[:: max(1, len(self.prompts) // prompts)])

    def tree(self, beams: int, batch: int) -> Sequences:
        """The k best sequences of every prompt, by tree decoding."""
        settings = replace(self.sampler.settings, beams=beams, batch_tasks=batch)
        search = BeamSearch(self.sampler.student.model, settings, self.sampler.check)
        found = dict(search.search(self.prompts))
        return [[one.token_ids.tolist() for one in found[index]] for index in sorted(found)]

    @torch.inference_mode()
    def generate(self, beams: int, batch: int) -> Sequences:
        """The same by transformers' `generate`."""
        found: Sequences = []
        for start in range(0, len(self.prompts), batch):
            prompts = self.prompts[start : start + batch]
            longest, pad = max(map(len, prompts)), self.sampler.settings.pad_token_id
            output = self.sampler.student.model.generate(
                torch.tensor([[pad] * (longest - len(ids)) + ids for ids in prompts]),
                attention_mask=torch.tensor(
                    [[0] * (longest - len(ids)) + [1] * len(ids) for ids in prompts]
                ),
                num_beams=beams,
                num_return_sequences=beams,
                do_sample=False,
                max_new_tokens=self.sampler.config.max_new_tokens,
                length_penalty=0.0,
                early_stopping="never",
                eos_token_id=list(self.sampler.settings.eos_token_ids),
                pad_token_id=pad,
            )
            lines = [self._until_end(line) for line in output[:, longest:].tolist()]
            found += [lines[i : i + beams] for i in range(0, len(lines), beams)]
        return found

    def _until_end(self, tokens: list[int]) -> list[int]:
        ends = [i for i, token in enumerate(tokens) if token in self.sampler.settings.eos_token_ids]
        return tokens[: ends[0] + 1] if ends else tokens


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def best_batch(side: Callable[[int, int], object], batches: Sequence[int]) -> int:
    """The batch size with which a side is fastest, k = 3."""
    return min(batches, key=lambda batch: seconds(lambda: side(3, batch)))


def measure(contest: Contest, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Runs every measurement, a line each; returns them by name."""
    trial = contest.first(48)
    trial.tree(3, 16)  # warm-up
    tree_batch = best_batch(trial.tree, (16, 32, 48))
    generate_batch = best_batch(trial.generate, (8, 16, 32))
    times: dict[str, list[float]] = {"tree": [], "generate": [], "k4": []}
    for _ in range(rounds):
        times["tree"].append(seconds(lambda: contest.tree(3, tree_batch)))
        times["generate"].append(seconds(lambda: contest.generate(3, generate_batch)))
        times["k4"].append(seconds(lambda: contest.tree(4, tree_batch)))
    ours, theirs = trial.tree(3, tree_batch), trial.generate(3, generate_batch)
    tokens = sum(len(ids) for task in contest.tree(3, tree_batch) for ids in task)
    result = {
        "embedded_k3": _median_ratio(times["generate"], times["tree"]),
        "one_more_beam": _median_ratio(times["k4"], times["tree"]),
        "equal": statistics.mean(a == b for a, b in zip(ours, theirs, strict=True)),
        "tasks": len(contest.prompts),
        "tokens_per_second": tokens / statistics.median(times["tree"]),
        "tree_s": statistics.median(times["tree"]),
        "generate_s": statistics.median(times["generate"]),
        "tree_batch": tree_batch,
        "generate_batch": generate_batch,
        "decoder": contest.sampler.decoder,
        "threads": torch.get_num_threads(),
    }
    for name, value in result.items():
        say(f"{name:>18}  {value:.3g}" if isinstance(value, float) else f"{name:>18}  {value}")
    return result


def _median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def main() -> None:
    """Prints a line a figure, and with --json one JSON object at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--tasks", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of 96 tasks")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    contest = Contest.of(chosen.model, 96 if chosen.quick else chosen.tasks)
    result = measure(contest, 1 if chosen.quick else chosen.rounds, print)
    if chosen.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
