"""Pretrains an embedded model on authors' programs for compositions to train on.

Long lessons with careful authors only, which all models share, then a short one with the careless
ones among them, after which a model's most likely program is as often wrong as theirs.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from core.nano.drawing import clothe
from core.nano.exercise import Exercise
from core.nano.family import Family, signature
from core.nano.habits import Habits
from core.nano.splits import split_of
from core.nano.writing import write

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Lesson:
    """Who is read, how many programs (once each) and how fast; minibatches of similar length.

    `learning_rate` is that of the matrices (Muon); embeddings and norms learn with AdamW's own.
    """

    habits: Habits
    programs: int
    learning_rate: float
    embedding_rate: float
    minibatch: int = 32
    warmup: int = 40


def exercises(family: Family, seed: str) -> Iterator[Exercise]:
    """Endless exercises of compositions that are neither held out nor for validation."""
    rng = random.Random(seed)
    while True:
        steps = family.draw(rng)
        if split_of(signature(steps)) == "train":
            yield clothe(steps, rng)


def new_model(tokenizer: Any, seed: int) -> LlamaForCausalLM:
    """An untrained model."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(configuration(tokenizer))


def teach(
    model: LlamaForCausalLM,
    tokenizer: Any,
    family: Family,
    lesson: Lesson,
    seed: str,
    report: Callable[[str], None],
) -> None:
    """Trains a model in place, with the loss on the programs' tokens alone."""
    model.train()
    optimizers = _optimizers(model, lesson)
    steps = lesson.programs // lesson.minibatch
    for step, (ids, labels) in enumerate(_minibatches(family, lesson, tokenizer, seed)):
        loss = _loss(model, ids, labels)
        model.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, rate in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * _schedule(step, steps, lesson.warmup)
            optimizer.step()
        if step % 100 == 0 or step == steps - 1:
            report(f"step {step} of {steps}, loss {loss.item():.3f}")
    model.eval()


def configuration(tokenizer: Any) -> LlamaConfig:
    """A Llama of about two million parameters."""
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _optimizers(
    model: LlamaForCausalLM, lesson: Lesson
) -> list[tuple[torch.optim.Optimizer, float]]:
    """Muon for the layers' matrices (twice as fast here as AdamW alone), AdamW for the rest."""
    matrices = [weight for weight in model.model.layers.parameters() if weight.ndim == 2]
    others = [weight for weight in model.parameters() if not any(weight is m for m in matrices)]
    muon = torch.optim.Muon(matrices, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    adamw = torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.01)
    return [(muon, lesson.learning_rate), (adamw, lesson.embedding_rate)]


def _schedule(step: int, steps: int, warmup: int) -> float:
    """Linear warm-up, then a cosine down to a twentieth."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def _loss(model: LlamaForCausalLM, ids: Tensor, labels: Tensor) -> Tensor:
    """Mean negative log-likelihood (nats a token) of the labelled tokens; ids (B, T)."""
    hidden = model.model(input_ids=ids).last_hidden_state  # (B, T, H)
    wanted = labels[:, 1:] != IGNORED
    logits = model.lm_head(hidden[:, :-1][wanted])  # (labelled, V): prompts' logits are not needed
    return torch.nn.functional.cross_entropy(logits, labels[:, 1:][wanted])


def _minibatches(
    family: Family, lesson: Lesson, tokenizer: Any, seed: str
) -> Iterator[tuple[Tensor, Tensor]]:
    """Right-padded (B, T) ids and labels; rows of similar length side by side."""
    rng = random.Random(f"programs {seed}")
    drawn = exercises(family, f"pretraining {seed}")
    size = lesson.minibatch
    left = lesson.programs
    while left >= size:
        chosen = list(itertools.islice(drawn, min(32 * size, left)))
        left -= len(chosen)
        programs = [write(exercise, lesson.habits.draw(exercise, rng)) for exercise in chosen]
        rows = _encode(tokenizer, [exercise.prompt for exercise in chosen], programs)
        rows.sort(key=lambda row: len(row[0]) + len(row[1]))
        batches = [rows[at : at + size] for at in range(0, len(rows) - size + 1, size)]
        rng.shuffle(batches)
        for batch in batches:
            yield _padded(batch, tokenizer.pad_token_id)


def _encode(
    tokenizer: Any, prompts: list[str], programs: list[str]
) -> list[tuple[list[int], list[int]]]:
    """Prompt and program, encoded apart: no token may reach over the border."""
    heads = tokenizer(prompts)["input_ids"]
    tails = tokenizer(programs)["input_ids"]
    return [(h, [*t, tokenizer.eos_token_id]) for h, t in zip(heads, tails, strict=True)]


def _padded(batch: list[tuple[list[int], list[int]]], pad: int) -> tuple[Tensor, Tensor]:
    longest = max(len(head) + len(tail) for head, tail in batch)
    ids = torch.full((len(batch), longest), pad)
    labels = torch.full((len(batch), longest), IGNORED)
    for row, (head, tail) in enumerate(batch):
        length = len(head) + len(tail)
        ids[row, :length] = torch.tensor(head + tail)
        labels[row, len(head) : length] = torch.tensor(tail)
    return ids, labels
