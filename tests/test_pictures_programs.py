"""How the lists of programs and tasks and one program look in every state."""

from __future__ import annotations

from tests.pictures import (
    ALL,
    LARGE,
    MIDDLE,
    SMALL,
    Compare,
    Picture,
    assert_as_before,
    each,
)
from tests.screens import Examples, snapshot
from tests.states import (
    DAMAGED,
    EMPTY,
    LOADING,
    first_card,
    flagged_card,
    flagged_page,
    imported_card,
    locked,
    million,
    million_page,
    million_tasks,
    no_task,
    nothing_found,
    passed_card,
    searching,
    starting,
    untested_card,
)

#: From the dashboard to the fourth of the newest programs, which fails two of its four tests.
OPEN = "down down down enter"


@each(
    Picture(
        "newest",
        "Filter, what it found, rows, and the program under the cursor with its tests.",
        snapshot(),
        "b down down down",
        sizes=ALL,
    ),
    Picture("empty", "No program yet, and which keys lead to some.", EMPTY, "b", sizes=(SMALL,)),
    Picture("loading", "Nothing is claimed before the workspace was read.", LOADING, "b"),
    Picture("starting", "The run has written nothing yet: 1 shows how far it is.", starting(), "b"),
    Picture("damaged", "What is damaged and what to do, no “empty”.", DAMAGED, "b"),
    Picture("locked", "What cannot be read is said here, too.", locked(), "b"),
    Picture(
        "completing",
        "Each completion with what it means, under the word that it completes.",
        snapshot(),
        "b slash p a s s colon 1 space",
        sizes=(SMALL, LARGE),
    ),
    Picture(
        "filter not understood",
        "Which word is wrong and what would be right; the last rows stay.",
        snapshot(),
        "b slash i t e r colon x enter",
    ),
    Picture(
        "nothing found",
        "No program matches: the ways out.",
        snapshot(),
        "b slash i t e r colon 9 9 enter",
        examples=Examples(page=nothing_found),
    ),
    Picture(
        "searching",
        "The newest hits at once, no number before all were counted.",
        snapshot(),
        "b",
        sizes=(MIDDLE,),
        examples=Examples(page=searching),
    ),
    Picture(
        "sorted and filtered",
        "The order stands in the filter, in words, and as an arrow at its column.",
        snapshot(),
        "b o f",
        sizes=(MIDDLE,),
    ),
    Picture(
        "flagged",
        "Excluded and marked programs by signs, not by colour alone.",
        snapshot(),
        "b",
        examples=Examples(page=flagged_page),
    ),
    Picture(
        "million",
        "The last page but one of a million programs: numbers have room, keys turn pages.",
        million(),
        "b down",
        sizes=ALL,
        examples=Examples(page=million_page),
    ),
)
def test_programs(snap_compare: Compare, picture: Picture, size: tuple[int, int]) -> None:
    """As it was when somebody last looked at it."""
    assert_as_before(snap_compare, picture, size)


@each(
    Picture(
        "failing",
        "Facts, replay history, text with what failed at its line, where expected and actual part.",
        snapshot(),
        OPEN,
        sizes=ALL,
    ),
    Picture(
        "tests",
        "Scrolled down: the tests, with a sign below the first difference.",
        snapshot(),
        f"{OPEN} end",
    ),
    Picture(
        "changes",
        "What changed since the program before: one column at 80, beside each other from 120 on.",
        snapshot(),
        f"{OPEN} v",
        sizes=ALL,
    ),
    Picture(
        "no program before",
        "The first program of a task says that there is none to compare with.",
        snapshot(),
        f"{OPEN} v",
        examples=Examples(card=first_card),
    ),
    Picture(
        "tokens",
        "How sure the model was of each token: by style as well as by colour, with a legend.",
        snapshot(),
        f"{OPEN} u",
        sizes=(SMALL, LARGE),
    ),
    Picture(
        "tokens unknown",
        "Why there are none.",
        snapshot(),
        f"{OPEN} u",
        examples=Examples(card=imported_card),
    ),
    Picture(
        "passed",
        "All tests passed; it is drawn most often.",
        snapshot(),
        OPEN,
        examples=Examples(card=passed_card),
    ),
    Picture(
        "not tested",
        "Just written: no outcome, no P2Value, and no zero in their place.",
        snapshot(),
        OPEN,
        examples=Examples(card=untested_card),
    ),
    Picture(
        "flagged",
        "Marked, and since when it is kept from the replay.",
        snapshot(),
        OPEN,
        examples=Examples(card=flagged_card),
    ),
    Picture(
        "not read yet",
        "Until it is read nothing of another program is shown.",
        snapshot(),
        OPEN,
        examples=Examples(card=lambda sample: None),
    ),
)
def test_program(snap_compare: Compare, picture: Picture, size: tuple[int, int]) -> None:
    """As it was when somebody last looked at it."""
    assert_as_before(snap_compare, picture, size)


@each(
    Picture(
        "hardest",
        "Hardest first: history, first and newest rate, what came of it.",
        snapshot(),
        "4 down down",
        sizes=ALL,
    ),
    Picture(
        "regressed",
        "In a small window the column that the order goes by takes the other's place.",
        snapshot(),
        "4 o o",
    ),
    Picture("improved", "Most improved first.", snapshot(), "4 o", sizes=(MIDDLE,)),
    Picture("empty", "Nothing was trained yet: which key to press.", EMPTY, "4"),
    Picture("loading", "Nothing is claimed before the workspace was read.", LOADING, "4"),
    Picture("starting", "When its tasks come, and where to watch that.", starting(), "4"),
    Picture("damaged", "What is damaged and what to do, no “empty”.", DAMAGED, "4"),
    Picture(
        "nothing found",
        "No task is called so: the ways out.",
        snapshot(),
        "4",
        examples=Examples(tasks=no_task),
    ),
    Picture(
        "million",
        "A page of a million tasks; an entry of a history stands for 25 iterations.",
        million(),
        "4 greater_than_sign",
        sizes=(SMALL, LARGE),
        examples=Examples(tasks=million_tasks),
    ),
)
def test_tasks(snap_compare: Compare, picture: Picture, size: tuple[int, int]) -> None:
    """As it was when somebody last looked at it."""
    assert_as_before(snap_compare, picture, size)
