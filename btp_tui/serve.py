"""The same screen in a browser, for whoever on this machine was given the link.

textual-serve starts a screen of its own for every tab and ends it when the tab closes; engines
stay, as they do when a terminal closes. It listens on loopback only, and to nobody without the
token of the link. A page from elsewhere could reach loopback, too: so a request must also name this
server as its host and, where it tells an origin, as that.
"""

from __future__ import annotations

import hmac
import secrets
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from textual_serve.server import Server

from core.errors import CoreError

HOST = "127.0.0.1"

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SCREEN = (
    "import sys, pathlib; from btp_tui.app import BtpApp; BtpApp(pathlib.Path(sys.argv[1])).run()"
)


class GuardedServer(Server):  # type: ignore[misc]
    """Serves a workspace's screen to whoever comes with the token."""

    def __init__(self, workspace: Path, port: int) -> None:
        command = [sys.executable, "-P", "-c", _SCREEN, str(workspace.resolve())]
        super().__init__(shlex.join(command), HOST, port, title="btp-tui")
        self._token = secrets.token_urlsafe(24)
        self._cookie = f"btp-tui-{port}"  # cookies know no ports
        self._names = {f"{HOST}:{port}", f"localhost:{port}"}

    @property
    def link(self) -> str:
        """What to open in a browser; whoever has it can steer training."""
        return f"{self.public_url}/?token={self._token}"

    async def _make_app(self) -> web.Application:
        app: web.Application = await super()._make_app()
        app.middlewares.append(self._guard)
        return app

    def run(self) -> None:
        """Serves until interrupted, and says where once it listens."""
        said = f"Open {self.link}\nClosing the tab leaves training going; ctrl+c ends the server."
        web.run_app(
            self._make_app(),
            host=HOST,
            port=self.port,
            print=lambda _: print(said, flush=True),
            access_log=None,
        )

    async def on_startup(self, app: web.Application) -> None:
        """Says nothing yet: it does not listen."""

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin", "").partition("://")[2]
        if request.host not in self._names or (origin and origin not in self._names):
            raise web.HTTPForbidden(text=f"Open {self.public_url} itself.")
        if self._matches(request.query.get("token", "")):
            answer = web.HTTPSeeOther("/")  # so that the token leaves the address bar
            answer.set_cookie(self._cookie, self._token, httponly=True, samesite="Lax")
            raise answer
        if not self._matches(request.cookies.get(self._cookie, "")):
            raise web.HTTPForbidden(text="Open the link that `btp-tui serve` printed.")
        return await handler(request)

    def _matches(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(errors="surrogatepass"), self._token.encode())


def serve(workspace: Path, port: int) -> None:
    """Serves until interrupted; raises CoreError where the port is taken."""
    try:
        GuardedServer(workspace, port).run()
    except OSError as error:
        raise CoreError(
            f"Port {port} of {HOST} cannot be listened on ({error.strerror or error}): "
            "choose another with --port."
        ) from error
