"""Our trainer against transformers' `Trainer`, interleaved in one process: useful tokens a second.

    python -m tests.benchmarks.bench_trainer [--quick] [--json] [--data FOLDER]

Useful is what is no padding: the tokens of every program and of the prompt it answers. Both sides
train the same model in float32 on the same programs with the same minibatch, threads and clipping;
`Trainer` with `adamw_torch_fused`, `group_by_length`, prompts masked, nothing logged or saved, and
the split into microbatches with which it is fastest; its clock runs from its first step to its
last. A ratio is the median over rounds, and stands beside the lowest and the highest.

`embedded`: what the embedded model samples, three programs a task, as a run replays them.
`spread`: the same programs joined end to end, one to thirty a text, so that lengths differ much.
`apps`: real programs behind their tasks' descriptions, where gpt35-apps-150.jsonl.gz and
apps-150.jsonl.gz lie in FOLDER (a text is cut at 1,024 tokens).
`equal`: random tensors of one length, so that nothing is padded, shared or packed.
`bare` is our side with a row for every program, as for models whose attention takes no mask.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import LlamaForCausalLM

from core.config import ModelConfig, SamplerConfig, TrainerConfig
from core.models import Student, load_student
from core.objectives import NegativeLogLikelihood
from core.sampler import Sampler
from core.tasks.load import load_tasks
from core.training import Example, Trainer

MINIBATCH = 32
LONGEST = 1024
SPLITS = (32, 16, 8, 4)  # programs that `Trainer` takes at once


@dataclass(frozen=True)
class Contest:
    """One model and what both sides learn, a whole number of minibatches, in random order."""

    model: Any
    examples: Sequence[Example]

    @property
    def useful(self) -> int:
        """Tokens of all programs and their prompts."""
        return sum(len(example.prompt) + len(example.program) for example in self.examples)

    def ours(self, bare: bool = False) -> Callable[[], float]:
        """Our side: seconds of one pass over the examples."""
        model = copy.deepcopy(self.model)
        config = TrainerConfig(microbatch=MINIBATCH, learning_rate=1e-5)
        trainer = Trainer(model, config, NegativeLogLikelihood(), pad_token_id=0)
        if bare:
            trainer.packing = replace(trainer.packing, trees=False)

        def run() -> float:
            started = time.perf_counter()
            for begin in range(0, len(self.examples), MINIBATCH):
                assert not trainer.update(self.examples[begin : begin + MINIBATCH]).skipped
            return time.perf_counter() - started

        return run

    def theirs(self, split: int) -> Callable[[], float]:
        """The same by transformers' `Trainer`, so many programs at a time."""
        clock = _Clock()
        trainer = transformers.Trainer(
            model=copy.deepcopy(self.model),
            args=transformers.TrainingArguments(
                output_dir=tempfile.gettempdir(),
                per_device_train_batch_size=split,
                gradient_accumulation_steps=MINIBATCH // split,
                num_train_epochs=1,
                learning_rate=1e-5,
                lr_scheduler_type="constant",
                optim="adamw_torch_fused",
                train_sampling_strategy="group_by_length",
                max_grad_norm=1.0,
                use_cpu=True,
                dataloader_pin_memory=False,
                remove_unused_columns=False,
                disable_tqdm=True,
                logging_strategy="no",
                save_strategy="no",
                report_to=[],
            ),
            train_dataset=[_record(example) for example in self.examples],
            data_collator=_padded,
            callbacks=[clock],
        )
        trainer.remove_callback(transformers.trainer_callback.PrinterCallback)

        def run() -> float:
            trainer.train()
            return clock.seconds

        return run


class _Clock(transformers.TrainerCallback):
    """Seconds from the first step to the last."""

    seconds = 0.0
    _started = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Setting up is not counted."""
        self._started = time.perf_counter()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Nor is what follows."""
        self.seconds = time.perf_counter() - self._started


def _record(example: Example) -> dict[str, Any]:
    ids = [*example.prompt, *example.program]
    return {"input_ids": ids, "labels": [-100] * len(example.prompt) + [*example.program]}


