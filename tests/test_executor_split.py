"""The split tester: test code sees the candidate's functions and objects as in one process."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator

import pytest

from core.executor import Executor, Limits
from core.tasks import AssertTest, Outcome, Verdict
from tests.executor_tasks import asserts, call, judge, task

CANDIDATE = """
import collections, dataclasses, decimal, math
from collections import Counter, OrderedDict, defaultdict, deque

LIMIT = 7

class Refused(ValueError):
    pass

class Node:
    def __init__(self, value):
        self.value, self.next = value, None
    def __str__(self):
        return f"Node {self.value}"
    def __len__(self):
        return 1 + (len(self.next) if self.next else 0)
    def add(self, other):
        self.next = other
        return self

@dataclasses.dataclass(frozen=True, order=True)
class Point:
    x: int
    y: int
    def __add__(self, other):
        return Point(self.x + other.x, self.y + other.y)

class Tally(Counter):
    pass

class Only:
    made = None
    def __new__(cls):
        cls.made = cls.made or super().__new__(cls)
        return cls.made

def f(value):
    return value

def sort(numbers):
    numbers.sort()

def append(item, to=[]):
    to.append(item)
    return to

def refuse(value):
    raise Refused(f"no {value}")

def missing(table, key):
    return table[key]

def numbers(n):
    for number in range(n):
        yield number

def endless():
    n = 0
    while True:
        yield n
        n += 1

def twice(function, value):
    return function(function(value))

def by(key, values):
    return sorted(values, key=key)

def total(nodes):
    return sum(node.value for node in nodes)

def swallow(function):
    try:
        function()
    except KeyError as error:
        return f"caught {error}"

def apply(function, *arguments):
    return function(*arguments)

def chain(make, first, second):
    return make(first)(second)
