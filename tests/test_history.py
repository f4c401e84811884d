"""What was measured over time: bounded, fine where it is recent, whole where it is short."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from btp_tui.panels.timed import Time
from btp_tui.reading.history import History
from btp_tui.reading.spans import SPANS, Span, next_span, resampled
from storage.schema import Telemetry, UpdateFigures
from storage.timeline import readings_after, updates_from
from tests.stores import Store, update


def mean(steps: Sequence[UpdateFigures]) -> UpdateFigures:
    return steps[-1]._replace(loss=sum(step.loss for step in steps) / len(steps))


def step(second: float) -> UpdateFigures:
    return UpdateFigures(int(second), second, 1.0, second)


def test_the_newest_minute_is_kept_whole() -> None:
    history = History(mean)
    for second in range(600):
        history.add([step(second)])
    newest = [one.at for one in history.moments if one.at > 540]
    assert newest == [*range(541, 600)]


def test_days_of_readings_stay_few_and_reach_back_to_the_begin() -> None:
    history = History(mean)
    for begin in range(0, 3 * 86_400, 900):
        history.add([step(second) for second in range(begin, begin + 900, 3)])
        assert len(history.moments) < 900
    assert history.moments[0].at < 2500
    times = [one.at for one in history.moments]
    assert times == sorted(times)


def test_what_is_put_together_has_the_mean_of_its_parts() -> None:
    history = History(mean)
    for second in range(0, 2000, 1):
        history.add([UpdateFigures(second, float(second % 2), 1.0, float(second))])
    assert {round(one.loss, 6) for one in history.moments if one.at < 1000} == {0.5}


def test_the_range_goes_round_both_ways() -> None:
    shown = SPANS[0]
    seen = []
    for _ in SPANS:
        seen.append(shown.name)
        shown = next_span(shown, 1)
    assert seen == ["all", "last 60 min", "last 15 min", "last 5 min", "last 1 min"]
    assert next_span(SPANS[0], -1) == SPANS[-1]


def test_the_end_of_a_range_moves_in_steps_so_that_a_still_plot_is_not_drawn_again() -> None:
    five = Span(300, "last 5 min")
    assert len({five.end(1000 + tenth / 10, 0.0) for tenth in range(100)}) <= 5


def test_columns_are_means_and_gaps_keep_the_value_before() -> None:
    values = [(0.0, 1.0), (0.5, 3.0), (3.0, 5.0)]
    assert resampled(values, 0.0, 5.0, 5) == [2.0, 2.0, 2.0, 5.0, None]
    assert resampled([], 0.0, 5.0, 3) == [None, None, None]


def test_a_long_run_is_read_thinly_and_then_only_what_is_new(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        rows = 6000
        with store.writer._transaction() as connection:
            connection.executemany(
                "INSERT INTO telemetry (run, reading, at) VALUES (?, ?, ?)",
                [
                    (
                        store.run,
                        f'{{"cpu": 5, "memory_used": 1, "memory_total": 2, "engine_memory": 1, '
                        f'"devices": [], "at": {second}}}',
                        second,
                    )
                    for second in range(rows)
                ],
            )
        found, last = readings_after(store.reader, store.run, 0)
        assert 700 <= len(found) <= 2000
        assert [one.at for one in found[-3:]] == [rows - 3, rows - 2, rows - 1]
        assert found[0].at < 20
        store.writer.add_telemetry(store.run, Telemetry(1.0, 1, 2, 1, (), at=9e9, cores=(1, 2)))
        newer, _ = readings_after(store.reader, store.run, last)
        assert [(one.at, one.cores) for one in newer] == [(9e9, (1, 2))]


def test_updates_are_read_from_a_number_on(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        for number in (1, 2, 3):
            store.writer.add_update(store.run, update(number, [1]))
        found = updates_from(store.reader, store.run, 2)
    assert [(one.number, one.loss, one.grad_norm) for one in found] == [
        (2, 0.5, 1.0),
        (3, 0.5, 1.0),
    ]


@pytest.mark.parametrize("at", [0.0, 10.0])
def test_nothing_to_add_changes_nothing(at: float) -> None:
    history = History(mean)
    history.add([step(at)])
    before = history.moments
    history.add([])
    assert history.moments is before


def test_a_line_that_comes_from_before_the_range_begins_at_its_left_end() -> None:
    last_minute = Time(Span(60, "last 1 min"), start=0.0, end=1000.0)
    values = [(10.0, 1.0), (930.0, 2.0), (970.0, 3.0)]
    assert last_minute.points(values) == ((-60.0, 2.0), (-30.0, 3.0))
    whole = Time(SPANS[0], start=0.0, end=1000.0)
    assert whole.points(values) == tuple(values)


def test_a_short_history_is_not_stretched_where_all_is_shown() -> None:
    whole = Time(SPANS[0], start=0.0, end=10.0)
    assert whole.columns([(1.0, 5.0), (10.0, 7.0)], room=40) == [5.0, 7.0]
    last_minute = Time(Span(60, "last 1 min"), start=0.0, end=60.0)
    assert last_minute.columns([(50.0, 5.0), (59.0, 7.0)], room=6) == [None] * 5 + [6.0]
