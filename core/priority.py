"""The paper's priorities as pure formulas over arrays (arXiv 2410.12236, eq. 1-8).

Every array has one entry a candidate. The engine draws by these formulas (`core.replay`), the
screen plots them.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Possibility = Literal["per_token", "joint"]
Prioritization = Literal["proportional", "rank"]
PossibilityUnder = Literal["sampler", "student"]


def possibility(logprob: Floats, n_tokens: NDArray[Any], kind: Possibility) -> Floats:
    """P(t) in [0, 1] from the sum of log-probabilities in nats (eq. 1-2).

    "joint" is the paper's product over all tokens, "per_token" its geometric mean, which does not
    vanish for long programs. NaN where the log-probability is unknown, or the number of tokens is
    and it matters (0 stands for unknown).
    """
    if kind == "joint":
        joint: Floats = np.exp(logprob)
        return joint
    per_token: Floats = np.exp(logprob / np.where(n_tokens > 0, n_tokens, np.nan))
    return per_token


def student_counts(
    logprob: Floats,
    student_logprob: NDArray[Any],
    by_student: NDArray[np.bool_],
    under: PossibilityUnder,
) -> NDArray[np.bool_]:
    """Which programs take what the student said of them last, not what their sampler reported.

    Under "student" all do, but for the student's own that were never scored again. Under "sampler"
    only those do that the student wrote, or whose sampler reported nothing.
    """
    scored: NDArray[np.bool_] = ~np.isnan(student_logprob)
    if under == "student":
        return scored | ~by_student
    return scored & (by_student | np.isnan(logprob))


def p2value(possibility: Floats, pass_rate: NDArray[Any], alpha: float) -> Floats:
    """P2Value = α·P(t) + (1-α)·pass_rate (eq. 6); NaN where either is unknown."""
    value = pass_rate.astype(np.float64)
    value *= 1.0 - alpha
    value += alpha * possibility
    return value


def priorities(
    p2value: Floats, age_order: NDArray[Any], prioritization: Prioritization, floor: float
) -> Floats:
    """p_i = P2Value_i, at least `floor`, or p_i = 1 / rank(i) (eq. 8); NaN where P2Value is.

    Rank 1 has the largest P2Value. No two share a rank: of equal ones the newer comes first, whose
    possibility the present model is nearer to. `age_order` grows with time (sample ids do).
    """
    if prioritization == "proportional":
        return np.maximum(p2value, floor)
    known = np.flatnonzero(~np.isnan(p2value))
    oldest_first = known
    if np.any(np.diff(age_order) < 0):
        oldest_first = known[np.argsort(age_order[known], kind="stable")]
    ranked = np.full(len(p2value), np.nan)
    ranked[oldest_first[best_first(p2value[oldest_first])]] = 1.0 / np.arange(1, len(known) + 1)
    return ranked


def freshness(iteration: NDArray[Any], candidate: NDArray[np.bool_], half_life: float) -> Floats:
    """2^(-age / half_life), with the age in iterations since the newest candidate."""
    age = np.max(iteration[candidate], initial=0) - iteration.astype(np.float64)
    fresh: Floats = np.exp2(-np.maximum(age, 0.0) / half_life)
    return fresh


def balance(task: NDArray[Any], candidate: NDArray[np.bool_], exponent: float) -> Floats:
    """n^-γ with n the number of candidates of the same task; 1 where there are none."""
    count = np.bincount(task[candidate], minlength=int(task.max(initial=-1)) + 1)
    even: Floats = (np.maximum(count, 1) ** -exponent).take(task)
    return even


def biased(share: Floats, bias: Floats | None) -> Floats:
    """Shares times a bias; as they are where there is none, or where it leaves nothing of any."""
    if bias is None:
        return share
    product = share * bias
    return product if product.any() else share


def probabilities(priority: Floats, exponent: float, bias: Floats | None = None) -> Floats:
    """P(i) = p_i^ω·B_i / Σ_k p_k^ω·B_k (eq. 7); 0 where the priority is unknown (NaN).

    ω = 0 is uniform, and so is a buffer in which every priority is 0. `bias` B_i, 1 without it, is
    the product of `freshness` and `balance`, neither of which is the paper's.
    """
    weight = shares(priority, exponent, float(np.fmax.reduce(priority, initial=0.0)))
    weight = biased(weight, bias)
    return weight / max(float(weight.sum()), np.finfo(np.float64).tiny)


def shares(
    priority: Floats, exponent: float, reference: float, out: Floats | None = None
) -> Floats:
    """(p_i / reference)^ω, which is proportional to P(i); 0 where the priority is unknown (NaN).

    A reference near the largest priority keeps large exponents from underflowing. Where it is 0,
    so is every priority, and all shares are 1. `out` may be the array of priorities itself.
    """
    unknown = np.isnan(priority)
    result = np.empty_like(priority) if out is None else out
    if reference == 0.0 or exponent == 0.0:
        result[:] = 1.0
    else:
        np.divide(priority, reference, out=result)
        if exponent == 2.0:  # four times as fast as the power
            np.multiply(result, result, out=result)
        elif exponent != 1.0:
            np.power(result, exponent, out=result)
    if unknown.any():
        np.copyto(result, 0.0, where=unknown)
    return result


def importance_weights(probabilities: Floats, beta: float) -> NDArray[np.float32]:
    """w_i = (N·P(i))^-β, divided by the largest of the minibatch (N cancels); Schaul et al. 2016.

    β = 0 leaves the preference whole, β = 1 undoes it.
    """
    weights: Floats = (probabilities.min(initial=np.inf) / probabilities) ** beta
    return weights.astype(np.float32)


def newest_of_each(program: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows are the last ones of their program: a text sampled often is one candidate."""
    last = np.zeros(int(program.max(initial=-1)) + 1, np.int64)
    rows = np.arange(len(program))
    last[program] = rows
    newest: NDArray[np.bool_] = last[program] == rows
    return newest


def best_first(p2value: Floats) -> NDArray[np.int64]:
    """Indexes by falling P2Value (finite, not negative); of equal ones the larger index first.

    Sorts 64-bit keys whose upper bits are those of the value and whose lower ones are the index,
    five times as fast as an index sort; values that the cut bits would tell apart are put right
    afterwards.
    """
    count = len(p2value)
    low = np.uint64(max(count - 1, 1).bit_length())
    mask = np.uint64((1 << int(low)) - 1)
    # Bits of a non-negative float64 sort as the number does; those of [0, 2) leave two bits free.
    keys = np.abs(p2value).view(np.uint64)
    if p2value.max(initial=0.0) < 2.0:
        keys <<= np.uint64(2)
    keys &= ~mask
    scratch = np.arange(count, dtype=np.uint64)
    keys |= scratch
    keys.sort()
    differences = np.bitwise_xor(keys[1:], keys[:-1], out=scratch[1:])
    keys &= mask
    order = keys.view(np.int64)[::-1]
    near = np.flatnonzero(differences[::-1] <= mask)  # cut values of neighbours are equal
    if np.any(p2value[order[near]] != p2value[order[near + 1]]):
        _put_right(order, near, p2value)
    return order


def _put_right(order: NDArray[np.int64], near: NDArray[np.intp], p2value: Floats) -> None:
    """Sorts each stretch of neighbours whose cut values are equal by their whole values."""
    places = np.union1d(near, near + 1)
    stretch = np.zeros(len(order), np.int64)
    stretch[1:] = 1
    stretch[near + 1] = 0
    rows = order[places]
    order[places] = rows[np.lexsort((-rows, -p2value[rows], np.cumsum(stretch)[places]))]