"""

PASSING = [
    # values
    "assert f(3) == 3",
    "assert f((1, [2.5, None], {'k': {3}})) == (1, [2.5, None], {'k': {3}})",
    "assert type(f((1,))) is tuple and type(f([1])) is list",
    "import math\nassert math.isnan(f(float('nan'))) and f(-math.inf) < 0",
    "assert f(10**5000) == 10**5000",
    "from collections import Counter\nassert f(Counter('aab')).most_common(1) == [('a', 2)]",
    "assert isinstance(f(True), bool) and f(b'x') == b'x' and f(1j) == 1j",
    "import datetime\nassert f(datetime.date(2024, 2, 29)).year == 2024",
    # arguments
    "x = [3, 1, 2]\nassert sort(x) is None\nassert x == [1, 2, 3]",
    "x = {'a': [1]}\ny = f(x)\nassert y is x",
    "x = [1]\nassert f([x, x])[0] is x",
    "assert f(value=4) == 4",
    "assert append(1) == [1] and append(2) == [1, 2]",
    # exceptions
    "try:\n    refuse(3)\n    assert 0\nexcept ValueError as e:\n    assert str(e) == 'no 3'",
    "try:\n    refuse(3)\nexcept Refused as error:\n    assert error.args == ('no 3',)",
    "try:\n    missing({}, 'k')\nexcept KeyError as error:\n    assert error.args == ('k',)",
    "import unittest\nwith unittest.TestCase().assertRaisesRegex(Refused, 'no'):\n    refuse(1)",
    # functions that cross
    "assert twice(lambda v: v * 3, 2) == 18",
    "assert by(len, ['ccc', 'a', 'bb']) == ['a', 'bb', 'ccc']",
    "assert by(lambda v: -v, [1, 3, 2]) == [3, 2, 1]",
    "assert twice(f, 1) == 1",
    "def boom():\n    raise KeyError('k')\nassert swallow(boom) == \"caught 'k'\"",
    "calls = []\ntwice(lambda v: calls.append(v), 1)\nassert calls == [1, None]",
    "assert list(f(iter([1, 2]))) == [1, 2]",
    "assert f(map(str, [1])) is not None",
    "import math, operator\nassert twice(math.floor, 2.5) == apply(operator.add, 1, 1) == 2",
    "import functools, operator\nassert twice(functools.partial(operator.add, 2), 1) == 5",
    "import functools, operator\nassert apply(functools.reduce, operator.mul, [2, 3, 4]) == 24",
    "import itertools\nassert list(apply(itertools.chain, [1], [2])) == [1, 2]",
    "assert apply(type, 1) is int and apply(getattr, 1j, 'imag') == 1 and apply(eval, '6') == 6",
    "assert apply(print, 'x') is None and apply(isinstance, 3, int)",
    "assert chain(lambda n: lambda v: v + n, 2, 3) == 5",
    "class Adder:\n def __init__(self, n): self.n = n\n def __call__(self, v): return v + self.n\n"
    "assert chain(Adder, 2, 3) == 5 and twice(Adder(1), 1) == 3",
    "assert list(apply(lambda: iter([1, 2]))) == [1, 2]",
    "assert list(apply(lambda n: (v * v for v in range(n)), 3)) == [0, 1, 4]",
    "def g(v):\n    return v\nassert apply(lambda: g) is g",
    "class Mine: pass\nassert swallow(Mine) is None",
    "from unittest.mock import Mock\nm = Mock()\nswallow(m)\nm.assert_called_once_with()",
    "try:\n    next(f(iter([])))\n    assert 0\nexcept StopIteration:\n    pass",
    "assert f([1, 2, 3])[1:] == [2, 3] and f(slice(1, None)) == slice(1, None)",
    # generators
    "assert list(numbers(3)) == [0, 1, 2]",
    "assert sum(numbers(4)) == 6 and 2 in numbers(3) and 5 not in numbers(3)",
    "g = endless()\nassert [next(g), next(g)] == [0, 1]",
    "assert [a + b for a, b in zip(numbers(3), numbers(3))] == [0, 2, 4]",
    # objects
    "node = Node(1)\nnode.next = Node(2)\nassert len(node) == 2 and node.next.value == 2",
    "assert str(Node(5)) == 'Node 5' and f'{Node(5)}' == 'Node 5'",
    "assert Node(1).add(Node(2)).next.value == 2",
    "assert total([Node(1), Node(2)]) == 3",
    "node = Node(1)\nassert f(node) is f(node) or f(node) == node",
    "assert Point(1, 2) == Point(1, 2) and Point(1, 2) != Point(2, 1)",
    "assert (Point(1, 2) + Point(3, 4)).x == 4 and Point(0, 1) < Point(0, 2)",
    "assert Point(1, 2) in [Point(0, 0), Point(1, 2)]",
    "assert not hasattr(Node(1), 'nothing')",
    "try:\n    Node(1).nothing\nexcept AttributeError as e:\n    assert 'nothing' in str(e)",
    "nodes = {Node(1): 'a'}\nassert list(nodes.values()) == ['a']",
    "assert len({Point(1, 2), Point(1, 2), Point(2, 1)}) == 2",
    "assert isinstance(Node(1), Node) and not isinstance(Point(1, 2), Node)",
    "assert not isinstance(3, Node)",
    "assert Only() is Only()",
    "assert f(Tally('aab')).most_common(1) == [('a', 2)]",
    # names that the test does not define
    "assert LIMIT == 7",
    "assert math.floor(2.5) == 2 and collections.Counter('a')['a'] == 1",
    "assert candidate(3) == 3",
    "def check(g):\n    assert g(LIMIT) == 7\ncheck(candidate)",
    "assert all(f(n) == n for n in range(20))",
]
FAILING = [
    "assert f(3) == 4",
    "assert list(numbers(3)) == [0, 1]",
    "x = [2, 1]\nsort(x)\nassert x == [2, 1]",
    "assert Node(1) == 1",
    "assert Point(1, 2) == (1, 2)",
]
RAISING = [
    ("refuse(3)", "Refused: no 3", 48),
    ("nothing(3)", "NameError: name 'nothing' is not defined", None),
    ("missing([], 0)", "IndexError: list index out of range", 51),
    ("Node(1) + 1", "unsupported operand", None),
    ("Node(1) < 1", "not supported", None),
    ("assert Node(1).nothing", "has no attribute 'nothing'", None),
    ("assert numbers(3)[:2] == [0, 1]", "object is not subscriptable", None),
    ("list(map(lambda v: apply(next, iter(v)), [[]]))", "the program raised StopIteration", 79),
    ("class Mine: pass\nassert apply(Mine) is None", "only the test can use", None),
    ("class Mine: pass\nassert chain(lambda v: Mine(), 1, 2)", "only the test can use", None),
]


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    limits = Limits(time_limit_s=2.0, wall_limit_s=10.0)
    with Executor(workers=2, limits=limits) as executor:
        yield executor


@pytest.fixture(scope="module")
def verdicts(executor: Executor) -> dict[str, Verdict]:
    """The verdict on every test of this file, each judged by itself."""
    sources = [*PASSING, *FAILING, *(source for source, _, _ in RAISING)]
    found = executor.run((asserts(source), CANDIDATE) for source in sources)
    return {sources[index]: verdict for index, verdict in found}


@pytest.fixture(scope="module")
def one_process() -> Iterator[types.ModuleType]:
    """The candidate as an ordinary module of this process."""
    module = sys.modules["candidate"] = types.ModuleType("candidate")
    exec(CANDIDATE, module.__dict__)
    yield module
    del sys.modules["candidate"]


@pytest.mark.parametrize("source", PASSING)
def test_a_test_passes_as_in_one_process(
    source: str, verdicts: dict[str, Verdict], one_process: types.ModuleType
) -> None:
    together = dict(vars(one_process))
    exec(source, {**together, "candidate": together["f"]})
    assert verdicts[source].tests[0].message == ""
    assert verdicts[source].passed
    assert verdicts[source].path == "split"


@pytest.mark.parametrize("source", FAILING)
def test_a_failed_assertion_is_a_wrong_answer(source: str, verdicts: dict[str, Verdict]) -> None:
    assert verdicts[source].outcome == Outcome.WRONG_ANSWER


def test_a_test_that_needs_a_package_that_is_not_there_is_unsupported(executor: Executor) -> None:
    needing = asserts("import numpy\nassert numpy.isclose(f(1), 1)")
    assert judge(executor, needing, "def f(x): return x").outcome == Outcome.UNSUPPORTED
    raising = "def f(x): raise ModuleNotFoundError('numpy')"
    assert judge(executor, asserts("assert f(1)"), raising).outcome == Outcome.ERROR


@pytest.mark.parametrize(("source", "message", "line"), RAISING)
def test_an_exception_is_an_error_with_its_message_and_line(
    source: str, message: str, line: int | None, verdicts: dict[str, Verdict]
) -> None:
    assert verdicts[source].outcome == Outcome.ERROR
    assert message in verdicts[source].tests[0].message
    assert verdicts[source].tests[0].line == line


def test_helper_functions_come_from_the_task_not_from_the_candidate(executor: Executor) -> None:
    program = "def helper(x): return 'forged'\ndef f(x): return x"
    helpers = "def helper(x):\n    return x + 1"
    verdict = judge(executor, asserts("assert helper(f(1)) == 2", test_helpers=helpers), program)
    assert verdict.passed


def test_set_up_code_may_build_the_candidates_objects(executor: Executor) -> None:
    helpers = "root = Node(1)\nroot.next = Node(2)"
    verdict = judge(
        executor,
        asserts("assert len(root) == 2", entry_point=None, test_helpers=helpers),
        CANDIDATE,
    )
    assert verdict.passed


def test_a_required_name_must_be_the_programs_own(executor: Executor) -> None:
    needs = asserts("assert f(1) == 1", test_helpers="def g(): pass", required_names=("g",))
    assert judge(executor, needs, "def f(x): return x").outcome == Outcome.ERROR
    assert judge(executor, needs, "def f(x): return x\ndef g(): pass").passed


def test_the_actual_value_is_shown_with_a_wrong_answer(executor: Executor) -> None:
    verdict = judge(executor, asserts("assert f(3) == 4"), CANDIDATE)
    assert verdict.tests[0].actual == "3"
    verdict = judge(executor, call(list(range(1000)), returns=0), CANDIDATE)
    assert len(verdict.tests[0].actual) <= 500


def test_an_object_of_the_test_that_cannot_cross_is_unsupported(executor: Executor) -> None:
    source = "class Mine: pass\nassert f(Mine()) is not None"
    verdict = judge(executor, asserts(source), CANDIDATE)
    assert verdict.outcome == Outcome.UNSUPPORTED
    assert verdict.pass_rate is None
    assert "Mine" in verdict.tests[0].message


def test_an_unknown_literal_is_unsupported(executor: Executor) -> None:
    assert judge(executor, call(object(), returns=1), CANDIDATE).outcome == Outcome.UNSUPPORTED


def test_tests_of_one_program_do_not_share_names(executor: Executor) -> None:
    tests = (AssertTest("leak = 1\nassert f(1) == 1"), AssertTest("assert leak == 1"))
    verdict = judge(executor, task(*tests, entry_point="f"), CANDIDATE)
    assert [test.outcome.value for test in verdict.tests] == ["passed", "error"]


def test_a_candidate_that_shadows_a_builtin_is_tested_as_itself(executor: Executor) -> None:
    program = "def sum(a, b): return a * 10 + b"
    assert judge(executor, asserts("assert sum(1, 2) == 12", entry_point="sum"), program).passed


def test_hostile_test_code_is_sandboxed_too(executor: Executor) -> None:
    for source in ("import os; os.fork()", "open('/etc/passwd')", "import socket; socket.socket()"):
        assert judge(executor, asserts(source), CANDIDATE).outcome == Outcome.ERROR
    endless = asserts("while True: pass", time_limit_s=0.3)
    assert judge(executor, endless, CANDIDATE).outcome == Outcome.TIMEOUT


def test_arguments_are_those_of_the_test_whatever_is_accepted(executor: Executor) -> None:
    tested = call([22, -6, 32], returns=[-6, 32])
    assert judge(executor, tested, "def f(values):\n    return values[1:]\n").passed
    assert not judge(executor, tested, "def f(values):\n    return values\n").passed
