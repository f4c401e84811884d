"""What ends a program while it is written: an end token, or a stop string in its text.

Stop strings are followed token by token by an automaton, so that one that spans several tokens is
found on the device, without turning tokens back into text (Aho and Corasick 1975).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import CoreError

#: State of a sequence whose text holds a stop string.
STOPPED = -1

#: Most letters of all stop strings: with a vocabulary of 150,000 the table takes 300 MB.
MOST_LETTERS = 1000

#: Tokens whose texts are followed at once.
_CHUNK = 8192


class Ends:
    """Tells which sequences a token ends; their states (int64) are carried along, 0 at first.

    `stops` (states, V) int16 is what `stop_table` makes, or None where only end tokens count.
    """

    def __init__(
        self,
        eos_token_ids: Sequence[int],
        device: torch.device,
        stops: NDArray[np.int16] | None = None,
    ) -> None:
        self.eos_token_ids = torch.tensor(eos_token_ids, dtype=torch.long, device=device)
        self._stops = None if stops is None else torch.from_numpy(stops).to(device)

    @property
    def device(self) -> torch.device:
        """Where the tokens lie."""
        return self.eos_token_ids.device

    def after(self, states: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Which sequences end with these tokens (bool), and their new states, shaped alike."""
        ended = (tokens.unsqueeze(-1) == self.eos_token_ids).any(-1)
        if self._stops is None:
            return ended, states
        states = self._stops[states.clamp(min=0), tokens].long()
        return ended | (states == STOPPED), states


def stop_table(stop_strings: Sequence[str], texts: Sequence[str]) -> NDArray[np.int16]:
    """The state (states, V) int16 after each token, whose texts are given, from each state.

    A state is the longest end of the text so far that begins a stop string. One that is complete
    anywhere in the token's text gives STOPPED. Raises CoreError for stop strings too long for that.
    """
    if (size := sum(map(len, stop_strings))) > MOST_LETTERS:
        raise CoreError(
            f"The texts of sampler.stop have {size:,} characters together: {MOST_LETTERS:,} are "
            "the most that can be watched for."
        )
    alphabet = {letter: code for code, letter in enumerate(sorted({*"".join(stop_strings)}))}
    other, nothing = len(alphabet), len(alphabet) + 1
    moves = _moves(stop_strings, list(alphabet))
    stay = np.arange(len(moves), dtype=np.int16)[:, None]
    # A letter of no stop string begins none; `nothing` fills short texts.
    moves = np.concatenate((moves, np.zeros_like(stay), stay), axis=1)
    table = np.empty((len(moves), len(texts)), np.int16)
    for start in range(0, len(texts), _CHUNK):
        chunk = texts[start : start + _CHUNK]
        letters = np.full((len(chunk), max(map(len, chunk), default=0)), nothing, np.int16)
        for line, text in zip(letters, chunk, strict=True):
            line[: len(text)] = [alphabet.get(letter, other) for letter in text]
        states = np.repeat(stay, len(chunk), axis=1)  # (states, tokens of the chunk)
        for column in letters.T:
            states = np.where(states == STOPPED, STOPPED, moves[states, column])
        table[:, start : start + _CHUNK] = states
    return table


def _moves(stop_strings: Sequence[str], letters: Sequence[str]) -> NDArray[np.int16]:
    """The state after each letter, from each state: (states, letters)."""
    beginnings = {text[:size] for text in stop_strings for size in range(len(text))}
    states = {text: number for number, text in enumerate(sorted(beginnings, key=len))}  # "" is 0

    def after(text: str) -> int:
        if any(text.endswith(stop) for stop in stop_strings):
            return STOPPED
        return next(states[text[cut:]] for cut in range(len(text) + 1) if text[cut:] in states)

    return np.array([[after(text + letter) for letter in letters] for text in states], np.int16)


def token_texts(tokenizer: Any, vocabulary: int) -> list[str]:
    """What each token adds to a text, (vocabulary,); nothing for special and unknown ones."""
    anchor = tokenizer("a", add_special_tokens=False)["input_ids"][-1]
    before = len(tokenizer.decode([anchor]))
    special = set(tokenizer.all_special_ids)
    known = min(vocabulary, len(tokenizer))
    # After a letter, for some tokenizers drop the space that begins a text.
    texts = tokenizer.batch_decode(
        [[anchor, token] for token in range(known)], clean_up_tokenization_spaces=False
    )
    texts = ["" if token in special else text[before:] for token, text in enumerate(texts)]
    return texts + [""] * (vocabulary - known)


def cut_at_stop(text: str, stop_strings: Sequence[str]) -> str:
    """The text before the first stop string in it."""
    places = [place for stop in stop_strings if (place := text.find(stop)) >= 0]
    return text[: min(places, default=len(text))]
