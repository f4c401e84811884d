"""The executor that a configuration asks for."""

from __future__ import annotations

from core.config import ExecutorConfig
from core.executor.executor import Executor
from core.executor.limits import Limits
from core.executor.rules import Rules


def open_executor(config: ExecutorConfig) -> Executor:
    """An executor with the configured workers, limits and rules; raises CoreError."""
    limits = Limits(
        time_limit_s=config.time_limit_s,
        wall_limit_s=config.wall_limit_s,
        memory_mb=config.memory_mb,
        output_kb=config.output_kb,
    )
    rules = Rules(config.tokenwise, config.skip_after_timeout)
    return Executor(
        config.workers,
        limits,
        rules,
        allow_without_landlock=config.allow_without_landlock,
        allow_without_seccomp=config.allow_without_seccomp,
    )
