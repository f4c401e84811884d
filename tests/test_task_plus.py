"""HumanEval+ and MBPP+: each input a test of its own, judged as the published assertion does."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import CoreError
from core.executor import Executor, Limits
from core.tasks import AssertTest, Outcome, Task
from core.tasks.constants import constant_programs
from core.tasks.describe import describe_tests
from core.tasks.load import load_tasks

#: What the published test code of both datasets begins with, in its layout.
ASSERTION = """

import numpy as np

def is_floats(x) -> bool:
    # check if it is float; List[float]; Tuple[float]
    if isinstance(x, float):
        return True
    if isinstance(x, (list, tuple)):
        return all(isinstance(i, float) for i in x)
    if isinstance(x, np.ndarray):
        return x.dtype == np.float64 or x.dtype == np.float32
    return False


def assertion(out, exp, atol):
    exact_match = out == exp

    if atol == 0 and is_floats(exp):
        atol = 1e-6
    if not exact_match and atol != 0:
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert exact_match

"""
CHECK = """
def check(candidate):
    inputs = {inputs}
    results = {results}
    for i, (inp, exp) in enumerate(zip(inputs, results)):
        assertion(candidate(*inp), exp, {atol})
"""
HUMANEVAL_PLUS: dict[str, Any] = {
    "task_id": "HumanEval/900",
    "prompt": "def scaled(x, by):\n    '''x times by.'''\n",
    "canonical_solution": "\n    return [v * by for v in x] if isinstance(x, list) else x * by\n",
    "entry_point": "scaled",
    "test": ASSERTION
    + CHECK.format(
        inputs="[[1, 2], [[0.1, 0.2], 3], ['ab', 2], [(), 1]]",
        results="[2, [0.3, 0.6], 'abab', ()]",
        atol=0,
    ),
}
MBPP_PLUS: dict[str, Any] = {
    "task_id": 602,
    "code": "\nimport re\ndef first(text, default=None):\n"
    "    return text[0] if text else default\n",
    "prompt": "Write a function to find the first letter.",
    "source_file": "Benchmark Questions Verification V2.ipynb",
    "test_imports": ["import math"],
    "test_list": ['assert first("ab") == "a"'],
    "test": ASSERTION
    + "\ninputs = [['ab'], ['', -1]]\nresults = ['a', -1]\n"
    + "for i, (inp, exp) in enumerate(zip(inputs, results)):\n"
    + "    assertion(first(*inp), exp, 0)\n",
}
Load = Callable[..., Task]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Writes one record with changes into a file and loads it."""

    def load_record(record: dict[str, Any], **changes: Any) -> Task:
        name = "humaneval+" if "entry_point" in record else "mbpp+"
        file = tmp_path / "records.jsonl"
        file.write_text(json.dumps(record | changes) + "\n")
        [task] = load_tasks(f"{name}:{file}")
        return task

    return load_record


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    """Allows plenty of wall-clock time: the machine may be busy with other tests."""
    with Executor(workers=1, limits=Limits(wall_limit_s=60)) as running:
        yield running


def outcomes(executor: Executor, task: Task, program: str) -> list[str]:
    """How each test of the program ended."""
    [(_, verdict)] = executor.run([(task, program)])
    assert Outcome.UNSUPPORTED not in [test.outcome for test in verdict.tests], verdict
    return [str(test.outcome) for test in verdict.tests]


def sources(task: Task) -> list[str]:
    """The tests as Python."""
    return [test.source for test in task.tests if isinstance(test, AssertTest)]


def test_each_input_is_a_test_of_its_own(load: Load) -> None:
    assert sources(load(HUMANEVAL_PLUS)) == [
        "assertion(candidate(1, 2), 2, 0)\n",
        "assertion(candidate([0.1, 0.2], 3), [0.3, 0.6], 0)\n",
        "assertion(candidate('ab', 2), 'abab', 0)\n",
        "assertion(candidate((), 1), (), 0)\n",
    ]
    assert sources(load(MBPP_PLUS)) == [
        "assertion(first('ab'), 'a', 0)\n",
        "assertion(first('', -1), -1, 0)\n",
    ]


