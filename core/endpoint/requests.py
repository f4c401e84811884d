"""What is asked for a task: bodies of the two APIs, in each server's own dialect.

What was looked up (November 2026): vLLM searches beams with `use_beam_search`, as many as `n`, and
divides scores by a power of the length unless `length_penalty` is 0. SGLang searches beams for
every request with n > 1 when started with `--enable-beam-search`, and draws otherwise. Both return
`token_ids` when asked. llama.cpp's servers and `transformers serve` answer once a request; the
latter draws only where its `generation_config` says so, and knows no log-probabilities.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.config import EndpointConfig

#: Servers that answer with several programs when asked for `n`.
_MANY = ("openai", "vllm", "sglang")

#: Servers that take a prompt as ids of its tokens.
TAKE_IDS = ("openai", "vllm", "sglang")

#: Servers that return the ids of the tokens they wrote.
_RETURN_IDS = ("vllm", "sglang")

#: Bytes of a prompt's text a token, about; code has three to four.
_BYTES_A_TOKEN = 3


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the API.

    `key` is a digest of everything that determines the answer. `prompt_tokens` is an estimate,
    `most_prompt_tokens` and `completion_tokens` are the most there can be.
    """

    body: dict[str, Any]
    key: str
    prompt_tokens: int
    most_prompt_tokens: int
    completion_tokens: int


def greedily(config: EndpointConfig) -> EndpointConfig:
    """The settings for the one program of the most probable token at each step."""
    greedy = {"strategy": "sample", "programs": 1, "temperature": 0.0, "top_p": 1.0}
    return config.model_copy(update=greedy)


def requests_for(
    config: EndpointConfig,
    model: str,
    version: int,
    prompt: str | Sequence[int],
    seed: int,
    iteration: int,
) -> list[Request]:
    """What to ask for a task: one request, or one a program with seeds of their own.

    `version` is that of the weights, where the server's are exchanged (core.endpoint.publishing).
    Another iteration gets other draws, but the same beams and the same greedy program.
    """
    at_once = config.strategy == "beam" or config.server in _MANY
    each = config.programs if at_once else 1
    if config.strategy == "beam" or config.temperature == 0:
        iteration = 0
    requests = []
    for number in range(config.programs // each):
        draw = int(_digest([seed, iteration, number, prompt])[:7], 16)  # fits 31 bits
        body = {"model": model, **_prompt(config, prompt), **_settings(config, each, draw)}
        key = _digest(
            [config.base_url.rstrip("/"), config.api, version, body, seed, iteration, number]
        )
        requests.append(
            Request(body, key, estimate(prompt), _most(prompt), each * config.max_tokens)
        )
    return requests


def estimate(prompt: str | Sequence[int]) -> int:
    """About as many tokens as a prompt has."""
    if isinstance(prompt, str):
        return -(-len(prompt.encode("utf-8", "replace")) // _BYTES_A_TOKEN)
    return len(prompt)


def _most(prompt: str | Sequence[int]) -> int:
    """A token has a byte at least; what a chat puts around the prompt is taken to be as little."""
    return len(prompt.encode("utf-8", "replace")) if isinstance(prompt, str) else len(prompt)


def _prompt(config: EndpointConfig, prompt: str | Sequence[int]) -> dict[str, Any]:
    if config.api == "chat":
        return {"messages": [{"role": "user", "content": prompt}]}
    return {"prompt": prompt if isinstance(prompt, str) else list(prompt)}


def _settings(config: EndpointConfig, each: int, draw: int) -> dict[str, Any]:
    settings: dict[str, Any] = {_longest(config): config.max_tokens}
    if each > 1 or config.strategy == "beam":
        settings["n"] = each
    if config.stop:
        settings["stop"] = list(config.stop)
    if config.logprobs and config.server != "transformers":
        # Of the tokens written, and of completions one more: 0 reads as "none" to some servers.
        settings["logprobs"] = 1 if config.api == "completions" else True
    if config.logprobs and config.server in _RETURN_IDS:
        settings["return_token_ids"] = True
    return {**settings, **(_beams(config) if config.strategy == "beam" else _draws(config, draw))}


def _beams(config: EndpointConfig) -> dict[str, Any]:
    """Scores are sums of log-probabilities, as ours are; a temperature would change them."""
    settings: dict[str, Any] = {"temperature": 1.0}
    if config.server == "vllm":
        settings |= {"use_beam_search": True, "length_penalty": 0.0}
    return settings


def _draws(config: EndpointConfig, draw: int) -> dict[str, Any]:
    settings: dict[str, Any] = {"temperature": config.temperature, "top_p": config.top_p}
    if config.server != "openai":  # some of the many that speak OpenAI's API refuse a seed
        settings["seed"] = draw
    if config.server == "transformers" and config.temperature > 0:
        settings["generation_config"] = json.dumps({"do_sample": True})
    return settings


def _longest(config: EndpointConfig) -> str:
    """OpenAI itself refuses the old name where a model thinks first; others know only that."""
    theirs = "api.openai.com" in config.base_url and config.api == "chat"
    return "max_completion_tokens" if theirs else "max_tokens"


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=list)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
