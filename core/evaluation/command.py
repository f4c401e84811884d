"""`btp-tui eval`: options in, a table or one JSON object out; the measuring is in `measure`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from core.command_line import (
    DEFAULT_WORKSPACE,
    ConfigOption,
    JsonOption,
    OfflineOption,
    SetOption,
    WorkspaceOption,
    progress_bar,
)
from core.config import Config
from core.config_reading import load_config
from core.errors import CoreError
from core.evaluation.decoding import Decoding, Name
from core.evaluation.subject import find_subject
from core.files import check_writable
from core.offline import stay_offline
from storage.workspace import Workspace

SAMPLES = 10
_DEFAULT_KS = (1, 5, 10)


def evaluate_model(
    model: Annotated[
        str,
        typer.Argument(help="nano, nano-teacher, a folder, a hub id, a RUN, or RUN/CHECKPOINT."),
    ],
    tasks: Annotated[
        list[str],
        typer.Argument(metavar="TASKS", help="NAME[:PART][:PATH]; nano:held-out, mbpp:test."),
    ],
    decoding: Annotated[
        Name,
        typer.Option(help="The most probable program, that of k beams, or draws for pass@k."),
    ] = "beam",
    beams: Annotated[
        int | None, typer.Option(min=1, help="Of beam: how many [default: sampler.beams].")
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(min=1, help=f"Of sample: draws a task [default: {SAMPLES}]."),
    ] = None,
    k: Annotated[
        str,
        typer.Option(
            help="Programs handed in, as 1,5,10: pass@k of samples, and the k most probable "
            "[default: 1; of samples 1,5,10].",
            show_default=False,
        ),
    ] = "",
    temperature: Annotated[
        float | None, typer.Option(help="Of sample [default: sampler.temperature].")
    ] = None,
    top_p: Annotated[float | None, typer.Option(help="Of sample [default: sampler.top_p].")] = None,
    max_new_tokens: Annotated[
        int | None,
        typer.Option(min=1, help="Longest program [default: sampler.max_new_tokens]."),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=0, help="Only the first so many tasks of each dataset; 0: all.")
    ] = 0,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of draws and intervals [default: seed].")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write a JSON line a program here, with its text.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    config: ConfigOption = None,
    settings: SetOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure a model on tasks, with intervals.

    A RUN is its best checkpoint, and begins with the settings that the run was made with. Intervals
    are bootstrapped over the tasks. Nothing is stored, but for the file of --out.
    """
    subject = find_subject(model, Workspace(workspace))
    begin = ["sampler.where=here"] if subject.config else []
    options = {
        "sampler.strategy": "beam",  # --decoding says; that of a run may not fit the other options
        "sampler.beams": beams,
        "sampler.temperature": temperature,
        "sampler.top_p": top_p,
        "sampler.max_new_tokens": max_new_tokens,
        "seed": seed,
        "model.path": json.dumps(subject.path),
        "model.offline": "true" if offline else None,
    }
    given = [f"{key}={value}" for key, value in options.items() if value is not None]
    chosen = load_config(config or subject.config, [*begin, *(settings or []), *given])
    how = _decoding(decoding, beams, samples, k, chosen)
    if decoding != "sample" and (temperature is not None or top_p is not None):
        raise CoreError("--temperature and --top-p go with --decoding sample.")
    stay_offline(chosen)
    if out:
        check_writable(out)

    from core.evaluation.figures import report
    from core.evaluation.measure import ask, measure
    from core.evaluation.output import as_json_of, table, written_to

    asked = ask(chosen, tasks, limit)
    with written_to(out) as write, progress_bar("eval") as show:
        measured = measure(chosen, asked, how, show, write)
    found = report(measured, how, chosen.seed)
    if as_json:
        print(json.dumps(as_json_of(model, chosen, how, measured, found)))
    else:
        print("\n".join(table(model, chosen, how, measured, found)))


def _decoding(
    name: Name, beams: int | None, samples: int | None, k: str, config: Config
) -> Decoding:
    if name != "sample" and samples is not None:
        raise CoreError("--samples goes with --decoding sample.")
    if name != "beam" and beams is not None:
        raise CoreError("--beams goes with --decoding beam.")
    written = {
        "greedy": 1,
        "beam": config.sampler.beams,
        "sample": SAMPLES if samples is None else samples,
    }[name]
    if k:
        try:
            ks = tuple(sorted({int(number) for number in k.split(",")}))
        except ValueError:
            raise CoreError(f"--k {k}: expected whole numbers, as 1,5,10.") from None
    else:
        ks = tuple(k for k in _DEFAULT_KS if k <= written) if name == "sample" else (1,)
    return Decoding(name, written, ks)
