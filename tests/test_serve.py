"""The screen in a browser: who gets in, that keys work, and that a closed tab ends no training."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from btp_tui.control.commands import Commands
from storage.reader import Reader
from storage.workspace import Workspace
from tests.chromium import chromium, find_chromium
from tests.loopback import free_port


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    """An empty one; what a test has started is stopped in the end."""
    made = Workspace(tmp_path / "workspace").create()
    yield made
    with Reader(made) as reader:
        for run in reader.runs():
            await Commands(made.path).stop(run.id)
    await until(lambda: not alive(made))


@pytest.fixture
def link(workspace: Workspace) -> Iterator[str]:
    """What `btp-tui serve` prints."""
    port = free_port()
    code = "from btp_tui.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "serve", f"--workspace={workspace.path}", f"--port={port}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline().split()[-1]  # Open LINK
    yield said
    process.terminate()
    process.wait(10)


def root_of(link: str) -> str:
    return link.partition("?")[0]


async def status(session: aiohttp.ClientSession, url: str, **headers: str) -> int:
    async with session.get(url, headers=headers) as answer:
        return answer.status


async def test_nobody_gets_in_without_the_token_and_with_it_once_is_enough(link: str) -> None:
    root = root_of(link)
    async with aiohttp.ClientSession() as session:
        for path in ("", "ws", "static/js/textual.js", "?token=wrong"):
            assert await status(session, root + path) == 403
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(link) as answer:
            assert (answer.status, str(answer.url)) == (200, root), "the token has left the URL"
        assert await status(session, root) == 200
        assert await status(session, root, Host="evil.example") == 403, "another name for loopback"
        assert await status(session, root, Origin="https://evil.example") == 403


async def test_a_cookie_that_is_no_text_is_refused_like_any_other(link: str) -> None:
    host = root_of(link).split("/")[2]
    name, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    asked = f"GET / HTTP/1.1\r\nHost: {host}\r\nCookie: btp-tui-{port}=".encode()
    writer.write(asked + b"\xff\xfe\r\n\r\n")
    assert b" 403 " in await reader.readline()
    writer.close()


async def screen_text(socket: aiohttp.ClientWebSocketResponse, wanted: str) -> str:
    """What the screen drew until a text was in it, without the positions."""
    drawn = ""
    async with asyncio.timeout(20):
        while wanted not in drawn:
            message = await socket.receive()
            drawn += message.data.decode("utf-8", "replace") if message.data else ""
    return drawn


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.1)


def alive(workspace: Workspace) -> list[str]:
    with Reader(workspace) as reader:
        return [run.name for run in reader.runs() if workspace.engine_alive(run.name)]


def state(workspace: Workspace) -> str:
    with Reader(workspace) as reader:
        [run] = reader.runs()
    return run.progress.state if run.progress else ""


async def test_a_key_starts_training_and_a_closed_tab_does_not_end_it(
    link: str, workspace: Workspace
) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        await status(session, link)
        async with session.ws_connect(f"{root_of(link)}ws?width=100&height=30") as socket:
            await screen_text(socket, "Start")
            await socket.send_json(["stdin", "d"])
            await until(lambda: alive(workspace))
        await asyncio.sleep(1.0)
        assert alive(workspace), "it goes on"
        async with session.ws_connect(f"{root_of(link)}ws?width=100&height=30") as socket:
            await screen_text(socket, alive(workspace)[0])


async def test_a_real_browser_shows_the_screen_takes_keys_and_may_close_its_tab(
    link: str, workspace: Workspace, tmp_path: Path
) -> None:
    find_chromium()
    async with chromium(tmp_path / "profile") as browser:
        async with browser.tab(link) as tab:
            await asyncio.sleep(3.0)  # fonts, socket, first frame
            assert await tab.evaluate("document.querySelectorAll('canvas, .xterm-rows').length")
            await tab.picture(tmp_path / "first.png")
            await tab.press("d")
            await until(lambda: alive(workspace))
        await asyncio.sleep(1.0)
        assert alive(workspace), "the tab is closed, training goes on"
        async with browser.tab(root_of(link)) as tab:  # the cookie lets it in again
            await asyncio.sleep(3.0)
            await tab.press("p")
            await until(lambda: state(workspace) == "paused")


def test_a_port_that_is_taken_is_one_sentence(link: str, tmp_path: Path) -> None:
    port = root_of(link).rstrip("/").rpartition(":")[2]
    ended = subprocess.run(
        [sys.executable, "-c", "from btp_tui.cli import main; main()", "serve", f"--port={port}"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=30,
    )
    assert ended.returncode == 2
    assert f"Port {port} of 127.0.0.1 cannot be listened on" in ended.stderr
    assert "Traceback" not in ended.stderr
