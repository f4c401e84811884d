"""What a server answered, read with suspicion: texts, log-probabilities, what it counted."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Longest body that is read; 64 answers of 4,096 tokens with log-probabilities are about half.
MAX_BYTES = 64 * 2**20


class Malformed(Exception):
    """The answer is none: says in a few words what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One text of a reply, as the API gives it.

    `tokens` are the texts of its tokens and `logprobs` their log-probabilities in nats, as many;
    None where the server says nothing of them. `token_ids` are the server's own, where it returns
    any. `ended` is false where the answer was cut at its longest.
    """

    text: str
    ended: bool
    tokens: tuple[str, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    token_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answers to one request; tokens are None where the server did not count them."""

    answers: tuple[Answer, ...]
    prompt_tokens: int | None
    completion_tokens: int | None


def read_reply(body: str, hide: Callable[[str], str]) -> Reply:
    """The reply in the body of an answer of either API; raises Malformed.

    `hide` takes out of a text what must not be kept; of tokens that would spell it none are.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        start = " ".join(hide(body)[:60].split())
        raise Malformed(f"not JSON but {start!r}" if start else "an empty body") from None
    choices = found.get("choices") if isinstance(found, dict) else None
    if not isinstance(choices, list) or not choices:
        raise Malformed("no choices in it")
    usage = found.get("usage")
    return Reply(
        tuple(_hidden(_answer(choice), hide) for choice in choices),
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
    )


def to_json(answers: Sequence[Answer]) -> str:
    """Answers as the cache keeps them."""
    rows = [(a.text, a.ended, a.tokens, a.logprobs, a.token_ids) for a in answers]
    return json.dumps(rows)


def from_json(text: str) -> tuple[Answer, ...]:
    """What `to_json` wrote; raises ValueError or TypeError where it did not."""
    return tuple(
        Answer(said, ended, *(None if row is None else tuple(row) for row in rows))
        for said, ended, *rows in json.loads(text)
    )


def _answer(choice: Any) -> Answer:
    if not isinstance(choice, dict):
        raise Malformed("a choice that is no object")
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else choice.get("text")
    if not isinstance(text, str):
        raise Malformed("a choice without text")
    text = text.encode("utf-8", "replace").decode()  # half a character cannot be stored
    tokens, logprobs = _token_logprobs(choice.get("logprobs"))
    ended = choice.get("finish_reason") != "length"
    return Answer(text, ended, tokens, logprobs, _token_ids(choice.get("token_ids")))


def _hidden(answer: Answer, hide: Callable[[str], str]) -> Answer:
    text = hide(answer.text)
    return answer if text == answer.text else Answer(text, answer.ended)


def _token_logprobs(found: Any) -> tuple[tuple[str, ...] | None, tuple[float, ...] | None]:
    """Texts and log-probabilities of the tokens; of a list with one hole, nothing is taken."""
    if not isinstance(found, dict):
        return None, None
    if isinstance(content := found.get("content"), list):  # /v1/chat/completions
        rows = [token if isinstance(token, dict) else {} for token in content]
        tokens = [row.get("token") for row in rows]
        logprobs = [row.get("logprob") for row in rows]
    else:
        tokens, logprobs = found.get("tokens") or [], found.get("token_logprobs") or []
    if not isinstance(tokens, list) or not isinstance(logprobs, list):
        return None, None
    if not logprobs or not all(map(_is_logprob, logprobs)):
        return None, None
    texts = [token for token in tokens if isinstance(token, str)]
    # Rounding of the server's can bring them above 0 by a hair.
    values = tuple(min(float(logprob), 0.0) for logprob in logprobs)
    return (tuple(texts) if len(texts) == len(values) else None), values


def _is_logprob(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value < 1e-3


def _token_ids(found: Any) -> tuple[int, ...] | None:
    if isinstance(found, list) and found and all(type(token) is int for token in found):
        return tuple(found)
    return None


def _count(usage: Any, name: str) -> int | None:
    count = usage.get(name) if isinstance(usage, Mapping) else None
    return count if type(count) is int and count >= 0 else None
