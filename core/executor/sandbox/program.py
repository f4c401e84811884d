"""Runs a program's source as a module, and says what went wrong in it."""

from __future__ import annotations

import builtins
import sys
import types
from typing import Any

from .peer import text_of

FILE_NAME = "program.py"


class Program:
    """Task's prelude, then source, in one namespace; lines count in the source alone."""

    def __init__(self, prelude: str, source: str, name: str = "__main__") -> None:
        self._prelude = prelude
        self._source = source
        self.compiled = False
        self.module = types.ModuleType(name)
        self.module.__dict__.update(__builtins__=builtins, __file__=FILE_NAME)

    def run(self) -> None:
        """Executes it; whatever it raises comes out."""
        sys.modules["__main__"] = sys.modules[self.module.__name__] = self.module
        sys.argv = [FILE_NAME]
        namespace = self.module.__dict__
        code = compile(self._source, FILE_NAME, "exec", dont_inherit=True)
        self.compiled = True
        if self._prelude:
            exec(compile(self._prelude, "prelude.py", "exec", dont_inherit=True), namespace)
        exec(code, namespace)

    def describe(self, error: BaseException) -> dict[str, Any]:
        """Kind ("syntax", "memory", "denied", "error"), message and line, as one JSON object."""
        return {"kind": self._kind(error), "message": one_line(error), "line": line_of(error)}

    def _kind(self, error: BaseException) -> str:
        if not self.compiled and isinstance(error, (SyntaxError, ValueError)):
            return "syntax"  # ValueError: the source contains null bytes
        return kind_of(type(error))


def kind_of(cls: type) -> str:
    """The kind of outcome that an uncaught exception of this class means."""
    if issubclass(cls, MemoryError):
        return "memory"
    return "denied" if issubclass(cls, PermissionError) else "error"


def one_line(error: BaseException) -> str:
    """ "ValueError: invalid literal", as the last line of a traceback."""
    text = " ".join(text_of(error).split())
    name = type(error).__name__
    return f"{name}: {text}"[:500] if text else name


def line_of(error: BaseException) -> int | None:
    """The innermost line of the program that the error passed through."""
    if isinstance(error, SyntaxError) and error.filename == FILE_NAME:
        return error.lineno
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE_NAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
