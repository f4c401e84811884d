"""What hostile programs aim at: files, secrets and servers of the machine they run on."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A folder open to everybody with a `secret` and a `victim`, and a port with servers."""

    folder: Path
    port: int

    @classmethod
    @contextmanager
    def made(cls) -> Iterator[Surroundings]:
        """Makes the folder and starts the servers."""
        with (
            tempfile.TemporaryDirectory(prefix="btp-hostile-", dir="/tmp") as folder,
            socket.create_server(("127.0.0.1", 0)) as tcp,
            socket.socket(type=socket.SOCK_DGRAM) as udp,
            socket.socket(socket.AF_UNIX) as unix,
        ):
            port = tcp.getsockname()[1]
            udp.bind(("127.0.0.1", port))
            unix.bind(f"\0btp-{port}")
            unix.listen()
            Path(folder).chmod(0o777)
            surroundings = cls(Path(folder), port)
            surroundings.fill()
            yield surroundings

    def aim(self, program: str) -> str:
        """The program with the names of what it aims at."""
        aims = {"folder": self.folder, "port": self.port, "library": os.__file__}
        for name, value in aims.items():
            program = program.replace(f"{{{name}}}", str(value))
        return program.replace("{{", "{").replace("}}", "}")

    def fill(self) -> None:
        """Puts the folder into the state in which attacks find it."""
        for file in self.folder.iterdir():
            file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink()
        for name in ("secret", "victim"):
            (self.folder / name).write_text("SECRET\n")
            (self.folder / name).chmod(0o666)
            os.utime(self.folder / name, (1e9, 1e9))

    def state(self) -> list[tuple[object, ...]]:
        """All that an attack could change in the folder."""
        found: list[tuple[object, ...]] = []
        for file in sorted(self.folder.iterdir()):
            status = file.lstat()
            marks = (status.st_mode, status.st_uid, status.st_gid, status.st_mtime, status.st_nlink)
            found.append((file.name, *marks, file.read_text(), os.listxattr(file)))
        return found

    @contextmanager
    def exposed(self) -> Iterator[None]:
        """Gives this process a secret in its environment and in an inheritable open file."""
        secret = os.open(self.folder / "secret", os.O_RDONLY)
        os.set_inheritable(secret, True)
        os.environ["BTP_SECRET"] = "1"
        try:
            yield
        finally:
            del os.environ["BTP_SECRET"]
            os.close(secret)
