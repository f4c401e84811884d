"""The search itself, apart from any model: which k continuations of each task go on.

The rule is that of `generate(num_beams=k, length_penalty=0, early_stopping="never")`: of the most
probable candidates the first k may finish, the k best that did not finish go on, and a task is
done when its k-th best finished hypothesis is at least as probable as its best live beam.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.sampler.ends import Ends
from core.sampler.hypothesis import Hypothesis
from core.sampler.selection import NEVER, Selection, exists, new_record, pick, read, write

#: Most float32 numbers that a softmax over the vocabulary holds at once: 256 MiB.
SOFTMAX_AT_ONCE = 2**26


class Beams(Selection):
    """The k live beams and k best finished ones of n tasks, the best first.

    `scores` (n, k) are float32 summed log-probabilities.
    """

    state = (
        "scores",
        "tokens",
        "lengths",
        "stops",
        "record",
        "finished_scores",
        "finished_lengths",
        "finished_ended",
        "finished_record",
    )

    def __init__(self, n: int, beams: int, max_new_tokens: int, ends: Ends) -> None:
        device = ends.device
        self.beams = beams
        self.max_new_tokens = max_new_tokens
        self.ends = ends
        # Only the first beam exists before the first token, else all k would be the same.
        self.scores = torch.full((n, beams), NEVER, device=device)
        self.scores[:, 0] = 0.0
        self.tokens = torch.zeros((n, beams), dtype=torch.long, device=device)
        self.lengths = torch.zeros((n,), dtype=torch.long, device=device)
        self.stops = torch.zeros_like(self.tokens)
        self.record = new_record(n, beams, max_new_tokens, device)
        self.finished_scores = torch.full((n, beams), NEVER, device=device)
        self.finished_lengths = torch.zeros_like(self.tokens)
        self.finished_ended = torch.zeros((n, beams), dtype=torch.bool, device=device)
        self.finished_record = torch.zeros_like(self.record)

    @property
    def done(self) -> Tensor:
        settled = self.scores.amax(1) <= self.finished_scores[:, -1]
        return settled | (self.lengths >= self.max_new_tokens)

    def extend(self, logits: Tensor, penalty: Tensor | None = None) -> Tensor:
        """See `Selection.extend`.

        `penalty` (n, V) float32 is taken off the candidates' scores while they are chosen, and not
        counted afterwards.
        """
        open_tasks = ~self.done
        scores, parents, tokens, logprobs = self._candidates(logits, penalty)
        record = pick(self.record, parents)  # (n, c, 2, T): each candidate's own history
        write(record, self.lengths, tokens, logprobs)
        lengths = self.lengths + open_tasks
        ended, stops = self.ends.after(self.stops.gather(1, parents), tokens)
        over = ended | (lengths >= self.max_new_tokens).unsqueeze(-1)
        self._finish(scores, record, ended, over, lengths)
        self.lengths = lengths
        alive = scores.masked_fill(over, NEVER)
        if penalty is None:
            chosen = alive.topk(self.beams).indices
        else:  # they stand in the order of their penalised scores
            chosen = exists(alive).logical_not().byte().argsort(dim=1, stable=True)[:, : self.beams]
        self.scores = alive.gather(1, chosen)
        self.tokens = tokens.gather(1, chosen)
        self.stops = stops.gather(1, chosen)
        self.record = pick(record, chosen)
        return parents.gather(1, chosen)

    def _candidates(
        self, logits: Tensor, penalty: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The best continuations, sorted: scores, parents, tokens and log-probabilities, (n, c)."""
        # Enough that k go on even if every better one ends, whichever end token it takes.
        wanted = self.beams * max(2, 1 + len(self.ends.eos_token_ids))
        allowed = logits if penalty is None else logits.float() - penalty.unsqueeze(1)
        ids = allowed.topk(min(wanted, logits.shape[-1])).indices  # (n, k, m), before the joint one
        logprobs = chosen_logprobs(logits, ids)
        joint = (self.scores.unsqueeze(-1) + logprobs).flatten(1)
        rank = joint if penalty is None else joint - penalty.gather(1, ids.flatten(1))
        index = rank.topk(min(wanted, joint.shape[1])).indices
        parents = index // ids.shape[-1]
        columns = (joint, ids.flatten(1), logprobs.flatten(1))
        scores, tokens, chosen = (column.gather(1, index) for column in columns)
        return scores, parents, tokens, chosen

    def _finish(
        self, scores: Tensor, record: Tensor, ended: Tensor, over: Tensor, lengths: Tensor
    ) -> None:
        """Merges the candidates that are over, of the first k, into the k best finished ones."""
        first = slice(0, self.beams)
        newest = scores[:, first].masked_fill(~over[:, first], NEVER)
        self.finished_scores, kept = torch.cat((self.finished_scores, newest), 1).topk(self.beams)
        longer = lengths.unsqueeze(-1).expand_as(newest)
        self.finished_lengths = torch.cat((self.finished_lengths, longer), 1).gather(1, kept)
        self.finished_ended = torch.cat((self.finished_ended, ended[:, first]), 1).gather(1, kept)
        merged = torch.cat((self.finished_record, record[:, first]), 1)
        self.finished_record = pick(merged, kept)

    def hypotheses(self, rows: Sequence[int]) -> list[list[Hypothesis]]:
        finished = self.finished_lengths, self.finished_scores, self.finished_ended
        return read(self.finished_record, *finished, rows)


def chosen_logprobs(logits: Tensor, ids: Tensor) -> Tensor:
    """Float32 log-probabilities (n, k, m) of the tokens `ids`, from logits (n, k, V).

    One fused pass reads the logits as they are; rows are taken a few at a time where the float32
    result would be large.
    """
    n, k, vocabulary = logits.shape
    rows = max(1, SOFTMAX_AT_ONCE // (k * vocabulary))
    if n <= rows:
        return torch.log_softmax(logits, dim=-1, dtype=torch.float32).gather(2, ids)
    starts = range(0, n, rows)
    return torch.cat([chosen_logprobs(logits[i : i + rows], ids[i : i + rows]) for i in starts])
