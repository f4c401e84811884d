"""What a user has set for every workspace: keys, theme, and how the end of a run is told.

The file is ~/.config/btp-tui/config.toml (XDG_CONFIG_HOME is honoured), or the one that the
environment variable BTP_TUI_CONFIG names. It is only read; what the screen remembers by itself is
in btp_tui.personal.remembered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from core.errors import CoreError
from core.small_file import read_small

Notice = Literal["bell", "desktop", "off"]


@dataclass(frozen=True, slots=True)
class Preferences:
    """`keys` are key names by the id of an action, in the form that Textual's keymap takes."""

    keys: Mapping[str, str] = field(default_factory=dict)
    theme: str | None = None
    when_run_ends: Notice = "bell"


DEFAULTS = Preferences()


def preferences_file(environment: Mapping[str, str]) -> Path:
    """Where a user's settings are, whether or not there are any."""
    if environment.get("BTP_TUI_CONFIG"):
        return Path(environment["BTP_TUI_CONFIG"]).expanduser()
    home = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "btp-tui" / "config.toml"


def read_preferences(environment: Mapping[str, str]) -> Preferences:
    """The settings of the file, or the defaults where there is none.

    Raises CoreError for anything in it that cannot be followed.
    """
    file = preferences_file(environment)
    written = _toml(file, missing_is_fine=not environment.get("BTP_TUI_CONFIG"))
    keys, notify = _table(file, written, "keys"), _table(file, written, "notify")
    unknown = [
        *(name for name in written if name not in ("keys", "theme", "notify")),
        *(f"notify.{name}" for name in notify if name != "when_run_ends"),
    ]
    if unknown:
        raise CoreError(
            f"{file}: there is no setting {unknown[0]!r}; there are theme, [keys] and "
            "[notify] when_run_ends."
        )
    return Preferences(
        keys=_checked_keys(file, keys),
        theme=checked_theme(str(file), written.get("theme")),
        when_run_ends=_checked_notice(file, notify.get("when_run_ends", "bell")),
    )


def checked_theme(where: str, name: Any) -> str | None:
    """The name of a theme; raises CoreError where there is none of this name."""
    from btp_tui.theme import THEMES

    names = [theme.name for theme in THEMES]
    if name is not None and name not in names:
        raise CoreError(f"{where}: there is no theme {name!r}; there are {', '.join(names)}.")
    return str(name) if name is not None else None


def _toml(file: Path, missing_is_fine: bool) -> dict[str, Any]:
    try:
        text = read_small(file)
    except FileNotFoundError as error:
        if missing_is_fine:
            return {}
        raise CoreError(f"{file}: there is no such file (BTP_TUI_CONFIG names it).") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise CoreError(f"{file} cannot be read: {reason}.") from error
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CoreError(f"{file} is no TOML: {error}.") from error


def _table(file: Path, written: dict[str, Any], name: str) -> dict[str, Any]:
    table = written.get(name, {})
    if not isinstance(table, dict):
        raise CoreError(f"{file}: {name} is a table, written as a line [{name}] of its own.")
    return table


def _checked_keys(file: Path, keys: dict[str, Any]) -> Mapping[str, str]:
    if not keys:
        return {}
    from btp_tui.keys.keymap import bindable, checked_keymap

    return checked_keymap(bindable(), dict(_flat(keys)), str(file))


def _flat(table: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """TOML reads programs.filter = "x" as a table in a table; ids are written with the dot."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _checked_notice(file: Path, notice: Any) -> Notice:
    if notice not in get_args(Notice):
        raise CoreError(
            f"{file}: [notify] when_run_ends is {notice!r}; it can be "
            f"{', '.join(get_args(Notice))}."
        )
    known: Notice = notice
    return known
