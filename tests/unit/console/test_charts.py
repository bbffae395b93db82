"""Bars and lanes: what is drawn says the figures, and nothing stands outside the picture."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.console import charts
from shared.console.charts import HEIGHT, LEAST, Bar, Lane, bars

BEGIN = datetime(2026, 3, 2, 10, tzinfo=UTC)
MOMENTS = st.lists(st.integers(0, 10**9).map(lambda each: BEGIN + timedelta(milliseconds=each)), min_size=1, max_size=12)
FIGURES = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=30)


def test_highest_bar_fills_the_height():
    """The others stand to it as their figures do, on the same ground."""
    four, two = bars([(4, 0), (2, 0)])
    assert (four.y, four.height) == (0, HEIGHT)
    assert (two.y, two.height) == (HEIGHT / 2, HEIGHT / 2)
    assert not four.is_bad


def test_what_failed_stands_at_the_foot_of_its_bar():
    """In red, over a bar of everything."""
    whole, failed = bars([(3, 1)])
    assert (whole.height, failed.height) == (HEIGHT, HEIGHT / 4)
    assert (failed.y + failed.height, failed.is_bad, whole.is_bad) == (HEIGHT, True, False)
    assert (whole.x, whole.width) == (failed.x, failed.width)


def test_only_what_failed_is_a_bar_too():
    """An hour in which nothing went well is not an empty one."""
    assert [bar.is_bad for bar in bars([(0, 2)])] == [False, True]


def test_hour_without_events_has_no_bar():
    """But keeps its place: the next one stands where it belongs."""
    (only,) = bars([(0, 0), (5, 0)])
    assert only == Bar(57.0, 0.0, 36.0, HEIGHT)


@pytest.mark.parametrize("figures", [[], [(0, 0)], [(0, 0), (0, 0)]])
def test_nothing_to_draw(figures):
    """No figure, no bar; and nothing is divided by none."""
    assert bars(figures) == []


@given(FIGURES)
def test_bars_stand_inside_and_apart(figures):
    """Whatever the figures are: within the picture, and no bar over that of another hour."""
    drawn = bars(figures)
    for bar in drawn:
        assert bar.x >= 0
        assert bar.x + bar.width <= 100.01
        assert bar.y >= 0
        assert bar.y + bar.height == pytest.approx(HEIGHT, abs=0.02)
    places = sorted({bar.x for bar in drawn})
    assert all(after - before > drawn[0].width for before, after in pairwise(places))


def test_lane_shows_milliseconds_beside_days():
    """What took 200 ms keeps a visible share beside what took three days."""
    moments = [BEGIN, BEGIN + timedelta(milliseconds=200), BEGIN + timedelta(days=3)]
    x, width = Lane(moments).span(moments[0], moments[1])
    assert x == 0
    assert 4 < width < 10


def test_lane_has_its_ends():
    """The first moment stands at the left, the last at the right, and what lies beyond stands there too."""
    lane = Lane([BEGIN + timedelta(hours=1), BEGIN])
    hours = [lane.place(BEGIN + timedelta(hours=each)) for each in (-5, 0, 1, 9)]
    assert hours == [0, 0, 100, 100]


def test_between_two_moments_time_runs_evenly():
    """Half of the time is half of the way between its neighbours."""
    lane = Lane([BEGIN, BEGIN + timedelta(hours=2)])
    assert lane.place(BEGIN + timedelta(hours=1)) == 50


def test_what_took_no_time_can_be_seen():
    """At the right end too, where it would stand outside."""
    lane = Lane([BEGIN, BEGIN + timedelta(hours=2)])
    assert lane.span(BEGIN, BEGIN) == (0, LEAST)
    assert lane.span(BEGIN + timedelta(hours=2), BEGIN + timedelta(hours=2)) == (100 - LEAST, LEAST)


def test_lane_of_one_moment_or_none():
    """Everything stands at the left."""
    assert Lane([]).place(BEGIN) == 0
    assert Lane([BEGIN, BEGIN]).span(BEGIN, BEGIN) == (0, LEAST)


@given(MOMENTS)
def test_lane_keeps_the_order(moments):
    """What was later never stands further left, and every span lies within the lane."""
    lane, ordered = Lane(moments), sorted(moments)
    places = [lane.place(each) for each in ordered]
    assert places == sorted(places)
    for begin, end in pairwise(ordered):
        x, width = lane.span(begin, end)
        assert 0 <= x <= 100
        assert width >= LEAST
        assert x + width <= 100.01


def test_longer_times_are_wider():
    """By the formula of the design: log2(1 + time / 50 ms) to the power of 1.15."""
    assert charts._width(timedelta(0)) == 0
    assert charts._width(timedelta(milliseconds=50)) == 1
    assert charts._width(timedelta(milliseconds=150)) == pytest.approx(2**1.15)
