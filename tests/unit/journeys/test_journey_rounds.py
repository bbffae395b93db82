"""Steps that come again (`repeat_after`): what may be written, when they come, and that what ends or holds them still does."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from shared.journeys import expressions, forecast, load, pauses, timing
from shared.journeys.definition import Journey
from shared.settings import get_settings
from shared.store.journey_models import (
    Enrolment,
    EnrolmentAddress,
    EnrolmentStep,
    JourneyDecision,
    JourneyEvent,
    JourneyPause,
    JourneyVersion,
)
from shared.store.models import Delivery
from shared.store.session import transact
from tests.conftest import START
from tests.support.journeys import run
from tests.unit.journeys.test_journey_engine import due, rows, signal

DAY = timedelta(days=1)
LOOP = """
name: loop
title: Loop
enrol_on: [lead.created]
exit_on:
  - {event: booking.created, resume_on: booking.cancelled, match: booking_uid}
  - payment.received
re_enrol: after_exit
repeat_after: 18d
repeat_times: 2
steps:
  - {id: call, channel: voice, template: a, once: true}
  - {id: day_3, delay: 3d, channel: whatsapp, template: b}
  - id: seen
    after: day_3
    wait_at_most: 2h
    when: 'result.day_3 != "opened" and result.call != "answered"'
    channel: sms
    template: d
  - {id: day_12, delay: 12d, channel: email, template: c}
"""


def complaint(*changes):
    """What the definition is answered with when these parts are changed."""
    text = LOOP
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    with pytest.raises(load.DefinitionError) as caught:
        load.parse(text)
    return str(caught.value)


class TestDefinition:
    """What may be written."""

    def test_nothing_comes_again_by_itself(self):
        """Off unless it is written; the project's own follow-up of a lead ends after its last step."""
        assert [step.id for step in load.journey("lead_followup").steps][-1] == "day_12"
        once = load.parse(LOOP.replace("repeat_after: 18d\nrepeat_times: 2\n", "").replace(", once: true", ""))
        assert [step.id for step in once.steps] == ["call", "day_3", "seen", "day_12"]

    def test_rounds_are_written_out(self):
        """Each round begins when so much time has gone since the last step; a step of a round asks for results of its round."""
        steps = load.parse(LOOP).steps
        assert [step.id for step in steps] == [
            *("call", "day_3", "seen", "day_12"),
            *("day_3_r2", "seen_r2", "day_12_r2"),
            *("day_3_r3", "seen_r3", "day_12_r3"),
        ]
        assert [str(step.delay) for step in steps if step.after is None] == ["0m", "3d", "12d", "33d", "42d", "63d", "72d"]
        second = next(step for step in steps if step.id == "seen_r2")
        assert second.after == "day_3_r2"
        assert expressions.check(second.when) == {"result.day_3_r2", "result.call"}
        assert (second.channel, second.template, second.wait_at_most) == ("sms", "d", timing.Delay(0, 7200))

    def test_what_is_pinned_stays_as_it_is(self):
        """Whoever is in it keeps the rounds; read again, nothing is repeated a second time."""
        journey = load.parse(LOOP)
        again = Journey.read_pinned(journey.dumped())
        assert again == journey
        assert again.version() == journey.version()

    def test_a_missing_template_is_named_once(self):
        """Not once for each round."""
        assert len(load.missing_templates(load.parse(LOOP))) == 4

    @pytest.mark.parametrize(
        ("changes", "answer"),
        [
            ([("18d", "12h")], "`repeat_after` is at least 1d; 12h is shorter"),
            ([("repeat_times: 2", "repeat_times: 12")], "repeat_times: Input should be less than or equal to 11"),
            ([("repeat_times: 2", "repeat_times: 0")], "repeat_times: Input should be greater than or equal to 1"),
            ([("repeat_after: 18d", "")], "`repeat_times` needs `repeat_after`"),
            ([("repeat_after: 18d\nrepeat_times: 2", "")], "step 'call' has `once`, and nothing is repeated"),
            ([("18d", "300d")], "takes 936 days; at most 730 are planned"),
            ([("delay: 3d", "anchor: start_at")], "step 'day_3' counts from a date, which does not come again"),
            ([("template: b", "template: b, once: true")], "step 'seen' comes after 'day_3', which comes only once"),
            ([("template: b", "template: b, sent_by: them")], "step 'day_3' is sent by somebody else"),
            ([("delay: 3d", "delay: -3d")], "step 'day_3' cannot be repeated before the beginning"),
            ([("id: day_12", "id: day_3_r2")], "a repeated step is called 'day_3_r2'"),
            ([("id: day_12", "id: " + "d" * 48)], "which is too long or another step's name"),
        ],
    )
    def test_what_cannot_be_repeated_is_refused_with_its_remedy(self, changes, answer):
        """No loop without an end, and none of which nobody could say when it comes."""
        assert answer in complaint(*changes)

    def test_number_of_steps_is_bounded(self):
        """A hundred deliveries are planned for a person at most."""
        more = "".join(f"  - {{id: s{n}, delay: {n}d, channel: email, template: a}}\n" for n in range(13, 20))
        assert "has 111 steps; at most 100 are planned" in complaint(
            ("repeat_after: 18d", "repeat_after: 1d"), ("repeat_times: 2", "repeat_times: 10"), ("steps:\n", "steps:\n" + more)
        )

    def test_nothing_is_repeated_where_every_step_comes_once(self):
        """There is something to repeat."""
        text = LOOP.replace("template: b", "template: b, once: true").replace("template: d", "template: d\n    once: true")
        with pytest.raises(load.DefinitionError, match="has no step to repeat"):
            load.parse(text.replace("template: c", "template: c, once: true"))


