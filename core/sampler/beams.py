"""The search itself, apart from any model: which k continuations of each task go on.

The rule is that of `generate(num_beams=k, length_penalty=0, early_stopping="never")`: of the most
probable candidates the first k may finish, the k best that did not finish go on, and a task is
done when its k-th best finished hypothesis is at least as probable as its best live beam. Nothing
here waits for the device: `done` is a tensor that the caller reads when it likes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.sampler.hypothesis import Hypothesis

#: Score of a beam that does not exist; finite, so that adding log-probabilities gives no NaN.
NEVER = -1.0e9


class Beams:
    """Live and finished beams of n tasks, on the device of the model.

    Live beams are sorted, best first: `scores` (n, k) float32 summed log-probabilities, `tokens`
    (n, k) int64 their newest token. `lengths` (n,) int64 counts new tokens. A record (n, k, 2, T)
    int32 holds token ids and, in the same bits, float32 log-probabilities.
    """

    def __init__(self, n: int, beams: int, max_new_tokens: int, eos_token_ids: Tensor) -> None:
        device = eos_token_ids.device
        self.beams = beams
        self.max_new_tokens = max_new_tokens
        self.eos_token_ids = eos_token_ids
        # Only the first beam exists before the first token, else all k would be the same.
        self.scores = torch.full((n, beams), NEVER, device=device)
        self.scores[:, 0] = 0.0
        self.tokens = torch.zeros((n, beams), dtype=torch.long, device=device)
        self.lengths = torch.zeros((n,), dtype=torch.long, device=device)
        shape = (n, beams, 2, max_new_tokens)
        self.record = torch.zeros(shape, dtype=torch.int32, device=device)
        self.finished_scores = torch.full((n, beams), NEVER, device=device)
        self.finished_lengths = torch.zeros((n, beams), dtype=torch.long, device=device)
        self.finished_record = torch.zeros_like(self.record)

    @property
    def done(self) -> Tensor:
        """(n,) bool: no continuation can change the result any more."""
        settled = self.scores[:, 0] <= self.finished_scores[:, -1]
        return settled | (self.lengths >= self.max_new_tokens)

    def extend(self, logits: Tensor) -> Tensor:
        """Takes the next token of every task, from logits (n, k, V); returns parents (n, k) int64.

        Tasks that are done stay as they are, whatever the logits say.
        """
        open_tasks = ~self.done
        scores, parents, tokens, logprobs = self._candidates(logits)
        # (n, c, 2, T): each candidate's own history with its token at the end
        record = _pick(self.record, parents)
        last = self.lengths.clamp(max=self.max_new_tokens - 1)
        entry = torch.stack((tokens.int(), logprobs.view(torch.int32)), dim=-1)  # (n, c, 2)
        record.scatter_(3, last.view(-1, 1, 1, 1).expand(*entry.shape, 1), entry.unsqueeze(-1))
        lengths = self.lengths + open_tasks
        ended = (tokens.unsqueeze(-1) == self.eos_token_ids).any(-1)
        ended |= (lengths >= self.max_new_tokens).unsqueeze(-1)
        self._finish(scores, record, ended, lengths)
        self.lengths = lengths
        self.scores, chosen = scores.masked_fill(ended, NEVER).topk(self.beams)
        self.tokens = tokens.gather(1, chosen)
        self.record = _pick(record, chosen)
        return parents.gather(1, chosen)

    def _candidates(self, logits: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The best continuations, sorted: scores, parents, tokens and log-probabilities, (n, c)."""
        # Enough that k go on even if every better one ends, whichever end token it takes.
        wanted = self.beams * max(2, 1 + len(self.eos_token_ids))
        best, ids = logits.topk(min(wanted, logits.shape[-1]))  # (n, k, m), before the joint topk
        normaliser = torch.logsumexp(logits.float(), dim=-1, keepdim=True)
        logprobs = best.float() - normaliser
        joint = (self.scores.unsqueeze(-1) + logprobs).flatten(1)
        scores, index = joint.topk(min(wanted, joint.shape[1]))
        parents = index // best.shape[-1]
        tokens = ids.flatten(1).gather(1, index)
        return scores, parents, tokens, logprobs.flatten(1).gather(1, index)

    def _finish(self, scores: Tensor, record: Tensor, ended: Tensor, lengths: Tensor) -> None:
        """Merges the candidates that ended, of the first k, into the k best finished ones."""
        first = slice(0, self.beams)
        newest = scores[:, first].masked_fill(~ended[:, first], NEVER)
        self.finished_scores, kept = torch.cat((self.finished_scores, newest), 1).topk(self.beams)
        longer = lengths.unsqueeze(-1).expand_as(newest)
        self.finished_lengths = torch.cat((self.finished_lengths, longer), 1).gather(1, kept)
        merged = torch.cat((self.finished_record, record[:, first]), 1)
        self.finished_record = _pick(merged, kept)

    def put(self, rows: Tensor, other: Beams) -> None:
        """Overwrites the tasks at `rows` (m,) with the m tasks of another search."""
        for name in _STATE:
            getattr(self, name)[rows] = getattr(other, name)

    def keep(self, rows: Tensor) -> None:
        """Drops every task but those at `rows`."""
        for name in _STATE:
            setattr(self, name, getattr(self, name)[rows])

    def hypotheses(self, rows: Sequence[int]) -> list[list[Hypothesis]]:
        """The k finished hypotheses of the tasks at `rows`, most probable first."""
        index = torch.tensor(rows, device=self.scores.device)
        record = self.finished_record[index].cpu().numpy()
        lengths = self.finished_lengths[index].cpu().numpy()
        ends = set(self.eos_token_ids.tolist())
        found = []
        for beams, sizes in zip(record, lengths, strict=True):
            parts = [beam[:, :size].copy() for beam, size in zip(beams, sizes, strict=True)]
            found.append(
                [
                    Hypothesis(ids, logprobs.view("float32"), bool(len(ids)) and ids[-1] in ends)
                    for ids, logprobs in parts
                ]
            )
        return found


#: Everything that belongs to a task.
_STATE = (
    "scores",
    "tokens",
    "lengths",
    "record",
    "finished_scores",
    "finished_lengths",
    "finished_record",
)


def _pick(record: Tensor, index: Tensor) -> Tensor:
    """Rows of beams: record (n, k, 2, T) by index (n, m) -> (n, m, 2, T)."""
    shape = (*index.shape, *record.shape[2:])
    return record.gather(1, index.view(*index.shape, 1, 1).expand(shape))
