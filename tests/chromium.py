"""A headless Chromium, steered through its own debugging protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_chromium() -> str:
    """The browser that BTP_CHROMIUM names, or one on the PATH; skips where there is none."""
    found = os.environ.get("BTP_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("no Chromium: install one, or name it in BTP_CHROMIUM")
    return found


class Tab:
    """One open page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, target: str) -> None:
        self.target = target
        self._socket = socket
        self._number = 0

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Asks the page to do something, and waits for its answer."""
        self._number += 1
        number = self._number
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(20):
            while True:
                answer = json.loads((await self._socket.receive()).data)
                if answer.get("id") == number:
                    return dict(answer.get("result", {}))

    async def evaluate(self, script: str) -> Any:
        """The value of a piece of script."""
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    async def press(self, key: str) -> None:
        """Clicks into the page, so that keys go there, and types one letter."""
        place = {"x": 600, "y": 100, "button": "left", "clickCount": 1}
        await self.call("Input.dispatchMouseEvent", type="mousePressed", **place)
        await self.call("Input.dispatchMouseEvent", type="mouseReleased", **place)
        letter = {
            "key": key,
            "code": f"Key{key.upper()}",
            "windowsVirtualKeyCode": ord(key.upper()),
        }
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=key, **letter)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **letter)

    async def picture(self, file: Path) -> None:
        """Writes what is in sight as PNG."""
        shot = await self.call("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(shot["data"]))


class Browser:
    """Opens and closes tabs."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self._root = f"http://127.0.0.1:{port}/json"

    @asynccontextmanager
    async def tab(self, url: str) -> AsyncIterator[Tab]:
        """A page that is closed in the end, as a user closes a tab."""
        async with self._session.put(f"{self._root}/new?{url}") as answer:
            opened = await answer.json()
        async with self._session.ws_connect(opened["webSocketDebuggerUrl"]) as socket:
            yield Tab(socket, opened["id"])
        async with self._session.get(f"{self._root}/close/{opened['id']}"):
            pass


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Browser]:
    """A browser with a profile of its own."""
    process = await asyncio.create_subprocess_exec(
        find_chromium(),
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--no-first-run", "--remote-debugging-port=0", f"--user-data-dir={folder}"),
        *("--window-size=1200,800", "about:blank"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    told = folder / "DevToolsActivePort"
    try:
        async with asyncio.timeout(30):
            while not told.exists() or not told.read_text().strip():
                await asyncio.sleep(0.05)
        async with aiohttp.ClientSession() as session:
            yield Browser(session, int(told.read_text().splitlines()[0]))
    finally:
        process.kill()
        await process.wait()
