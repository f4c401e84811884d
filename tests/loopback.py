"""Servers on loopback: real ones as child processes, and one of our own that behaves as told.

The latter speaks just enough of OpenAI's API for a test to say what every request is answered
with; it is what stands for servers that are broken, busy or hostile, and for the control routes of
servers that need a GPU.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: Seconds that a server gets to come up.
START_S = 60.0


@dataclass(frozen=True)
class Call:
    """One request as the server saw it."""

    path: str
    body: Any
    headers: dict[str, str]
    at: float


@dataclass
class Says:
    """What to answer: a status, headers, and a body (an object goes out as JSON)."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    dripping_s: float = 0.0  # between two bytes of the body
    promised: int | None = None  # Content-Length, where the body is to break off before


class Behaving:
    """A server whose every answer `behave(call)` decides; `calls` are those it has seen."""

    def __init__(self, behave: Callable[[Call], Says]) -> None:
        self.behave = behave
        self.calls: list[Call] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where its API begins."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        """Stops answering."""
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        raw = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        call = Call(handler.path, json.loads(raw), headers, time.monotonic())
        with self._lock:
            self.calls.append(call)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            says = self.behave(call)
            self._stopping.wait(says.delay_s)
        finally:
            with self._lock:
                self._now -= 1
        body = says.body if isinstance(says.body, bytes) else json.dumps(says.body).encode()
        try:
            handler.send_response(says.status)
            for name, value in {"Content-Type": "application/json", **says.headers}.items():
                handler.send_header(name, value)
            promised = len(body) if says.promised is None else says.promised
            handler.send_header("Content-Length", str(promised))
            handler.end_headers()
            for part in (
                [body] if not says.dripping_s else [body[i : i + 1] for i in range(len(body))]
            ):
                handler.wfile.write(part)
                self._stopping.wait(says.dripping_s)
        except OSError:
            pass  # the client has gone
        if says.promised is not None:
            handler.close_connection = True


@contextmanager
def behaving(behave: Callable[[Call], Says]) -> Iterator[Behaving]:
    """A server that lives as long as the block."""
    server = Behaving(behave)
    try:
        yield server
    finally:
        server.close()


def completion(*texts: str, **more: Any) -> dict[str, Any]:
    """The body of an answer of /v1/completions; `more` goes into every choice."""
    choices = [
        {"index": index, "text": text, "finish_reason": "stop", "logprobs": None, **more}
        for index, text in enumerate(texts)
    ]
    return {"choices": choices, "usage": {"prompt_tokens": 10, "completion_tokens": 5}}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def child_server(
    command: Sequence[str], port: int, log: Path, more_environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Runs a real server and yields where its API begins, once it lists its models.

    Raises RuntimeError with its own words where it does not come up.
    """
    url = f"http://127.0.0.1:{port}/v1"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", **(more_environment or {})}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        end = time.monotonic() + START_S
        while not _answers(f"{url}/models"):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the server did not come up: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
