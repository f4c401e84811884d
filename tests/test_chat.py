"""Instruct models: what they are asked, and which code is taken from what they answer."""

from __future__ import annotations

import ast
import textwrap
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.executor import Executor
from core.prompts import PromptFormat
from core.prompts.chat import (
    answer_end,
    answer_with,
    code_from_answer,
    program_from_answer,
    user_message,
)
from core.prompts.fences import Block, fenced, fenced_blocks
from core.tasks import CallTest, StdioTest, Task
from core.tasks.load import load_tasks
from tests.conftest import real_data
from tests.tiny_models import byte_tokenizer

#: As Qwen writes turns; "|" stands for <|im_end|>.
TEMPLATE = (
    "{% for turn in messages %}<{{ turn.role }}>{{ turn.content }}|\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
TASK = Task("toy/1", "toy", "Double.", "\nDouble it.\n", (StdioTest("2", ("4",)),))
CODE = "def f(x):\n    return x + 1\n"
FENCED = 'def f(x):\n    """One more.\n\n    ```\n    f(1)\n    ```\n    """\n    return x + 1\n'

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
LINES = st.lists(
    st.sampled_from(
        ["x = 1", "```", "~~~", "  ```python", "````", "# ``` inside", "", "def f(): 0"]
    )
).map("\n".join)


@given(st.one_of(TEXTS, LINES))
def test_the_program_put_into_an_answer_is_taken_from_it(program: str) -> None:
    if "</think>" not in program:
        whole = program if program.endswith("\n") or not program else program + "\n"
        assert code_from_answer(answer_with(program)) == whole
        assert code_from_answer(f"Sure:\n\n{answer_with(program)}\n\nIt works.") == whole


@given(st.one_of(TEXTS, LINES))
def test_any_answer_gives_some_code(answer: str) -> None:
    assert isinstance(code_from_answer(answer), str)


@given(TEXTS, st.sampled_from(["", "python", "text"]))
def test_a_fenced_text_is_one_block(text: str, label: str) -> None:
    [block] = fenced_blocks(fenced(text, label))
    assert (block.label, block.text.removesuffix("\n")) == (label, text.removesuffix("\n"))


ANSWERS: dict[str, tuple[str, str]] = {
    "labelled": (f"Here:\n```python\n{CODE}```\nDone.", CODE),
    "label with more behind it": (f"```Python title=a.py\n{CODE}```", CODE),
    "label in braces": (f"```{{.python}}\n{CODE}```", CODE),
    "unlabelled": (f"```\n{CODE}```", CODE),
    "tildes": (f"~~~py\n{CODE}~~~", CODE),
    "closed by more": (f"```python\n{CODE}`````\nprose", CODE),
    "carriage returns": (f"```python\r\n{CODE}```\r\n", CODE),
    "in a list": ("1. So:\n\n   ```python\n   def f(x):\n       return x + 1\n   ```\n", CODE),
    "cut by the length limit": (f"So:\n```python\n{CODE}", CODE),
    "usage after it": (f"```python\n{CODE}```\nUse it:\n```python\nprint(f(1))\n```", CODE),
    "a draft before it": (f"```python\ndef f(x): return 0\n```\nNo:\n```python\n{CODE}```", CODE),
    "a shell command before it": (f"```bash\npip install x\n```\n```python\n{CODE}```", CODE),
    "an example of input before it": (f"```\n3\n4\n```\n```python\n{CODE}```", CODE),
    "an unfinished second try": (f"```python\n{CODE}```\nor\n```python\ndef f(x", CODE),
    "programs without functions": ("```\nn\n```\n```\nn = int(input())\nprint(n)\n```",) * 1
    + ("n = int(input())\nprint(n)\n",),
    "another label alone": (f"```java\n{CODE}```", CODE),
    "closed behind the last line": (f"```python\n{CODE.rstrip()}```\nSo:\n```\n1\n```", CODE),
    "opened behind a word": (f"Answer: ```python\n{CODE}```", CODE),
    "only closed": (f"{CODE}```", CODE),
    "a fence in a docstring": (f"```python\n{FENCED}```\nDone.", FENCED),
    "a fence in a docstring, in a list": (
        f"1. So:\n\n   ```python\n{textwrap.indent(FENCED, '   ')}   ```\nDone.",
        FENCED,
    ),
    "no fence": (CODE, CODE),
    "no fence, prose around": (f"Here it is:\n\n{CODE}\nThis adds one, of course!", CODE + "\n"),
    "no fence, cut short": ("def f(x):\n    return (x", "def f(x):\n    return (x"),
    "no code": ("I cannot do that.", "I cannot do that."),
    "a thought": (f"<think>\n```python\nx = 1\n```\n</think>\n```python\n{CODE}```", CODE),
    "a thought the template opened": (f"hm ```x``` hm\n</think>\n\n```python\n{CODE}```", CODE),
    "a thought without end": (f"<think>\nperhaps\n```python\n{CODE}```", ""),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_code_is_found_in_an_answer(kind: str) -> None:
    answer, expected = ANSWERS[kind]
    assert code_from_answer(answer) == expected


def test_of_several_blocks_the_one_with_the_called_function_is_the_program() -> None:
    answer = f"```python\n{CODE}```\nTests:\n```python\ndef test_f():\n    assert f(1) == 2\n```"
    task = replace(TASK, entry_point="f", tests=(CallTest((1,), (2,)),))
    assert program_from_answer(task, answer) == CODE
    assert "test_f" in program_from_answer(TASK, answer), "nothing says which is called"
    method = (
        f"```python\nclass Solution:\n{textwrap.indent(CODE, '    ')}```\n"
        "```python\nclass Test: pass\n```"
    )
    assert "class Solution" in program_from_answer(replace(task, entry_point="Solution.f"), method)


def test_code_in_a_long_answer_without_fences_is_found_at_once() -> None:
    prose = "This line is prose, and no Python at all.\n"
    started = time.perf_counter()
    assert code_from_answer(prose * 20 + CODE + prose * 3_000) == CODE
    assert time.perf_counter() - started < 1


def test_a_closing_fence_is_as_long_as_the_opening_one() -> None:
    assert fenced_blocks("````md\n```\nx\n```\n````\n") == [Block("md", "```\nx\n```\n")]


def test_the_message_says_what_to_write_and_how_to_answer() -> None:
    for task, said in (
        (TASK, "reads standard input"),
        (replace(TASK, entry_point="double"), "defines double"),
        (replace(TASK, prompt=CODE, completes_prompt=True), "```python\ndef f(x):"),
    ):
        message = user_message(task)
        assert said in message
        assert task.prompt.strip() in message
        assert "one fenced Python code block" in message


def chatting(end: str = "|") -> Any:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = TEMPLATE.replace("|", end)
    return tokenizer


def test_a_chat_model_is_asked_in_its_template_and_answers_in_a_fence() -> None:
    tokenizer = chatting()
    format = PromptFormat(tokenizer, chat=True, end_token_id=7)
    prompt = tokenizer.decode(format.prompt(TASK))
    assert prompt == f"<user>{user_message(TASK)}|\n<assistant>"
    *ids, last = format.completion_ids(TASK, CODE)
    assert tokenizer.decode(ids) == f"```python\n{CODE}```"
    assert last == 7
    assert format.program(TASK, tokenizer.decode(ids)) == CODE


def test_a_long_message_is_cut_but_the_template_and_the_instruction_stay() -> None:
    story = "A story. " * 300
    task = replace(TASK, description=story, prompt=f"QUESTION: {story}ANSWER:")
    prompt = chatting().decode(PromptFormat(chatting(), chat=True, room=900).prompt(task))
    assert 890 < len(prompt) <= 900
    assert prompt.startswith("<user>QUESTION: A story. A story.")
    assert prompt.endswith("code block that holds the whole program.|\n<assistant>")


def test_cut_messages_of_tasks_with_one_prompt_each_ask_for_their_own_function() -> None:
    format = PromptFormat(chatting(), chat=True, room=900)
    for name in ("one", "other"):
        task = replace(TASK, task_id=name, prompt="A story. " * 300, entry_point=name)
        assert f"defines {name}." in chatting().decode(format.prompt(task))


def test_a_template_makes_a_chat_model_only_if_the_model_stops_where_it_ends_an_answer() -> None:
    pipe = byte_tokenizer()("|")["input_ids"][0]
    assert answer_end(chatting(), (5, pipe)) == pipe
    assert answer_end(chatting(), (5,)) is None, "a base model with its instruct version's template"
    assert answer_end(byte_tokenizer(), (5, pipe)) is None
    broken = byte_tokenizer()
    broken.chat_template = "{{ raise_exception('no') }}"
    assert answer_end(broken, (pipe,)) is None


COMPLETING = Task(
    "toy/2",
    "toy",
    "",
    "from math import sqrt\n\n\ndef half(x):\n    return x / 2\n\n\n"
    'def f(x):\n    """Half the root."""\n',
    (CallTest((4,), (1.0,)),),
    entry_point="f",
    completes_prompt=True,
)


@pytest.mark.parametrize(
    "code",
    [
        "def f(x):\n    return half(sqrt(x))\n",
        "from __future__ import annotations\n\ndef f(x: int) -> float:\n    return half(sqrt(x))\n",
        "    return half(sqrt(x))\n",
        "return half(sqrt(x))\n",
        "import math\ndef half(x):\n    return x // 2\ndef f(x):\n    return half(math.sqrt(x))\n",
    ],
)
def test_an_answer_gets_what_it_lacks_of_the_prompt(code: str) -> None:
    program = program_from_answer(COMPLETING, answer_with(code))
    with Executor(workers=1) as executor:
        [(_, verdict)] = executor.run([(COMPLETING, program)])
    assert verdict.passed, verdict


def test_what_an_answer_defines_itself_is_left_as_it_is() -> None:
    code = "from math import sqrt\ndef half(x): return 0\ndef f(x): return 1\n"
    assert program_from_answer(COMPLETING, answer_with(code)) == code


def test_code_that_is_no_python_stays_as_it_is() -> None:
    assert program_from_answer(COMPLETING, "```python\ndef f(x:\n```") == "def f(x:\n"


def test_real_functions_run_without_the_imports_and_helpers_that_their_prompts_hold() -> None:
    """Of HumanEval's tasks those whose prompt defines more than the function asked for."""
    tasks = load_tasks(f"humaneval:{real_data('HumanEval.jsonl.gz')}")
    chosen = [task for task in tasks if _others(task)][:12]
    chosen += [task for task in tasks if any(isinstance(s, ast.FunctionDef) for s in _others(task))]
    assert len(chosen) > 14
    programs = []
    for task in chosen:
        body = ast.parse(task.reference or "").body
        function = next(s for s in body if getattr(s, "name", "") == task.entry_point)
        programs.append((task, program_from_answer(task, answer_with(ast.unparse(function)))))
    with Executor(workers=1) as executor:
        assert all(verdict.passed for _, verdict in executor.run(programs))


def _others(task: Task) -> list[ast.stmt]:
    body = ast.parse(task.reference or "").body
    return [statement for statement in body if getattr(statement, "name", "") != task.entry_point]