def test_both_references_pass_and_half_right_programs_half(load: Load, executor: Executor) -> None:
    for record in (HUMANEVAL_PLUS, MBPP_PLUS):
        task = load(record)
        assert set(outcomes(executor, task, str(task.reference))) == {"passed"}
    half = "def first(text, default=None):\n    return text[:1]\n"
    assert outcomes(executor, load(MBPP_PLUS), half) == ["passed", "wrong answer"]


@pytest.mark.parametrize(
    ("atol", "expected", "returned", "passes"),
    [
        ("0", "1.0", "1.0 + 9e-7", True),  # a float is expected: 1e-6, and 1e-7 of it
        ("0", "1.0", "1.0 + 3e-6", False),
        ("0", "[1.0, 2.0]", "[1.0 + 9e-7, 2.0]", True),
        ("0", "[1.0, 2.0]", "[1.0 + 3e-6, 2.0]", False),
        ("0", "[1.0, 2.0]", "[1.0]", False),
        ("0", "[1.0, 2.0]", "1.0", False),
        ("0", "[1, 2.0]", "[1 + 9e-7, 2.0]", False),  # not all floats: exactly equal
        ("0", "1", "1 + 9e-7", False),
        ("0.01", "1", "1.009", True),
        ("0.01", "1", "1.011", False),
        ("0.01", "[[1.0], [2.0]]", "[[1.009], [2.0]]", True),
        ("0", "1.0", "'1.0'", False),
        ("0", "float('inf')", "float('inf')", True),
        ("1e-6", "float('inf')", "1e308", False),
        ("1e-6", "1.0", "float('nan')", False),
    ],
)
def test_the_tolerance_is_that_of_the_assertion(
    atol: str, expected: str, returned: str, passes: bool, load: Load, executor: Executor
) -> None:
    check = CHECK.format(inputs="[[]]", results=f"[{expected}]", atol=atol)
    task = load(HUMANEVAL_PLUS, test=ASSERTION + check)
    program = f"def scaled():\n    return {returned}\n"
    assert (outcomes(executor, task, program) == ["passed"]) == passes


def test_answers_that_a_published_function_gives_are_asked_of_it(
    load: Load, executor: Executor
) -> None:
    test = ASSERTION + (
        "def ref_func(n):\n    return [n] * n\n\n\ndef check(candidate):\n"
        "    inputs = [[1], [30]]\n    for i, inp in enumerate(inputs):\n"
        "        assertion(candidate(*inp), ref_func(*inp), 0)\n"
    )
    task = load(HUMANEVAL_PLUS, test=test)
    assert sources(task)[1] == "assertion(candidate(30), ref_func(30), 0)\n"
    program = "def scaled(n):\n    return [n] if n < 9 else []\n"
    assert outcomes(executor, task, program) == ["passed", "wrong answer"]


def test_the_oracle_of_humaneval_32_takes_the_answer_as_the_number_it_is(
    load: Load, executor: Executor
) -> None:
    """As exported it unpacks the number, which no program could pass."""
    test = (
        "import math\n\ndef _poly(xs: list, x: float):\n"
        "    return sum([coeff * math.pow(x, i) for i, coeff in enumerate(xs)])\n\n\n"
        "def check(candidate):\n    inputs = [[[1, 2]], [[-6, 11, -6, 1]]]\n"
        "    results = [-0.5, 1.0]\n    for i, (inp, exp) in enumerate(zip(inputs, results)):\n"
        "        assert _poly(*candidate(*inp), inp) <= 0.0001\n"
    )
    task = load(HUMANEVAL_PLUS, test=test)
    assert sources(task)[0] == "assert abs(_poly([1, 2], candidate([1, 2]))) <= 0.0001\n"
    program = "def scaled(xs):\n    return -0.5 if len(xs) == 2 else 0.0\n"
    assert outcomes(executor, task, program) == ["passed", "wrong answer"]


