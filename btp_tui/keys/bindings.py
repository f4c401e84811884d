"""Every key that works on all screens: what it is called in the footer and what `?` says of it.

An `id` is the name by which a user's configuration binds the action to other keys; two actions that
take turns on one key share it. Pausing the display is not pausing training: two keys, two words.
"""

from __future__ import annotations

from textual.binding import Binding, BindingType

KEYS: list[BindingType] = [
    Binding("d", "start_demo", "Start demo", tooltip="Start the demo in a new run", id="demo"),
    Binding(
        "p", "pause_training", "Pause training", tooltip="Pause training (the engine)", id="pause"
    ),
    Binding(
        "p", "resume_training", "Go on training", tooltip="Go on with paused training", id="pause"
    ),
    Binding(
        "r", "resume_watched", "Resume run", tooltip="Go on from the last checkpoint", id="resume"
    ),
    Binding(
        "space",
        "hold_display",
        "Hold",
        key_display="␣",
        tooltip="Hold the display still; training goes on",
        id="hold",
    ),
    Binding("s", "stop_training", "Stop", tooltip="Save a checkpoint and stop training", id="stop"),
    Binding("N", "new_run", "New run", tooltip="Settings for a new run, and its start", id="new"),
    Binding("1", "show('dashboard')", "Dashboard", tooltip="How training goes", id="go.dashboard"),
    Binding(
        "b,2",
        "show('programs')",
        "Programs",
        tooltip="Browse all stored programs",
        id="go.programs",
    ),
    Binding("3", "show('runs')", "Runs", tooltip="All runs of this workspace", id="go.runs"),
    Binding(
        "4", "show('tasks')", "Tasks", tooltip="How well each task is solved by now", id="go.tasks"
    ),
    Binding(
        "left_square_bracket",
        "turn('alpha', -1)",
        "α −",
        show=False,
        tooltip="Less α: pass rate counts more (eq. 6)",
        id="alpha-less",
    ),
    Binding(
        "right_square_bracket",
        "turn('alpha', 1)",
        "α +",
        show=False,
        tooltip="More α: possibility counts more (eq. 6)",
        id="alpha-more",
    ),
    Binding(
        "left_curly_bracket",
        "turn('exponent', -1)",
        "ω −",
        show=False,
        tooltip="Less ω: draws are more uniform (eq. 7)",
        id="omega-less",
    ),
    Binding(
        "right_curly_bracket",
        "turn('exponent', 1)",
        "ω +",
        show=False,
        tooltip="More ω: the best are drawn more often (eq. 7)",
        id="omega-more",
    ),
    Binding(
        "t",
        "turn('prioritization', 1)",
        "Prioritisation",
        show=False,
        tooltip="Proportional or rank (eq. 8)",
        id="prioritization",
    ),
    Binding(
        "y",
        "turn('possibility', 1)",
        "Possibility",
        show=False,
        tooltip="P(t) a token or joint (eq. 1-2)",
        id="possibility",
    ),
    Binding(
        "backspace",
        "revert_knobs",
        "Revert",
        show=False,
        tooltip="Back to the knobs the engine uses",
        id="revert",
    ),
    Binding(
        "ctrl+t", "next_theme", "Theme", show=False, tooltip="The next colour theme", id="theme"
    ),
    Binding(
        "semicolon",
        "jump",
        "Jump",
        show=False,
        tooltip="A letter for every place: press it to go there",
        id="jump",
    ),
    Binding(
        "ctrl+p",
        "command_palette",
        "Commands",
        show=False,
        priority=True,
        tooltip="Find a command by its name",
        id="commands",
    ),
    Binding(
        "q", "quit", "Quit", tooltip="Close this screen; training goes on without it", id="quit"
    ),
    Binding(
        "ctrl+q",
        "quit",
        "Quit",
        show=False,
        priority=True,
        tooltip="Close this screen, whatever is being written",
        id="quit-at-once",
    ),
    Binding("question_mark", "keys", "Keys", tooltip="This list", id="keys"),
]
