"""Instruct models: a task as a user's message, and a program from the answer.

The answer is asked for as one fenced block, and read leniently: thoughts before it are no part of
it, several blocks or none are coped with. What a task's prompt defines and the answer leaves out
(imports, helper functions) is put before the program.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Collection
from typing import Any

from core.prompts.fences import Block, fenced, fenced_blocks
from core.tasks.source import defined_names, parse, unparse
from core.tasks.task import Task

_PYTHON = ("python", "python3", "py", "py3")
_STARTS_CODE = re.compile(r"(import|from|def|class|async def|if __name__)\b|@\w")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def user_message(task: Task) -> str:
    """What the user asks: the task's prompt, and the form of the answer."""
    if task.completes_prompt:
        return (
            "Complete this Python code. Answer with one fenced Python code block that holds the "
            f"whole function, its imports included.\n\n{fenced(task.prompt, 'python')}"
        )
    if task.entry_point is None:
        way = "reads standard input and writes standard output"
    else:
        way = f"defines {task.entry_point}"
    return (
        f"{task.prompt.strip()}\n\nWrite a Python program that {way}. "
        "Answer with one fenced Python code block that holds the whole program."
    )


def answer_with(program: str) -> str:
    """The answer from which `code_from_answer` takes this program."""
    return fenced(program, "python")


def code_from_answer(text: str, entry_point: str | None = None) -> str:
    """The code that an answer gives; empty where it holds nothing but an unfinished thought.

    Of several blocks those labelled Python go before unlabelled ones, and these before others; of
    them those that parse; of them the last that defines what is called, else the last that defines
    any function or class, else the longest. Without any block, or with empty ones beside code, it
    is the text itself, less the prose around it.
    """
    text = _without_thought(text)
    blocks = fenced_blocks(text)
    if not any(block.text.strip() for block in blocks):
        code = _without_prose(text)
        if not blocks or _parsed(code) is not None:
            return code
    candidates = _best_labelled(blocks)
    parsed = {block: body for block in candidates if (body := _parsed(block.text)) is not None}
    defined = {
        block: {statement.name for statement in body if isinstance(statement, _DEFINITIONS)}
        for block, body in parsed.items()
    }
    called = (entry_point or "").split(".")[0]
    defining = [block for block, names in defined.items() if called in names]
    defining = defining or [block for block, names in defined.items() if names]
    if defining:
        return defining[-1].text
    return max(reversed(list(parsed) or candidates), key=lambda block: len(block.text)).text


def program_from_answer(task: Task, text: str) -> str:
    """The whole program: the answer's code, with what it lacks of the task's prompt before it.

    That is each import and helper of the prompt that the code does not define itself. Code that
    is only the rest of the prompt's function follows the prompt.
    """
    code = code_from_answer(text, task.entry_point)
    if not task.completes_prompt:
        return code
    body = _parsed(code)
    if body is None or any(isinstance(statement, ast.Return) for statement in body):
        return _continued(task.prompt, code)
    given = {name for statement in body for name in defined_names(statement)}
    wanted = (task.entry_point or "").split(".")[0]
    missing = [
        statement
        for statement in _statements(task.prompt)
        if wanted not in (names := defined_names(statement)) and names and not names <= given
    ]
    return _inserted(code, body, unparse(missing))


def answer_end(tokenizer: Any, ends: Collection[int]) -> int | None:
    """The token by which the chat template ends an answer, if it is one that the model stops at.

    A base model often comes with the template of its instruct version, and never writes that token.
    """
    if not tokenizer.chat_template:
        return None
    mark = "42"
    turns = [{"role": "user", "content": "6 * 7"}, {"role": "assistant", "content": mark}]
    try:
        whole = tokenizer.apply_chat_template(turns, tokenize=False)
    except Exception:  # a template is a program, and may refuse such a conversation in any way
        return None
    after = tokenizer(whole.rpartition(mark)[2], add_special_tokens=False)["input_ids"]
    return next((token for token in after if token in ends), None)


def check_template(tokenizer: Any) -> None:
    """Raises ValueError, with the reason in a few words, where no user can be asked through it."""
    question = "6 * 7"
    turns = [{"role": "user", "content": question}]
    try:
        asked = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    except Exception as error:  # a template is a program, and may end in any way
        raise ValueError(f"it ends with {type(error).__name__}: {error}") from error
    if question not in asked:
        raise ValueError("it leaves out what the user says")


def chat_prompt(tokenizer: Any, task: Task) -> str:
    """The user's message in the template, up to where the answer begins.

    Models that can think first are told not to: a beam search has no room for a thought.
    """
    turns = [{"role": "user", "content": user_message(task)}]
    text: str = tokenizer.apply_chat_template(
        turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    return text


def _without_thought(text: str) -> str:
    """What follows the thought; the template may have opened it, and the model not closed it."""
    begins = text.lstrip().startswith("<think>")
    _, closed, answer = text.partition("</think>")
    if closed and (begins or "<think>" not in text):
        return answer
    return "" if begins else text


def _best_labelled(blocks: list[Block]) -> list[Block]:
    python = [block for block in blocks if block.label in _PYTHON]
    return python or [block for block in blocks if not block.label] or blocks


def _without_prose(text: str) -> str:
    """The text, if it is code; else from its first line of code on, as far as that parses."""
    if _parsed(text) is not None:
        return text
    lines = re.split(r"(?<=\n)", text)  # as Python counts them
    first = next((n for n, line in enumerate(lines) if _STARTS_CODE.match(line)), None)
    if first is None:
        return text
    end = len(lines)
    while end > first:
        code = "".join(lines[first:end])
        try:
            parse(code)
            return code
        except SyntaxError as error:  # no beginning that holds the line in question parses
            end = min(end - 1, first + (error.lineno or end) - 1)
    return "".join(lines[first:])


def _continued(prompt: str, code: str) -> str:
    """The prompt and the rest of its function, however that is indented; else the code alone."""
    indented = textwrap.indent(textwrap.dedent(code), "    ")
    for rest in (code, indented) if code[:1].isspace() else (indented,):
        if _parsed(prompt + rest) is not None:
            return prompt + rest
    return code


def _statements(prompt: str) -> list[ast.stmt]:
    """What a prompt defines, its last function still without a body."""
    found = (_parsed(prompt + body) for body in ("    pass\n", "\n    pass\n", ""))
    return next((body for body in found if body is not None), [])


def _inserted(code: str, body: list[ast.stmt], missing: str) -> str:
    """The code after what it lacks; imports from __future__ must stay in front of everything."""
    if not missing:
        return code
    future = [s for s in body if isinstance(s, ast.ImportFrom) and s.module == "__future__"]
    front = future[-1].end_lineno or 0 if future else 0
    lines = code.splitlines(keepends=True)
    return "".join(lines[:front]) + missing + "\n" + "".join(lines[front:])


def _parsed(code: str) -> list[ast.stmt] | None:
    """The statements of the code; None where it is no Python."""
    try:
        return parse(code)
    except SyntaxError:
        return None