class TestRounds:
    """What people get."""

    def test_who_books_nothing_gets_each_round_and_then_no_more(self, define, vendors, test_clock):
        """All of it is planned when they enter; after the last round it is finished."""
        define(LOOP)
        signal("lead.created")
        assert due()["day_12_r3"] == START + 72 * DAY
        run(test_clock, days=400)
        assert vendors.steps() == [
            "call",
            "day_3",
            "seen",
            "day_12",
            "day_3_r2",
            "seen_r2",
            "day_12_r2",
            "day_3_r3",
            "seen_r3",
            "day_12_r3",
        ]
        assert [row.state for row in rows(Enrolment)] == ["finished"]

    def test_a_result_counts_in_its_round(self, define, vendors, test_clock):
        """Who has opened the first round's message is not asked after in that round, and is in the next."""
        define(LOOP)
        signal("lead.created")
        run(test_clock, days=3, hours=1)
        vendors.says("day_3", "opened")
        run(test_clock, days=40)
        assert "seen" not in vendors.steps()
        assert "seen_r2" in vendors.steps()

    def test_testing_mode_hurries_the_rounds(self, define, vendors, test_clock, environment):
        """Days are minutes in every round."""
        environment.setenv("TESTING_MODE", "true")
        environment.setenv("TESTING_EMAIL", "test@example.com")
        get_settings.cache_clear()
        define(LOOP)
        signal("lead.created")
        assert due()["day_12_r3"] == START + timedelta(minutes=72)

    def test_forecast_tells_of_the_rounds(self, define, vendors):
        """As of every other step."""
        lines = forecast.forecast(define(LOOP), forecast.newcomer({}, at=START))
        assert [line.goes_at for line in lines if line.step.startswith("day_3")] == [START + n * DAY for n in (3, 33, 63)]


@pytest.fixture
def world_of_rounds(define, vendors, test_clock, environment):
    """Nobody gets more than two messages a day. The clock only goes forward, as for the outbox it must."""
    environment.setenv("MESSAGES_PER_PERSON_PER_DAY", "2")
    get_settings.cache_clear()
    return define, vendors, test_clock


def forget():
    """An empty database again."""
    tables = (JourneyDecision, EnrolmentAddress, EnrolmentStep, Enrolment, JourneyVersion, JourneyEvent, JourneyPause, Delivery)
    transact(lambda session: [session.execute(delete(table)) for table in tables])


HAPPENING = st.sampled_from(["pause", "resume", "book", "cancel", "nothing"])


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    delays=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    after=st.integers(3, 9),
    times=st.integers(1, 3),
    happenings=st.lists(st.tuples(st.integers(1, 20), HAPPENING), max_size=6),
    ends_after=st.one_of(st.none(), st.integers(0, 60)),
)
def test_rounds_end_pause_and_keep_the_cap(world_of_rounds, delays, after, times, happenings, ends_after):
    """Whatever is repeated, paused, suspended, and ended, in any order.

    Each step of each round goes out at most once, in the order of the rounds and at most as often as is written; nothing after
    the end or while the journey stands still; never more in a day than the cap; and who is never ended gets all of it.
    """
    define, vendors, test_clock = world_of_rounds
    forget()
    vendors.sent.clear()
    steps = "".join(f"  - {{id: s{n}, delay: {d}d, channel: email, template: a}}\n" for n, d in enumerate(sorted(delays)))
    head = LOOP[: LOOP.index("repeat_after")].replace("name: loop", "name: any")
    define(f"{head}repeat_after: {after}d\nrepeat_times: {times}\nsteps:\n{steps}")
    signal("lead.created")
    stops = _live(test_clock, happenings)
    if ends_after is not None:
        run(test_clock, days=ends_after)
        signal("payment.received")
    ended = test_clock.moment
    run(test_clock, days=110)
    _keeps_the_laws(vendors, stops, len(delays), times, ended if ends_after is not None else None)


def _live(test_clock, happenings):
    """Let it all happen; the times in which nothing may go out. In the end nobody is held any more."""
    paused = booked = None
    stops = []
    for number, (days, what) in enumerate([*happenings, (1, "resume"), (1, "cancel")]):
        run(test_clock, days=days)
        now = test_clock.moment
        if what == "pause" and paused is None:
            pauses.pause("any", "test")
            paused = now
        elif what == "resume" and paused is not None:
            stops.append((paused, now))
            paused = None
            pauses.resume("any", "test")
        elif what == "book" and booked is None:
            signal("booking.created", {"booking_uid": "b1"}, event_key=f"b{number}")
            booked = now
        elif what == "cancel" and booked is not None:
            stops.append((booked, now))
            booked = None
            signal("booking.cancelled", {"booking_uid": "b1"}, event_key=f"c{number}")
    return stops


def _keeps_the_laws(vendors, stops, count, times, ended):
    sent = vendors.steps()
    rounds = [int(step.partition("_r")[2] or 1) for step in sent]
    assert len(set(sent)) == len(sent) <= count * (times + 1)
    assert all(one <= two for one, two in pairwise(rounds))
    assert not [one for one in vendors.sent for begin, end in stops if begin < one.at < end]
    days = [one.at.date() for one in vendors.sent]
    assert max(map(days.count, days), default=0) <= 2
    if ended is None:
        assert len(sent) == count * (times + 1)
        assert [row.state for row in rows(Enrolment)] == ["finished"]
    else:
        assert not [one for one in vendors.sent if one.at > ended]
