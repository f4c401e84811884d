"""Does a little of everything once, before the first fork, so that no child has to do it first.

Code that has run is specialised, and memory that was used and let go lies ready. A child that did
either itself would write to pages that it shares with the zygote, and copying those is most of
what a short test costs: 390 copied pages and 3.4 ms a test without this, 205 and 1.3 ms with it.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

from .candidate import CandidatePeer
from .peer import Gone
from .program import Program
from .tester import Tester

_PRELUDE = "from typing import *\n"
_PROGRAM = """
import math
import sys

class Point:
    def __init__(self, x, y=0):
        self.x, self.y = x, y

def solve(numbers: List[int], text: str = "b a") -> int:
    words = {word: index for index, word in enumerate(sorted(text.split()))}
    total = 0
    for index, number in enumerate(numbers):
        while number > 9:
            number, rest = divmod(number, 10)
            total += rest
        if number % 2 == 0 and index in range(len(numbers)):
            total -= words.get("a", -1)
    try:
        point = Point(*map(int, "3 4".split()))
        return total + int(math.sqrt(point.x ** 2 + point.y ** 2))
    except ValueError as error:
        raise SystemExit(str(error))

lines = [f"{n:.2f}".strip() for n in (1, 2.5)]
lines.append(str(solve([12, 7, 305])))
print(" ".join(lines), len({1, 2}), sep="\\n")
"""
_JOB = {
    "entry": "solve",
    "helpers": "import math\n",
    "required": [],
    "tests": [
        {"source": "assert candidate([12, 7, 305]) == 12"},
        {"source": "assert abs(candidate([1.5], text='b') - 5) < 1e-6, 'no'"},
        {"source": "assert solve(numbers=[]) == 5"},
    ],
}
_TIMES = 10


def warm_up() -> None:
    """Runs a program, and tests of its function, some times over; leaves no trace but memory."""
    main_module, arguments = sys.modules["__main__"], sys.argv
    for _ in range(_TIMES):
        Program(_PRELUDE, _PROGRAM).run()
        _run_tests()
    sys.modules["__main__"], sys.argv = main_module, arguments


def _run_tests() -> None:
    """Tester and candidate in one process, which only works where both are harmless."""
    ours, theirs = (end.detach() for end in socket.socketpair())
    report = os.open(os.devnull, os.O_WRONLY)
    thread = threading.Thread(target=_answer, args=(theirs,))
    thread.start()
    Tester(ours, _JOB).run(report)
    os.close(ours)
    thread.join()
    os.close(theirs)
    os.close(report)


def _answer(channel: int) -> None:
    peer = CandidatePeer(channel, Program(_PRELUDE, _PROGRAM))
    try:
        while True:
            peer.answer(peer.receive())
    except Gone:
        pass
