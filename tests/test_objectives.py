"""Each objective's loss is its formula, worked out by hand on tiny tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from core.config import ObjectiveConfig
from core.objectives import NegativeLogLikelihood, Objective, choose_objective
from core.objectives.contrast import Contrastive
from core.objectives.grpo import ClippedRatio
from core.training import Contrast, Example, Tokens, tokens_of

#: Two places over three tokens.
PROBABILITIES = [[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]


def logits_of(probabilities: Sequence[Sequence[float]]) -> Tensor:
    """Logits that are log-probabilities but for a constant in each row."""
    rows = torch.tensor(probabilities).log() + torch.arange(len(probabilities))[:, None]
    return rows.requires_grad_()


def tokens(program: Sequence[int] = (0, 2), **figures: object) -> Tokens:
    return tokens_of([Example([1], program, **figures)])  # type: ignore[arg-type]


def loss(objective: Objective, of: Tokens) -> float:
    return objective.loss(logits_of(PROBABILITIES), of).item()


def test_the_likelihood_counts_by_program_and_by_token() -> None:
    weighted = tokens(weight=2.0, token_weights=(1.0, 0.5))
    expected = -(2.0 * math.log(0.5) + 1.0 * math.log(0.7))
    assert loss(NegativeLogLikelihood(), weighted) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("advantage", "sampled_at", "expected"),
    [
        (2.0, 0.5, -2.0 * 1.0),  # unchanged
        (2.0, 0.4, -2.0 * 1.2),  # 1.25 times as probable: clipped
        (2.0, 1.0, -2.0 * 0.5),  # less probable, to be more so: not clipped
        (-2.0, 1.0, 2.0 * 0.8),  # less probable, to be less so: clipped
        (-2.0, 0.4, 2.0 * 1.25),  # more probable, to be less so: not clipped
    ],
)
def test_the_ratio_is_clipped_where_it_has_gone_far_enough(
    advantage: float, sampled_at: float, expected: float
) -> None:
    of = tokens((0,), advantage=advantage, behaviour=(math.log(sampled_at),))
    logits = logits_of(PROBABILITIES[:1])
    assert ClippedRatio(0.2).loss(logits, of).item() == pytest.approx(expected)


def test_a_clipped_token_has_no_gradient_and_another_that_of_its_ratio() -> None:
    for sampled_at, at_token in ((0.4, 0.0), (0.5, -2.0 * 0.5)):
        logits = logits_of(PROBABILITIES[:1])
        of = tokens((0,), advantage=2.0, behaviour=(math.log(sampled_at),))
        ClippedRatio(0.2).loss(logits, of).backward()  # type: ignore[no-untyped-call]
        assert logits.grad is not None  # d ρ / d logit = ρ · (1 - p)
        assert logits.grad[0, 0].item() == pytest.approx(at_token, abs=1e-6)


def test_without_noted_probabilities_the_ratio_is_one_and_still_teaches() -> None:
    logits = logits_of(PROBABILITIES)
    loss = ClippedRatio(0.2).loss(logits, tokens(advantage=3.0))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(-6.0)
    assert logits.grad is not None and logits.grad.isfinite().all() and logits.grad.any()


def test_a_ratio_that_would_overflow_stays_finite() -> None:
    logits = logits_of(PROBABILITIES)
    of = tokens(advantage=-1.0, behaviour=(-500.0, -500.0))
    loss = ClippedRatio(0.2).loss(logits, of)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.isfinite() and logits.grad is not None and logits.grad.isfinite().all()


def test_a_contrast_adds_the_unlikelihood_of_the_worse_token() -> None:
    of = tokens(weight=1.0, contrasts=(Contrast(1, 1, 0.5), Contrast(1, 0, 0.25)))
    expected = -math.log(0.5) - math.log(0.7)
    expected += 3.0 * (0.5 * -math.log(1 - 0.2) + 0.25 * -math.log(1 - 0.1))
    assert loss(Contrastive(3.0), of) == pytest.approx(expected)


def test_contrasts_stand_at_the_tokens_of_their_own_program() -> None:
    first = Example([1], (0,), weight=0.0)
    second = Example([1], (2,), weight=0.0, contrasts=(Contrast(0, 1, 1.0),))
    expected = -math.log(1 - 0.2)
    assert loss(Contrastive(1.0), tokens_of([first, second])) == pytest.approx(expected)


def test_a_worse_token_that_is_nearly_certain_gives_a_finite_bounded_gradient() -> None:
    for logit in (5.0, 20.0, 600.0):
        logits = torch.tensor([[0.0, logit, 1.0]], requires_grad=True)
        of = tokens((0,), weight=0.0, contrasts=(Contrast(0, 1, 1.0),))
        loss = Contrastive(1.0).loss(logits, of)
        loss.backward()  # type: ignore[no-untyped-call]
        others = math.log(1 + math.e)
        assert loss.item() == pytest.approx(math.log(1 + math.exp(logit - others)))
        assert logits.grad is not None
        assert 0.9 < logits.grad[0, 1].item() <= 1.0
        assert logits.grad.abs().max() <= 1.0


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("nll", NegativeLogLikelihood),
        ("weighted_nll", NegativeLogLikelihood),
        ("grpo", ClippedRatio),
        ("contrast", Contrastive),
    ],
)
def test_every_name_of_the_configuration_has_its_loss(name: str, kind: type) -> None:
    config = ObjectiveConfig(name=name, contrast=0.5, clip=0.1)  # type: ignore[arg-type]
    objective = choose_objective(config)
    assert type(objective) is kind
    assert getattr(objective, "clip", 0.1) == 0.1
    assert getattr(objective, "strength", 0.5) == 0.5
