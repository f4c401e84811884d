"""Opens the screen, and reads the arguments of a `btp-tui` that is asked for nothing else."""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from core.loading import raise_on_ctrl_c

DEFAULT_WORKSPACE = Path("btp-runs")


def screen_options(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[Path, str | None] | None:
    """The workspace and the theme of arguments that name nothing else; None for all others.

    Those are for btp_tui.command_line, which reads these alike; but typer brings pydantic, and
    takes a quarter of the start.
    """
    workspace = environment.get("BTP_WORKSPACE") or str(DEFAULT_WORKSPACE)
    values: dict[str, str | None] = {"--workspace": workspace, "--theme": None}
    left = list(arguments)
    while left:
        name, joined, value = left.pop(0).partition("=")
        if name not in values or not (joined or left):
            return None
        values[name] = value if joined else left.pop(0)
    return Path(values["--workspace"] or ""), values["--theme"]


def open_screen(workspace: Path, theme: str | None = None, start_demo: bool = False) -> None:
    """Shows the screen until it is left."""
    gc.disable()  # a start leaves little garbage; warm_up in screens/late.py puts it on again
    # Textual looks every 100 ms whether an escape stays alone; by itself it then waits once more.
    os.environ.setdefault("ESCDELAY", "50")
    from btp_tui.app import BtpApp
    from btp_tui.personal.preferences import checked_theme, read_preferences
    from btp_tui.personal.remembered import remembered_theme, theme_file

    preferences, picked = read_preferences(os.environ), theme_file(os.environ)
    theme = checked_theme("--theme", theme) or preferences.theme or remembered_theme(picked)
    app = BtpApp(
        workspace,
        start_demo=start_demo,
        preferences=replace(preferences, theme=theme),
        theme_file=picked,
    )
    raise_on_ctrl_c()  # from here on there is a terminal to leave in order
    try:
        app.run()
    except KeyboardInterrupt:  # sent from elsewhere before the screen was there to take it as `q`
        raise SystemExit(130) from None