def _padded(records: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Padded on the right, as the collators of transformers do it; a mask where anything is."""
    longest = max(len(record["input_ids"]) for record in records)

    def table(name: str, fill: int) -> torch.Tensor:
        return torch.tensor([line[name] + [fill] * (longest - len(line[name])) for line in records])

    mask = [
        [1] * len(line["input_ids"]) + [0] * (longest - len(line["input_ids"])) for line in records
    ]
    return {
        "input_ids": table("input_ids", 0),
        "labels": table("labels", -100),
        "attention_mask": torch.tensor(mask),
    }


def sampled(student: Student, tasks: int) -> list[Example]:
    """Three programs of every task by the student."""
    sampler = Sampler(student, SamplerConfig())
    found: list[Example] = []
    for task, programs in sampler.sample(load_tasks("nano:train")[:tasks], 0):
        prompt = sampler.prompts.prompt(task)
        found += [
            Example(prompt, program.token_ids.tolist())
            for program in programs
            if program.token_ids is not None
        ]
    return found


def joined(programs: Sequence[Example], texts: int) -> list[Example]:
    """Programs end to end behind the first one's prompt, up to thirty a text."""
    rng = np.random.default_rng(1)
    found: list[Example] = []
    for _ in range(texts):
        count = min(30, int(rng.geometric(0.15)))
        chosen = [programs[place] for place in rng.integers(len(programs), size=count)]
        tokens = [token for one in chosen for token in one.program]
        found.append(Example(chosen[0].prompt, tokens[: LONGEST - len(chosen[0].prompt)]))
    return found


def real(folder: Path, tokenizer: Any) -> list[Example]:
    """gpt-3.5-turbo's programs for 150 APPS tasks, behind their descriptions."""
    questions = {
        record["problem_id"]: record["question"] for record in _read(folder / "apps-150.jsonl.gz")
    }
    encode = partial(tokenizer.encode, add_special_tokens=False)
    found: list[Example] = []
    for record in _read(folder / "gpt35-apps-150.jsonl.gz"):
        program = encode(record["program"])[: LONGEST // 2]
        prompt = encode(questions[record["problem_id"]])[: LONGEST - len(program)]
        found.append(Example(prompt, program))
    return found


def _read(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def shuffled(examples: Sequence[Example], minibatches: int) -> list[Example]:
    """So many whole minibatches at most, in an order that is always the same."""
    order = np.random.default_rng(0).permutation(len(examples))
    whole = min(len(examples) // MINIBATCH, minibatches) * MINIBATCH
    return [examples[place] for place in order[:whole]]


def versus(name: str, contest: Contest, rounds: int, splits: Sequence[int]) -> dict[str, Any]:
    """Both sides in turn, `Trainer` with its best split: their ratio with its spread."""
    candidates = {split: contest.theirs(split) for split in splits}
    for run in candidates.values():
        run()  # warm-up
    best = min(candidates, key=lambda split: candidates[split]())
    theirs, ours, bare = candidates[best], contest.ours(), contest.ours(bare=True)
    ours(), bare()
    times = [(ours(), bare(), theirs()) for _ in range(rounds)]
    ratios = sorted(other / own for own, _, other in times)
    bares = sorted(other / own for _, own, other in times)
    own_s, _, other_s = (statistics.median(column) for column in zip(*times, strict=True))
    return {
        name: statistics.median(ratios),
        f"{name}_spread": [round(ratios[0], 2), round(ratios[-1], 2)],
        f"{name}_bare": statistics.median(bares),
        f"{name}_bare_spread": [round(bares[0], 2), round(bares[-1], 2)],
        f"{name}_tokens_a_second": [round(contest.useful / own_s), round(contest.useful / other_s)],
        f"{name}_split": best,
    }


def measure(quick: bool, folder: Path) -> dict[str, Any]:
    """Runs every measurement; returns them by name."""
    torch.manual_seed(0)
    student = load_student(ModelConfig(), torch.device("cpu"))
    rounds, minibatches = (2, 2) if quick else (7, 8)
    splits = (32, 8) if quick else SPLITS
    config = copy.deepcopy(student.model.config)
    config.max_position_embeddings = LONGEST
    wide = LlamaForCausalLM(config).float()
    programs = sampled(student, 32 if quick else 96)
    contests = {
        "embedded": Contest(student.model, shuffled(programs, minibatches)),
        "spread": Contest(wide, shuffled(joined(programs, 32 * minibatches), minibatches)),
    }
    if (folder / "gpt35-apps-150.jsonl.gz").exists():
        texts = shuffled(real(folder, student.tokenizer), 1 if quick else minibatches)
        contests["apps"] = Contest(wide, texts)
    ids = torch.randint(config.vocab_size, (32 * minibatches, 64)).tolist()
    contests["equal"] = Contest(student.model, [Example(line[:24], line[24:]) for line in ids])
    result: dict[str, Any] = {"threads": torch.get_num_threads()}
    for name, contest in contests.items():
        result |= versus(name, contest, rounds, splits)
    return result


def main() -> None:
    """Prints a line a figure, and with --json one JSON object at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer programs and rounds")
    parser.add_argument("--json", action="store_true")
    beside = Path(__file__).parents[3] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=beside, help="where real programs lie")
    chosen = parser.parse_args()
    if find_spec("accelerate") is None:
        sys.exit("transformers' Trainer needs one more package: pip install accelerate")
    transformers.logging.set_verbosity_error()
    result = measure(chosen.quick, chosen.data)
    for name, value in result.items():
        print(f"{name:>26}  {value:.3g}" if isinstance(value, float) else f"{name:>26}  {value}")
    if chosen.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
