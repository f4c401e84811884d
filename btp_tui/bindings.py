"""Every key that works on all screens: what it is called in the footer and what `?` says of it.

Pausing the display is not pausing training: two keys, two words.
"""

from __future__ import annotations

from textual.binding import Binding, BindingType

KEYS: list[BindingType] = [
    Binding("d", "start_demo", "Start demo", tooltip="Start the demo in a new run"),
    Binding("p", "pause_training", "Pause training", tooltip="Pause training (the engine)"),
    Binding("p", "resume_training", "Go on training", tooltip="Go on with paused training"),
    Binding("r", "resume_watched", "Resume run", tooltip="Go on from the last checkpoint"),
    Binding(
        "space",
        "hold_display",
        "Hold display",
        key_display="␣",
        tooltip="Hold the display still; training goes on",
    ),
    Binding("s", "stop_training", "Stop", tooltip="Save a checkpoint and stop training"),
    Binding("1", "show('dashboard')", "Dashboard", tooltip="How training goes"),
    Binding("b", "show('programs')", "Programs", tooltip="Browse all stored programs"),
    Binding("2", "show('programs')", "Programs", show=False),
    Binding("3", "show('runs')", "Runs", tooltip="All runs of this workspace"),
    Binding("4", "show('tasks')", "Tasks", tooltip="How well each task is solved by now"),
    Binding(
        "left_square_bracket",
        "turn('alpha', -1)",
        "α −",
        show=False,
        tooltip="Less α: pass rate counts more (eq. 6)",
    ),
    Binding(
        "right_square_bracket",
        "turn('alpha', 1)",
        "α +",
        show=False,
        tooltip="More α: possibility counts more (eq. 6)",
    ),
    Binding(
        "left_curly_bracket",
        "turn('exponent', -1)",
        "ω −",
        show=False,
        tooltip="Less ω: draws are more uniform (eq. 7)",
    ),
    Binding(
        "right_curly_bracket",
        "turn('exponent', 1)",
        "ω +",
        show=False,
        tooltip="More ω: the best are drawn more often (eq. 7)",
    ),
    Binding(
        "t",
        "turn('prioritization', 1)",
        "Prioritisation",
        show=False,
        tooltip="Proportional or rank (eq. 8)",
    ),
    Binding(
        "y",
        "turn('possibility', 1)",
        "Possibility",
        show=False,
        tooltip="P(t) a token or joint (eq. 1-2)",
    ),
    Binding(
        "backspace",
        "revert_knobs",
        "Revert",
        show=False,
        tooltip="Back to the knobs the engine uses",
    ),
    Binding("q", "quit", "Quit", tooltip="Close this screen; training goes on without it"),
    Binding("question_mark", "keys", "Keys", tooltip="This list"),
]
