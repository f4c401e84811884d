"""A model's programs for some tasks, judged and printed: before and after a run at a glance."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from core.config import Config
from core.errors import CoreError
from core.executor.configured import open_executor
from core.models import choose_device, load_student
from core.program import Program
from core.prompts.fitting import check_any, fitting_tasks
from core.sampler import Sampler
from core.tasks import Task, Verdict
from core.tasks.load import load_tasks
from core.words import percent

_STYLES = {True: ("✓", "green"), False: ("✗", "red")}


def sample_and_judge(
    config: Config, spec: str, limit: int, console: Console, quiet: bool
) -> dict[str, Any]:
    """Samples `config.sampler.beams` programs for each of the first `limit` tasks and tests them.

    Returns tasks, programs, accuracy (share of tasks whose most probable program passes), solved
    (share with any passing program) and pass_rate (mean over all programs); prints unless `quiet`.
    A task that does not fit into the model's context counts as not solved. Raises CoreError where
    the settings ask a server.
    """
    if config.sampler.where == "endpoint":
        raise CoreError('This command samples here: set sampler.where = "here".')
    tasks = load_tasks(spec, limit=limit, customs=config.tasks.custom)
    student = load_student(config.model, choose_device(config.device))
    sampler = Sampler(student, config.sampler)
    fitting, fit = fitting_tasks(sampler.prompts, tasks)
    check_any(fitting, fit, sampler.prompts.room)
    sampled: list[tuple[Task, Program]] = []
    verdicts: dict[int, Verdict] = {}
    with open_executor(config.executor) as executor:
        for task, programs in sampler.sample(fitting):
            sampled += [(task, program) for program in programs]
        pairs = ((task, program.text) for task, program in sampled)
        verdicts.update(executor.run(pairs))
    if not quiet:
        for index, (task, program) in enumerate(sampled):
            _print(console, task, program, verdicts[index])
    summary = _summary(len(tasks), sampled, verdicts)
    if not quiet:
        if said := fit.sentence(sampler.prompts.room, config.sampler):
            console.print(said)
        console.print(
            f"{percent(summary['accuracy'])} of {len(tasks)} tasks solved by the most probable "
            f"program, {percent(summary['solved'])} by any of {config.sampler.beams}."
        )
    return summary


def _summary(
    n_tasks: int, sampled: list[tuple[Task, Program]], verdicts: dict[int, Verdict]
) -> dict[str, Any]:
    passed = [
        (task.task_id, program.rank)
        for index, (task, program) in enumerate(sampled)
        if verdicts[index].passed
    ]
    rates = [verdict.pass_rate or 0.0 for verdict in verdicts.values()]
    return {
        "tasks": n_tasks,
        "programs": len(sampled),
        "accuracy": sum(rank == 0 for _, rank in passed) / n_tasks,
        "solved": len({task_id for task_id, _ in passed}) / n_tasks,
        "pass_rate": sum(rates) / len(rates),
    }


def _print(console: Console, task: Task, program: Program, verdict: Verdict) -> None:
    if program.rank == 0:
        console.rule(Text(task.task_id, style="bold"), align="left")
        console.print(Text(task.description.strip()), soft_wrap=False)
    sign, style = _STYLES[verdict.passed]
    passed = sum(test.outcome == "passed" for test in verdict.tests)
    line = Text(f"{sign} {verdict.outcome}", style=style)
    line.append(f"  {passed} of {len(verdict.tests)} tests", style="default")
    if program.logprob is not None and program.n_tokens:
        per_token = math.exp(program.logprob / program.n_tokens)
        line.append(f"  P {math.exp(program.logprob):.3g}, {per_token:.3f} a token", style="dim")
    console.print(line)
    console.print(Syntax(program.text.rstrip(), "python", background_color="default"))