def test_an_exported_assertion_that_asserts_nothing_is_mended(
    load: Load, executor: Executor
) -> None:
    """Those of MBPP+ 737, 787 and 794 only compare."""
    silent = (
        "def assertion(out, exp, atol):\n    if isinstance(out, bool):\n"
        "        exact_match = out == exp\n    else:\n"
        "        exact_match = exp == (out is not None)\n\n"
    )
    test = MBPP_PLUS["test"].replace(ASSERTION, silent).replace("['a', -1]", "[True, False]")
    task = load(MBPP_PLUS, test=test)
    assert outcomes(executor, task, "def first(*_):\n    return 1\n") == ["passed", "wrong answer"]


def test_numbers_of_more_digits_than_python_reads_are_read(load: Load, executor: Executor) -> None:
    digits = "7" * 5_000
    check = CHECK.format(inputs=f"[[{digits}], ['{digits}']]", results=f"[{digits}, 0]", atol=0)
    task = load(HUMANEVAL_PLUS, test=ASSERTION + check)
    assert len(task.tests) == 2
    assert f"'{digits}'" in sources(task)[1]  # a text stays one
    program = "def scaled(x):\n    return x if isinstance(x, int) else 0\n"
    assert outcomes(executor, task, program) == ["passed", "passed"]


@pytest.mark.parametrize(
    ("published", "other"),
    [
        ("inputs = [", "inputs = list() + ["),
        ("first(*inp), exp", "first(*inputs[i]), exp"),
        ("\nfor i, (inp", "\nassert len(inputs) == 2\nfor i, (inp"),
        ("exp, 0)\n", "exp, 0)\nassert first('x') == 'x'\n"),
    ],
)
def test_test_code_of_another_form_stays_one_test(
    published: str, other: str, load: Load, executor: Executor
) -> None:
    assert published in MBPP_PLUS["test"]
    task = load(MBPP_PLUS, test=MBPP_PLUS["test"].replace(published, other))
    assert len(task.tests) == 1
    assert outcomes(executor, task, str(task.reference)) == ["passed"]
    assert outcomes(executor, task, "def first(*_):\n    return 'a'\n") == ["wrong answer"]


def test_a_program_is_asked_for_as_the_shorter_benchmark_asks(load: Load) -> None:
    plus = load(HUMANEVAL_PLUS)
    assert (plus.task_id, plus.dataset) == ("humaneval+/HumanEval/900", "humaneval+")
    assert (plus.prompt, plus.completes_prompt) == (HUMANEVAL_PLUS["prompt"], True)
    plus = load(MBPP_PLUS)
    assert (plus.task_id, plus.entry_point) == ("mbpp+/602", "first")
    assert plus.prompt == '"""\n{prompt}\n{test_list[0]}\n"""\n'.format(**MBPP_PLUS)


def test_tests_are_shown_as_what_goes_in_and_what_must_come_out(load: Load) -> None:
    assert describe_tests(load(HUMANEVAL_PLUS))[0] == ("scaled(1, 2)", "2")
    assert describe_tests(load(MBPP_PLUS))[1] == ("first('', -1)", "-1")


def test_tests_that_a_constant_passes_are_told_from_those_that_none_can(load: Load) -> None:
    assert constant_programs(load(HUMANEVAL_PLUS)) == {}
    test = HUMANEVAL_PLUS["test"].replace("[2, [0.3, 0.6], 'abab', ()]", "[7, 7, 7, 7]")
    assert set(constant_programs(load(HUMANEVAL_PLUS, test=test))) == {"7"}


@pytest.mark.parametrize(
    ("test", "sentence"),
    [
        ("def check(candidate)", "'test' is not valid Python"),
        ("def check(candidate):\n    pass", "has no tests"),
        (7, "'test' must be a text, not 7"),
    ],
)
def test_test_code_that_is_wrong_is_named_by_file_line_and_field(
    test: Any, sentence: str, load: Load
) -> None:
    with pytest.raises(CoreError, match=sentence) as caught:
        load(HUMANEVAL_PLUS, test=test)
    assert "records.jsonl, line 1" in str(caught.value)
