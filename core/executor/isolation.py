"""What separates programs from this machine, as attempted and found at start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Isolation:
    """The layers that hold; `proofs` maps each to the attempt that showed it."""

    proofs: dict[str, str]

    @property
    def seccomp(self) -> bool:
        """Whether processes, sockets and signals are out of reach."""
        return "seccomp" in self.proofs

    @property
    def landlock(self) -> bool:
        """Whether files are out of reach."""
        return "landlock" in self.proofs

    def __str__(self) -> str:
        layers = ", ".join(self.proofs)
        missing = "" if self.landlock else "; WITHOUT landlock"
        missing += "" if self.seccomp else "; WITHOUT seccomp"
        return f"{layers}; a fresh fork for every run{missing}"
