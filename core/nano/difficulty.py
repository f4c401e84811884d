"""How difficult an exercise is: by the size of what there is to write."""

from __future__ import annotations

import ast

from core.nano.exercise import Exercise
from core.nano.writing import statement

#: Levels, each with the size from which an exercise belongs to the next; thirds of all, about.
LEVELS = (("easy", 27), ("medium", 35))
LAST = "hard"


def size(exercise: Exercise) -> int:
    """The nodes in the syntax trees of the right statements, reading and returning left out."""
    statements = (statement(step, None, "a", "b") for step in exercise.steps)
    return sum(sum(1 for _ in ast.walk(ast.parse(text))) for text in statements)


def difficulty(exercise: Exercise) -> str:
    """The level an exercise belongs to, whatever its form and wording."""
    nodes = size(exercise)
    return next((level for level, border in LEVELS if nodes < border), LAST)
