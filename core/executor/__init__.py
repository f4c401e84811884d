"""Runs model-written programs against tests, sandboxed, each in a fresh fork."""

from core.executor.executor import Executor
from core.executor.isolation import Isolation
from core.executor.limits import Limits
from core.executor.rules import Rules

__all__ = ["Executor", "Isolation", "Limits", "Rules"]
