"""`btp-tui train --dry-run`: the estimate on the terminal, and `btp-tui presets`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from core.command_line import JsonOption
from core.config import Config
from core.config_file import commented_toml
from core.estimate.figures import estimate
from core.presets import PRESETS, find_preset


def report_estimate(config: Config, workspace: Path, as_json: bool) -> None:
    """Prints what a run would take; ends with exit code 1 where it cannot run here."""
    found = estimate(config, workspace)
    if as_json:
        print(json.dumps(found.as_json()))
    else:
        for what, how_much, remark in found.lines():
            print(f"{what:<8}{how_much}{f' ({remark})' if remark else ''}")
        for sentence in (*found.notes, *found.problems):
            print(sentence)
    if not found.fits:
        raise typer.Exit(1)


def show_presets(
    name: Annotated[str, typer.Argument(help="Print this one as TOML.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List the configurations to begin with.

    With a NAME prints that one as TOML, to change and give to `btp-tui train --config`.
    """
    if name:
        preset = find_preset(name)
        print(
            json.dumps(preset.config().model_dump())
            if as_json
            else commented_toml(preset.config()),
            end="\n" if as_json else "",
        )
    elif as_json:
        print(json.dumps({preset.name: dict(preset.settings) for preset in PRESETS}))
    else:
        width = max(len(preset.name) for preset in PRESETS)
        for preset in PRESETS:
            print(f"{preset.name:<{width}}  {preset.sentence}")
