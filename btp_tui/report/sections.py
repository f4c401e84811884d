"""The parts of a report but for its programs: headline, figures, tables and configuration."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice

from btp_tui import words
from btp_tui.report.configuration import defaults, differing, meanings, settings_of, shown
from btp_tui.report.figures import PLOTS, share_passed
from btp_tui.report.markup import Markup, element, joined, table
from btp_tui.report.material import Material
from btp_tui.theme import outcome_sign

#: Rows of a table of iterations that are not folded.
_ROWS = 40

_STATES = {
    "running": "is still running",
    "paused": "is paused",
    "starting": "is starting",
    "stopped": "was stopped, and can go on",
    "failed": "failed",
    "died": "died with its engine",
}


def headline(material: Material) -> str:
    """The result in one sentence with numbers."""
    run, progress, measured = material.run, material.run.progress, material.held_out
    took = f" in {words.duration(progress.elapsed_s)}" if progress and progress.elapsed_s else ""
    written = (
        f"{words.plural(material.samples, 'program')} for {words.plural(material.tasks, 'task')}"
    )
    updates = words.plural(len(material.steps), "update")
    if len(measured) > 1 and material.steps:
        first, last = measured[0].accuracy, measured[-1].accuracy
        verb = "rose" if last > first else "fell" if last < first else "stayed the same"
        sentence = (
            f"Held-out accuracy {verb} from {words.percent(first)} to {words.percent(last)} of "
            f"{words.plural(len(measured[-1].tasks), 'task')} with {written} and {updates}{took}."
        )
    elif run.kind == "train":
        known = f"{words.percent(measured[0].accuracy)} so far" if measured else "not measured yet"
        sentence = f"{written} and {updates}{took}; held-out accuracy {known}."
    else:
        passed = sum(dict(one.outcomes).get("passed", 0) for one in material.iterations)
        sentence = (
            f"{words.count(passed)} of {written} pass every test "
            f"({words.percent(passed / material.samples if material.samples else None)}){took}."
        )
    state = _STATES.get(material.state, "")
    return f"{sentence} The run {state}." if state else sentence


def facts(material: Material) -> Markup:
    """Which run this is, of which model, on which tasks."""
    run = material.run
    settings = settings_of(run.config)
    rows = [
        ["model", run.model or "–"],
        ["state", material.state],
        ["kind", run.kind],
        ["started", words.day(run.at)],
        ["learns from", ", ".join(map(str, settings.get("tasks.train", []))) or "–"],
        ["measured on", ", ".join(map(str, settings.get("tasks.held_out", []))) or "–"],
        ["programs", f"{words.count(material.samples)}, {words.count(material.texts)} different"],
    ]
    if material.run.progress and material.run.progress.message:
        rows.append(["ended by", material.run.progress.message])
    return element(
        "table",
        *(element("tr", element("th", name), element("td", value)) for name, value in rows),
        class_="facts",
    )


def figures(material: Material) -> Iterator[Markup]:
    """All plots that there is something for."""
    for draw in PLOTS.values():
        plot = draw(material)
        if plot is not None:
            caption = element("figcaption", plot.title)
            yield element("figure", caption, plot.drawing)


def configuration(material: Material) -> Iterator[Markup]:
    """What differs from the defaults, what was changed on the way, and all of it folded."""
    settings, usual = settings_of(material.run.config), defaults()
    meant = meanings()
    changed = differing(settings, usual)
    if not settings:
        yield element("p", "No configuration was stored with it.")
        return
    if changed:
        rows = [
            [
                element("code", key),
                element("code", shown(value)),
                element("code", shown(usual[key]) if key in usual else "–"),
                meant.get(key, "unknown to this version"),
            ]
            for key, value in changed.items()
        ]
        yield table(["setting", "value", "default", "meaning"], rows)
    else:
        yield element("p", "Everything is as it is by default.")
    if material.settings:
        said = ", ".join(f"{key} = {shown(value)}" for key, value in material.settings)
        yield element("p", f"Changed while it ran, in this order: {said}.")
    rows = [
        [element("code", key), element("code", shown(value)), meant.get(key, "")]
        for key, value in settings.items()
    ]
    yield _folded(f"All {len(settings)} settings", table(["setting", "value", "meaning"], rows))


def iterations(material: Material) -> Markup:
    """A row an iteration: programs, how they did, updates, and what was measured after it."""
    losses: defaultdict[int, list[float]] = defaultdict(list)
    for step in material.steps:
        if math.isfinite(step.loss):
            losses[step.iteration].append(step.loss)
    accuracies = {one.iteration: one.accuracy for one in material.held_out}
    rows = []
    for one in material.iterations:
        loss = losses.get(one.iteration - 1, [])
        rows.append(
            [
                str(one.iteration),
                words.count(one.programs),
                words.percent(share_passed(one)),
                words.percent(one.pass_rate),
                words.count(len(loss)) if loss else "–",
                f"{sum(loss) / len(loss):.3f}" if loss else "–",
                words.percent(accuracies.get(one.iteration)),
            ]
        )
    heads = ["iteration", "programs", "pass all", "mean pass rate", "updates", "loss", "held-out"]
    drawn = table(heads, rows, frozenset(range(7)))
    return drawn if len(rows) <= _ROWS else _folded(f"{len(rows)} iterations", drawn)


def outcomes(material: Material) -> Markup:
    """What all programs came to."""
    total: Counter[str] = Counter()
    for one in material.iterations:
        total.update(dict(one.outcomes))
    rows = [
        [
            f"{outcome_sign(name).mark} {name or 'not tested'}",
            words.count(number),
            words.percent(number / max(1, material.samples)),
        ]
        for name, number in total.most_common()
    ]
    return table(["outcome", "programs", "share"], rows, frozenset({1, 2}))


def machine(material: Material) -> Markup:
    """Where it ran, how it was used, and what kept its programs in."""
    run, progress = material.run, material.run.progress
    rows = [["host", run.host or "–"]]
    if progress:
        rows.append(["device", progress.device or "–"])
        rows.append(["decoder", progress.decoder or "–"])
        if progress.teacher:
            cost = f", cost {progress.teacher_cost:.2f}" if progress.teacher_cost else ""
            asked = words.plural(progress.teacher_requests, "request")
            tokens = words.plural(progress.teacher_tokens, "token")
            rows.append(["teacher", f"{progress.teacher}: {asked}, {tokens}{cost}"])
    seen = material.telemetry
    if seen:
        rows.append(["CPU, mean", f"{sum(one.cpu for one in seen) / len(seen):.0f} % of all cores"])
        most = max(one.engine_memory for one in seen)
        total = words.memory(seen[-1].memory_total)
        rows.append(["engine memory, most", f"{words.memory(most)} (the machine has {total})"])
        for at, device in enumerate(seen[-1].devices):
            used = max(one.devices[at].memory_used for one in seen if len(one.devices) > at)
            busy = [one.devices[at].utilization for one in seen if len(one.devices) > at]
            known = [value for value in busy if value is not None]
            mean = f"{sum(known) / len(known):.0f} % busy" if known else "use unknown"
            rows.append([device.name, f"{mean}, at most {words.memory(used)} in use"])
    rows.append(["isolation of programs", run.isolation or "–"])
    return table(["what", "figure"], rows)


def troubles(material: Material) -> Iterator[Markup]:
    """Warnings and errors of its log."""
    if not material.troubles:
        return
    yield element("h2", "Warnings of its log")
    yield table(
        ["time", "level", "message"],
        [
            [words.clock(one.at), one.level, one.message]
            for one in islice(reversed(material.troubles), _ROWS)
        ],
    )


def _folded(summary: str, content: Markup) -> Markup:
    return element("details", element("summary", summary), joined(content))
