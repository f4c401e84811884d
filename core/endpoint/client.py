"""One request to the server, once: its reply, or why there is none and what follows from it.

The `openai` library is imported here, on first use. It makes the requests; retries, which must be
counted and kept within budgets, are made in `core.endpoint.asking`.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from core.config import EndpointConfig
from core.endpoint.answers import MAX_BYTES, Malformed, Reply, read_reply
from core.endpoint.requests import Request
from core.errors import CoreError

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

#: A server that asks to wait for longer than this is left alone.
LONGEST_WAIT_S = 600.0

#: Characters of what a server said that are shown.
_SHOWN = 200

#: A key shorter than this is a stand-in ("none", "EMPTY"), and part of ordinary texts.
_SHORTEST_KEY = 8

#: Statuses of a key that is missing or not good enough.
_NO_ENTRY = (401, 403)

#: What the library asks for by name; the rest goes into the body as it is.
_NAMED = ("model", "messages", "prompt")


class TryAgain(Exception):
    """Another try may do better, after `wait_s` where the server said so."""

    def __init__(self, reason: str, wait_s: float | None = None, malformed: bool = False) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.malformed = malformed


class Unreachable(TryAgain):
    """Nobody answers there: so far as can be seen there is no server."""


class Refused(Exception):
    """The server does not want this request, and will not want it the next time."""


@dataclass(frozen=True, slots=True)
class Secret:
    """The key, from the environment; no representation of it shows it."""

    variable: str
    _key: str

    @classmethod
    def from_environment(cls, variable: str) -> Secret:
        """The key in an environment variable, or none; raises CoreError for what cannot be one."""
        key = os.environ.get(variable, "").strip()
        if not key.isascii() or not key.isprintable() or " " in key:
            raise CoreError(
                f"The environment variable {variable} holds no key: keys have no spaces, line "
                "breaks or letters beyond ASCII."
            )
        return cls(variable, key)

    def __repr__(self) -> str:
        return f"Secret({self.variable})"

    def __bool__(self) -> bool:
        return bool(self._key)

    def hide(self, text: str) -> str:
        """A text without the key, should somebody have put it there."""
        return text.replace(self._key, "[key]") if len(self._key) >= _SHORTEST_KEY else text

    def reveal(self) -> str:
        """The key itself, for the library that sends it."""
        return self._key


class Client:
    """Asks one server; used on one event loop."""

    def __init__(self, config: EndpointConfig) -> None:
        self.config = config
        self.secret = Secret.from_environment(config.api_key_env)
        self._openai: AsyncOpenAI | None = None

    async def ask(self, request: Request) -> Reply:
        """The server's reply; raises TryAgain, Refused, or CoreError where no request can do."""
        library = self._library()
        api: Any = library.chat.completions if self.config.api == "chat" else library.completions
        named = {name: request.body[name] for name in _NAMED if name in request.body}
        others = {name: value for name, value in request.body.items() if name not in named}
        call = api.with_streaming_response.create(**named, extra_body=others)
        try:
            async with asyncio.timeout(self.config.timeout_s), call as response:
                return read_reply(await _text(response), self.secret.hide)
        except Malformed as error:
            raise TryAgain(f"the answer is {error}", malformed=True) from None
        except Exception as error:
            raise self._judged(error) from None

    async def post(self, url: str, body: dict[str, Any]) -> str:
        """Calls a route that is not OpenAI's; what it answers.

        Raises as `ask` does, but for any status of failure Refused; only the key is told apart.
        """
        import httpx2
        import openai

        try:
            async with asyncio.timeout(self.config.timeout_s):
                response = await self._library().post(url, cast_to=httpx2.Response, body=body)
            return response.text
        except openai.APIStatusError as error:
            if error.status_code in _NO_ENTRY:
                raise self._status(error) from None
            raise Refused(f"HTTP {error.status_code}{self._said(error)}") from None
        except Exception as error:
            raise self._judged(error) from None

    async def close(self) -> None:
        """Closes the connections."""
        if self._openai is not None:
            await self._openai.close()

    def _library(self) -> AsyncOpenAI:
        if self._openai is None:
            import openai

            # Without a key of its own the library would look for one that is meant for others.
            self._openai = openai.AsyncOpenAI(
                api_key=self.secret.reveal() or "none",
                base_url=self.config.base_url,
                timeout=self.config.timeout_s,
                max_retries=0,
            )
        return self._openai

    def _judged(self, error: Exception) -> Exception:
        """What an error of the library means; one that means nothing known, as it is."""
        import httpx2
        import openai

        where = self.config.base_url
        match error:
            case openai.APITimeoutError() | TimeoutError():
                return TryAgain(f"no answer within {self.config.timeout_s:g} s")
            case openai.APIStatusError():
                return self._status(error)
            case openai.APIConnectionError() if isinstance(error.__cause__, httpx2.ConnectError):
                return Unreachable(
                    f"Nothing answers at {where} ({str(error.__cause__).rstrip('.')}): start the "
                    "server, or correct base_url."
                )
            case openai.APIConnectionError() | httpx2.HTTPError():
                cause = error.__cause__ or error
                return TryAgain(f"the connection broke ({type(cause).__name__})")
            case httpx2.InvalidURL():
                return CoreError(f"base_url = {where!r} is no URL: give one like http://host/v1.")
        return error

    def _status(self, error: APIStatusError) -> Exception:
        """What an HTTP status means."""
        status, where, said = error.status_code, self.config.base_url, self._said(error)
        variable = self.secret.variable
        if status in _NO_ENTRY:
            if not self.secret:
                return CoreError(
                    f"The server at {where} wants a key (HTTP {status}): put one into the "
                    f"environment variable {variable}, or name another in api_key_env."
                )
            return CoreError(
                f"The server at {where} refuses the key in the environment variable {variable} "
                f"(HTTP {status}{said if status == 403 else ''}): check the key, and that it may "
                "use this model."
            )
        if status == 404 and "model" in said.lower():
            return CoreError(
                f"The server at {where} has no model {self.config.model!r} (HTTP 404{said}): "
                "correct the model's name."
            )
        if status in (404, 405):
            return CoreError(
                f"There is no API of OpenAI's kind at {where} (HTTP {status}{said}): correct "
                "base_url, which often ends in /v1, or api."
            )
        if error.code == "insufficient_quota":
            return CoreError(
                f"The account at {where} has no credit left (HTTP {status}{said}): add some, then "
                "resume the run."
            )
        if status in (408, 409, 425, 429) or status >= 500:
            wait_s = _retry_after(error.response.headers.get("retry-after", ""))
            if wait_s is not None and wait_s > LONGEST_WAIT_S:
                return CoreError(
                    f"The server at {where} asks to wait for {wait_s / 60:.0f} minutes (HTTP "
                    f"{status}{said}): resume the run then."
                )
            return TryAgain(f"HTTP {status}{said}", wait_s)
        return Refused(f"HTTP {status}{said}")

    def _said(self, error: APIStatusError) -> str:
        """The server's own words, short and without the key."""
        body = error.body
        while isinstance(body, dict):
            body = body.get("message") or body.get("error") or body.get("detail") or ""
        words = " ".join(self.secret.hide(str(body or "")).split())
        if words.startswith("<"):  # a page for browsers
            return ""
        return f": {words[:_SHOWN].rstrip('.')}" if words else ""


async def _text(response: Any) -> str:
    """The body, read no further than an answer can be long."""
    parts = bytearray()
    async for part in response.iter_bytes():
        parts += part
        if len(parts) > MAX_BYTES:
            raise Malformed(f"longer than {MAX_BYTES // 2**20} MiB")
    return parts.decode("utf-8", "replace")


def _retry_after(header: str) -> float | None:
    """Seconds to wait by a Retry-After header, which says them or a date; None where neither."""
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, TypeError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
