"""Programs in a report: one with its first failing test, or two side by side as a difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest

from btp_tui import words
from btp_tui.report.lessons import Lessons, Pair, Shown
from btp_tui.report.markup import Markup, element, joined
from btp_tui.theme import outcome_sign
from storage.programs import ProgramDetail

#: What is shown of a text, in characters; of a program, in lines.
_LONGEST, _LINES = 600, 120

#: What stands for an empty text.
_NOTHING = "(nothing)"


def lessons(shown: Lessons, source: str) -> Iterator[Markup]:
    """The parts of the page about programs, each under the rule by which they were chosen."""
    if shown.learned:
        yield element("h3", "First failed, later solved")
        yield _rule(
            f"{words.plural(shown.learned_of, 'task')} had no passing program in the first "
            f"iteration that tried them, and one later. Shown are the {len(shown.learned)} with "
            "the most failures before it: left the failed program that came nearest, right the "
            "first that passed every test."
        )
        for one in shown.learned:
            head = f"solved in iteration {one.solved.iteration + 1}, after "
            yield _pair(one, head + words.plural(one.failures, "failed program"))
    if shown.misled:
        yield element("h3", "Likely and wrong, less likely and right")
        yield _rule(
            f"In {words.plural(shown.misled_of, 'task')} the program that the model held most "
            "likely, by token, fails, and a less likely one passes every test: what the pass rate "
            f"teaches and possibility alone does not. Shown are the {len(shown.misled)} with the "
            "widest gap: left the likely one, right the right one."
        )
        for one in shown.misled:
            yield _pair(one, "")
    if shown.best:
        yield element("h3", "Best programs")
        yield _rule("They pass every test and were replayed most often; one a task.")
        yield from (_program(one, source) for one in shown.best)
    if shown.replayed:
        yield element("h3", "Failed, and replayed most often")
        yield _rule("What the model learned from although it fails a test; one a task.")
        yield from (_program(one, source) for one in shown.replayed)
    if shown.unsolved:
        yield element("h3", "Not solved yet")
        yield _rule(
            f"No program of {words.plural(shown.unsolved_of, 'task')} passes every test. Shown are "
            f"the {len(shown.unsolved)} tried most often, by the program that came nearest."
        )
        yield from (_program(one, source) for one in shown.unsolved)


def difference(before: str, after: str) -> Markup:
    """Two texts side by side, line by line; what differs has a sign and a colour."""
    left, right = _lines(before), _lines(after)
    rows = []
    for kind, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for one, other in zip_longest(left[a:b], right[c:d]):
            same = kind == "equal"
            rows.append(
                element(
                    "tr",
                    *_side(one, "" if same else "−", "gone"),
                    *_side(other, "" if same else "+", "new"),
                )
            )
    return element("div", element("table", *rows, class_="difference"), class_="wide")


def _pair(one: Pair, said: str) -> Markup:
    failed, solved = one.failed, one.solved
    return element(
        "article",
        element("h4", f"{failed.task.task_id}: {said}" if said else failed.task.task_id),
        element("p", _short(failed.task.description), class_="task"),
        element(
            "p",
            joined(_outcome(failed), f"{_likely(failed)} → ", _outcome(solved)),
            _likely(solved),
        ),
        difference(failed.text, solved.text),
        *_failing_test(failed),
    )


def _likely(program: ProgramDetail) -> str:
    said = f", iteration {program.iteration + 1}"
    if program.logprob is not None and program.n_tokens:
        said += f", {program.logprob / program.n_tokens:.2f} nats a token"
    return said


def _program(one: Shown, source: str) -> Markup:
    program = one.program
    said = [f"iteration {program.iteration + 1}", words.plural(one.replays, "replay")]
    if program.source != source:
        said.append(f"from {program.source}")
    if program.logprob is not None:
        said.append(f"log P(t) {program.logprob:.2f} nats, {program.n_tokens} tokens")
    return element(
        "article",
        element("h4", program.task.task_id),
        element("p", _short(program.task.description), class_="task"),
        element("p", joined(_outcome(program), f", {', '.join(said)}")),
        element("pre", "\n".join(_lines(program.text))),
        *_failing_test(program),
    )


def _outcome(program: ProgramDetail) -> Markup:
    verdict = program.verdict
    if verdict is None:
        return joined("not tested")
    sign = outcome_sign(verdict.outcome)
    rate = ""
    if verdict.pass_rate is not None and verdict.pass_rate < 1:
        rate = f", passes {words.percent(verdict.pass_rate, 0)} of its tests"
    style = f"t-{sign.style.removeprefix('$')}"
    return element("b", f"{sign.mark} {verdict.outcome}{rate}", class_=style)


def _failing_test(program: ProgramDetail) -> Iterator[Markup]:
    tests = program.verdict.tests if program.verdict else ()
    failing = next((at for at, test in enumerate(tests) if test.outcome != "passed"), None)
    if failing is None:
        return
    test = tests[failing]
    rows = [("outcome", test.outcome)]
    if failing < len(program.task.tests):
        given, expected = program.task.tests[failing]
        rows += [("given", given or _NOTHING), ("expected", expected or _NOTHING)]
    if test.outcome == "wrong answer" or test.actual:
        rows.append(("actual", test.actual or _NOTHING))
    if test.message:
        rows.append(("message", test.message))
    where = f", line {test.line}" if test.line else ""
    yield element("p", f"Test {failing + 1} of {len(tests)}, the first that fails{where}:")
    yield element(
        "table",
        *(
            element("tr", element("th", name), element("td", element("code", _short(text))))
            for name, text in rows
        ),
        class_="test",
    )


def _side(line: str | None, sign: str, style: str) -> Sequence[Markup]:
    classes = style if sign and line is not None else None
    mark = element("td", sign if line is not None else "", class_="sign")
    return mark, element("td", element("code", line or ""), class_=classes)


def _lines(text: str) -> list[str]:
    lines = text.expandtabs(4).split("\n")
    cut = [words.fit(line, _LONGEST) for line in lines[:_LINES]]
    more = len(lines) - _LINES
    return [*cut, f"… {words.plural(more, 'more line')}"] if more > 0 else cut


def _short(text: str) -> str:
    return words.fit(text.strip(), _LONGEST)


def _rule(text: str) -> Markup:
    return element("p", text, class_="rule")
