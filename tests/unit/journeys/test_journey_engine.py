"""People enter journeys, get each step once at its time, and leave when the reason ends."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from shared.errors import PermanentError, RefusedError, UncertainError
from shared.journeys import engine, outcomes, pauses
from shared.outbox import operator_actions
from shared.settings import get_settings
from shared.store.journey_models import Enrolment, EnrolmentStep, JourneyDecision, JourneyVersion
from shared.store.models import ActionLog, Delivery
from shared.store.session import reading, transact
from tests.conftest import START
from tests.support.journeys import dispatch, run

SIMPLE = """
name: simple
title: Simple
enrol_on: [lead.created]
exit_on:
  - {event: booking.created, resume_on: booking.cancelled, match: booking_uid}
  - payment.received
re_enrol: after_exit
steps:
  - {id: now, channel: email, template: a}
  - {id: day_3, delay: 3d, channel: whatsapp, template: b}
  - {id: day_6, delay: 6d, channel: email, template: c}
"""
MEETING = """
name: meeting
title: Meeting
enrol_on: [booking.created]
exit_on: [booking.cancelled]
move_on: [booking.rescheduled]
re_enrol: each_event
instance: booking_uid
anchor: start_at
steps:
  - {id: confirm, anchor: enrolment, channel: sms, template: a}
  - {id: remind, delay: -24h, channel: sms, template: b, if_late: skip, again_when_moved: true, expires: 20h}
  - {id: survey, anchor: end_at, delay: 1h, channel: email, template: c}
"""
CALL = """
name: calls
title: Calls
enrol_on: [lead.created]
exit_on: [booking.created]
steps:
  - {id: call, channel: voice, template: a}
  - {id: missed, after: call, wait_at_most: 30m, when: 'result.call in ["no-answer", "machine"]', channel: sms, template: b}
"""
ANA = {"email": "ana@example.com", "phone": "+525512345678"}


def rows(model, **where):
    """All rows of a model that match, oldest first."""
    with reading() as session:
        return session.scalars(select(model).filter_by(**where).order_by(model.id)).all()


def signal(event, data=ANA, keys=("lead:1",), event_key=None, at=None):
    """An event of a person, in a transaction of its own."""
    key = event_key or f"{event}:{sorted(data.items())}"
    return transact(lambda session: engine.signal(session, event, keys, data, event_key=key, at=at))


def due():
    """What waits, and when it is due."""
    waiting = [(d.payload["context"]["step"], d.due_at) for d in rows(Delivery) if d.state == "pending"]
    return dict(sorted(waiting, key=lambda pair: pair[1]))


def kinds(step=None):
    """The kinds of decision, in order."""
    return [row.kind for row in rows(JourneyDecision) if row.step == step]


class TestEnrolment:
    """A person enters once, and sees all that will come."""

    def test_every_step_is_planned_from_the_start(self, define, vendors):
        """All deliveries are there at once, with their due times."""
        define(SIMPLE)
        signal("lead.created")
        assert due() == {"now": START, "day_3": START + timedelta(days=3), "day_6": START + timedelta(days=6)}
        assert kinds() == ["enrolled"]
        assert kinds("day_3") == ["planned"]

    def test_steps_go_out_at_their_time(self, define, vendors, test_clock):
        """Each once; then the enrolment is finished."""
        define(SIMPLE)
        signal("lead.created")
        run(test_clock, days=7)
        assert [(one.step, one.at) for one in vendors.sent] == [
            ("now", START),
            ("day_3", START + timedelta(days=3)),
            ("day_6", START + timedelta(days=6)),
        ]
        assert [row.state for row in rows(Enrolment)] == ["finished"]

    def test_repeated_event_enrols_once(self, define, vendors):
        """The same event again, or under another of the person's keys, changes nothing."""
        define(SIMPLE)
        assert signal("lead.created", event_key="e1") == [1]
        assert signal("lead.created", event_key="e1") == []
        assert signal("lead.created", event_key="e1", keys=("email:ana@example.com", "lead:1")) == []
        assert len(rows(Delivery)) == 3

    @pytest.mark.parametrize(("rule", "while_in", "after"), [("never", 1, 1), ("after_exit", 1, 2), ("each_event", 2, 3)])
    def test_rule_of_entering_again(self, define, vendors, rule, while_in, after):
        """Once in a life, again when not in it, or once for each event; the same event never twice."""
        define(SIMPLE.replace("after_exit", rule))
        for key in ("e1", "e2"):
            signal("lead.created", event_key=key)
        assert len(rows(Enrolment)) == while_in
        signal("payment.received")
        for key in ("e1", "e2", "e3"):
            signal("lead.created", event_key=key)
        assert len(rows(Enrolment)) == max(after, while_in) + (1 if rule == "after_exit" and after == 1 else 0)

    def test_version_is_pinned(self, define, vendors, test_clock):
        """Who is in it keeps the definition by which they entered; the next one gets the new one."""
        define(SIMPLE)
        signal("lead.created")
        define(SIMPLE.replace("delay: 3d", "delay: 2d"))
        signal("lead.created", keys=("lead:2",), event_key="e2")
        steps = {(row.enrolment_id, row.step): row.due_at for row in rows(EnrolmentStep)}
        assert steps[1, "day_3"] - START == timedelta(days=3)
        assert steps[2, "day_3"] - START == timedelta(days=2)
        signal("booking.created", {"booking_uid": "b"})
        signal("booking.cancelled", {"booking_uid": "b"})
        assert len(rows(JourneyVersion)) == 2
        assert {row.due_at for row in rows(EnrolmentStep, enrolment_id=1)} >= {START + timedelta(days=3)}

    def test_no_address_skips_with_a_reason(self, define, vendors):
        """A step for which no address is known is not planned, and says so."""
        define(SIMPLE)
        signal("lead.created", {"email": "ana@example.com"})
        (row,) = rows(EnrolmentStep, step="day_3")
        assert (row.state, row.reason) == ("skipped", "no phone is known")

    def test_missing_address_goes_to_the_fallback(self, define, vendors):
        """The first channel by which the person can be reached is taken."""
        define(SIMPLE.replace("template: b}", "template: b, fallback: [{channel: email, template: b2}]}"))
        signal("lead.created", {"email": "ana@example.com"})
        (row,) = (d for d in rows(Delivery) if d.payload["context"]["step"] == "day_3")
        assert (row.payload["channel"], row.payload["template"]) == ("email", "b2")

    def test_condition_of_the_event(self, define, vendors):
        """`when` of enrol_on looks at the event's data."""
        define(SIMPLE.replace("[lead.created]", "[{event: lead.created, when: 'data.score >= 3'}]"))
        signal("lead.created", ANA | {"score": 2})
        signal("lead.created", ANA | {"score": 3})
        assert len(rows(Enrolment)) == 1

    def test_unknown_journey_is_refused(self, define, vendors):
        """404 for whoever asks by name."""
        with pytest.raises(RefusedError, match="no-such-journey"):
            transact(lambda session: engine.enrol(session, "nope", "lead:1", None, {}, "e"))

    def test_signal_without_a_person_is_a_mistake(self, define, vendors):
        """An event concerns somebody."""
        with pytest.raises(ValueError, match="at least one key"):
            signal("lead.created", keys=())


class TestExit:
    """Leaving cancels what is left, with the reason; some reasons can be taken back."""

    def test_exit_cancels_what_is_left(self, define, vendors, test_clock):
        """What was sent stays sent."""
        define(SIMPLE)
        signal("lead.created")
        run(test_clock, days=1)
        signal("payment.received")
        run(test_clock, days=10)
        assert vendors.steps() == ["now"]
        assert {(d.state, d.reason) for d in rows(Delivery)} == {("done", None), ("cancelled", "exited: payment.received")}
        assert [(row.state, row.reason) for row in rows(Enrolment)] == [("exited", "payment.received")]

    def test_person_known_by_another_key_leaves_too(self, define, vendors):
        """An exit names all keys of the person."""
        define(SIMPLE)
        signal("lead.created", keys=("lead:1",))
        signal("payment.received", keys=("email:ana@example.com", "lead:1"))
        assert rows(Enrolment)[0].state == "exited"

    def test_cancelled_booking_takes_the_follow_up_up_again(self, define, vendors, test_clock):
        """What was cancelled is planned again, as much later as the person was away; nothing is sent twice."""
        define(SIMPLE)
        signal("lead.created")
        run(test_clock, days=4)
        signal("booking.created", {"booking_uid": "b"})
        assert rows(Enrolment)[0].state == "suspended"
        run(test_clock, days=10)
        signal("booking.cancelled", {"booking_uid": "b"})
        assert due() == {"day_6": START + timedelta(days=16)}
        run(test_clock, days=3)
        assert vendors.steps() == ["now", "day_3", "day_6"]

    def test_two_bookings_of_which_one_is_cancelled_hold(self, define, vendors):
        """Only when the last reason has gone does it go on."""
        define(SIMPLE)
        signal("lead.created")
        for uid in ("a", "b"):
            signal("booking.created", {"booking_uid": uid})
        signal("booking.cancelled", {"booking_uid": "b"})
        assert rows(Enrolment)[0].state == "suspended"
        signal("booking.cancelled", {"booking_uid": "a"})
        assert rows(Enrolment)[0].state == "active"

    def test_message_that_may_have_arrived_is_not_planned_again(self, define, vendors, test_clock):
        """A step whose outcome is unknown when the person leaves is not sent anew when they come back."""
        define(SIMPLE)
        signal("lead.created")
        vendors.answer = lambda _delivery: UncertainError("no answer")
        dispatch()
        signal("booking.created", {"booking_uid": "b"})
        signal("booking.cancelled", {"booking_uid": "b"})
        assert [d for d in due() if d == "now"] == ["now"]
        assert len([d for d in rows(Delivery) if d.payload["context"]["step"] == "now"]) == 1

    def test_exit_during_the_last_moment_is_noticed_when_it_is_claimed(self, define, vendors, test_clock):
        """A message that could not be cancelled any more is not sent by a later attempt."""
        define(SIMPLE)
        signal("lead.created")
        assert transact(lambda session: engine.exit(session, 1, "by hand")) is True
        assert transact(lambda session: engine.exit(session, 1, "by hand")) is False
        retried = next(d for d in rows(Delivery) if d.payload["context"]["step"] == "now")
        operator_actions.retry(retried.id, "test")
        dispatch()
        assert vendors.sent == []
        assert rows(Delivery)[-1].reason == "exited: by hand"

    def test_exit_of_a_person_from_everything(self, define, vendors):
        """One call for all their journeys."""
        define(SIMPLE)
        define(MEETING)
        signal("lead.created")
        signal("booking.created", ANA | {"booking_uid": "b", "start_at": "2026-03-10T15:00:00Z"})
        assert transact(lambda session: engine.exit_person(session, ["lead:1"], "erased")) == 2
        assert due() == {}


class TestAnchor:
    """Steps around a date of the data, which may change."""

    BOOKED = ANA | {"booking_uid": "b", "start_at": "2026-03-10T15:00:00Z", "end_at": "2026-03-10T16:00:00Z"}

    def test_before_and_after_the_meeting(self, define, vendors):
        """24 hours before its start, an hour after its end."""
        define(MEETING)
        signal("booking.created", self.BOOKED)
        assert due() == {
            "confirm": START,
            "remind": datetime(2026, 3, 9, 15, tzinfo=UTC),
            "survey": datetime(2026, 3, 10, 17, tzinfo=UTC),
        }

    def test_new_time_moves_what_is_left(self, define, vendors, test_clock):
        """The confirmation went out and stays; reminder and survey follow."""
        define(MEETING)
        signal("booking.created", self.BOOKED)
        dispatch()
        signal(
            "booking.rescheduled", {"booking_uid": "b", "start_at": "2026-03-20T15:00:00Z", "end_at": "2026-03-20T16:00:00Z"}
        )
        assert due() == {"remind": datetime(2026, 3, 19, 15, tzinfo=UTC), "survey": datetime(2026, 3, 20, 17, tzinfo=UTC)}
        assert rows(Delivery)[1].not_after == datetime(2026, 3, 20, 11, tzinfo=UTC)
        assert kinds("remind") == ["planned", "moved"]

    def test_meeting_moved_after_its_reminder_is_reminded_of_again(self, define, vendors, test_clock):
        """Once for each date."""
        define(MEETING)
        signal("booking.created", self.BOOKED)
        run(test_clock, days=7, hours=7)
        moved = {"booking_uid": "b", "start_at": "2026-03-20T15:00:00Z", "end_at": "2026-03-20T16:00:00Z"}
        signal("booking.rescheduled", moved, event_key="r1")
        signal("booking.rescheduled", moved, event_key="r1")
        run(test_clock, days=12)
        assert vendors.steps() == ["confirm", "remind", "remind", "survey"]

    def test_meeting_moved_to_tomorrow_skips_the_reminder(self, define, vendors, test_clock):
        """Its time has gone, and the confirmation said it all."""
        define(MEETING)
        signal("booking.created", self.BOOKED)
        test_clock.advance(days=1)
        signal("booking.rescheduled", {"booking_uid": "b", "start_at": "2026-03-03T20:00:00Z"})
        (row,) = rows(EnrolmentStep, step="remind")
        assert (row.state, row.reason) == ("skipped", "too-late: if_late is skip")
        assert "remind" not in due()

    def test_older_change_that_comes_late_changes_nothing(self, define, vendors, test_clock):
        """The newest word about a booking stands."""
        define(MEETING)
        signal("booking.created", self.BOOKED, at=START)
        newer, older = START + timedelta(hours=2), START + timedelta(hours=1)
        signal("booking.rescheduled", {"booking_uid": "b", "start_at": "2026-03-20T15:00:00Z"}, at=newer, event_key="n")
        signal("booking.rescheduled", {"booking_uid": "b", "start_at": "2026-03-15T15:00:00Z"}, at=older, event_key="o")
        assert due()["remind"] == datetime(2026, 3, 19, 15, tzinfo=UTC)

    def test_each_booking_is_its_own(self, define, vendors):
        """Cancelling one of two leaves the other."""
        define(MEETING)
        signal("booking.created", self.BOOKED)
        signal("booking.created", self.BOOKED | {"booking_uid": "c"})
        signal("booking.created", self.BOOKED | {"booking_uid": "c"}, event_key="sent again with another key")
        signal("booking.cancelled", {"booking_uid": "c"})
        assert [row.state for row in rows(Enrolment)] == ["active", "exited"]

    def test_step_waits_for_its_date(self, define, vendors):
        """Without an end there is no survey yet; when the end is known it is planned."""
        define(MEETING)
        (number,) = signal("booking.created", {k: v for k, v in self.BOOKED.items() if k != "end_at"})
        (row,) = rows(EnrolmentStep, step="survey")
        assert (row.state, row.reason) == ("waiting", "there is no end_at to count from yet")
        end = datetime(2026, 3, 10, 18, tzinfo=UTC)
        assert transact(lambda session: engine.move_anchor(session, number, "end_at", end, "known")) is True
        assert due()["survey"] == end + timedelta(hours=1)

    def test_date_that_cannot_be_read_is_none(self, define, vendors):
        """A wrong date breaks nothing; the step waits for a right one."""
        define(MEETING)
        signal("booking.created", self.BOOKED | {"start_at": "mañana", "end_at": 17})
        assert list(due()) == ["confirm"]


class TestLate:
    """Steps whose time has gone when they are planned."""

    LATE = """
name: late
title: Late
enrol_on: [lead.created]
anchor: begun_at
steps:
  - {id: one, delay: 1d, channel: email, template: a, if_late: RULE}
  - {id: two, delay: 2d, channel: email, template: b, if_late: RULE}
  - {id: three, delay: 9d, channel: email, template: c, if_late: RULE}
"""

    @pytest.mark.parametrize(
        ("rule", "sent", "left"), [("send", ["one", "two"], ["three"]), ("skip", [], ["three"]), ("latest", ["two"], ["three"])]
    )
    def test_rule(self, define, vendors, test_clock, rule, sent, left):
        """Sent at once in order, skipped, or only the latest sent."""
        define(self.LATE.replace("RULE", rule))
        signal("lead.created", ANA | {"begun_at": (START - timedelta(days=4)).isoformat()})
        dispatch()
        assert vendors.steps() == sent
        assert list(due()) == left

    def test_expired_is_skipped_whatever_the_rule(self, define, vendors):
        """Nobody wants it any more."""
        define(self.LATE.replace("if_late: RULE", "expires: 1h"))
        signal("lead.created", ANA | {"begun_at": (START - timedelta(days=4)).isoformat()})
        assert {row.reason for row in rows(EnrolmentStep, state="skipped")} == {"too-late: it had expired"}

    def test_step_sent_by_somebody_else_is_only_recorded(self, define, vendors):
        """It counts as sent, and says by whom."""
        define(self.LATE.replace("if_late: RULE}", "sent_by: website}", 1).replace("RULE", "send"))
        signal("lead.created", ANA | {"begun_at": START.isoformat()})
        (row,) = rows(EnrolmentStep, step="one")
        assert (row.state, row.reason) == ("sent", "sent_by_website")
        assert "one" not in due()


class TestResults:
    """A step that depends on the result of an earlier one."""

    @pytest.mark.parametrize("word", ["no-answer", "machine"])
    def test_missed_call_is_followed_at_once(self, define, vendors, test_clock, word):
        """The result moves the waiting message to now."""
        define(CALL)
        signal("lead.created")
        assert list(due()) == ["call", "missed"]
        dispatch()
        vendors.says("call", word)
        dispatch()
        assert vendors.steps() == ["call", "missed"]

    def test_answered_call_is_not(self, define, vendors, test_clock):
        """The waiting message is taken back, with the condition as its reason."""
        define(CALL)
        signal("lead.created")
        dispatch()
        vendors.says("call", "answered")
        run(test_clock, hours=2)
        assert vendors.steps() == ["call"]
        (row,) = rows(EnrolmentStep, step="missed")
        assert (row.state, row.reason[:10]) == ("skipped", "condition:")
        assert rows(Enrolment)[0].state == "finished"

    def test_result_that_never_comes_is_waited_for_so_long(self, define, vendors, test_clock):
        """Then the condition decides without it."""
        define(CALL)
        signal("lead.created")
        run(test_clock, minutes=29)
        assert rows(EnrolmentStep, step="missed")[0].state == "owed"
        run(test_clock, minutes=5)
        assert rows(EnrolmentStep, step="missed")[0].state == "skipped"

    def test_call_put_off_puts_off_what_waits_for_it(self, define, vendors, test_clock):
        """While the call waits (no answer of the vendor), the message after it does too, and is not asked in vain meanwhile."""
        define(CALL)
        signal("lead.created")
        transact(lambda session: setattr(session.get(Delivery, 1), "due_at", START + timedelta(hours=5)))
        run(test_clock, hours=4)
        assert vendors.sent == []
        assert rows(EnrolmentStep, step="missed")[0].state == "owed"
        assert len(rows(ActionLog, result="moved")) == 1
        run(test_clock, hours=1)
        vendors.says("call", "no-answer")
        dispatch()
        assert vendors.steps() == ["call", "missed"]

    def test_call_that_failed_for_good_counts_as_a_result(self, define, vendors):
        """A permanent refusal is told to the steps after it."""
        define(CALL.replace('"machine"', '"failed"'))
        signal("lead.created")
        vendors.answer = lambda delivery: (
            PermanentError("bad-number", "no such number")
            if delivery.payload["channel"] == "voice"
            else outcomes_done(delivery)
        )
        dispatch()
        dispatch()
        assert vendors.steps() == ["missed"]

    def test_exit_between_call_and_message(self, define, vendors):
        """Who booked in the call gets no "sorry we missed you"."""
        define(CALL)
        signal("lead.created")
        dispatch()
        signal("booking.created", {})
        vendors.says("call", "no-answer")
        dispatch()
        assert vendors.steps() == ["call"]


def outcomes_done(delivery):
    """Sent."""
    from shared.outbox.actions import Done

    return Done({"id": f"V{delivery.id}"})


class TestPause:
    """A journey that stands still loses nobody."""

    def test_everybody_goes_on_where_they_were(self, define, vendors, test_clock):
        """Due times move by the length of the pause, also of what became due meanwhile."""
        define(SIMPLE)
        signal("lead.created")
        run(test_clock, days=2)
        pauses.pause("simple", "test")
        run(test_clock, days=10)
        assert vendors.steps() == ["now"]
        assert pauses.resume("simple", "test") == 1
        assert due() == {"day_3": START + timedelta(days=13), "day_6": START + timedelta(days=16)}
        run(test_clock, days=5)
        assert vendors.steps() == ["now", "day_3", "day_6"]
        assert kinds("day_3").count("paused") == 1

    def test_crash_while_resuming_is_made_good_at_the_gate(self, define, vendors, test_clock, monkeypatch):
        """Whoever was not moved is moved when their message is asked about."""
        define(SIMPLE)
        signal("lead.created")
        run(test_clock, days=2)
        pauses.pause("simple", "test")
        run(test_clock, days=10)
        monkeypatch.setattr(pauses, "release", lambda *_: 0)
        pauses.resume("simple", "test")
        run(test_clock, hours=7)
        assert due() == {"day_3": START + timedelta(days=13), "day_6": START + timedelta(days=16)}

    def test_meeting_does_not_wait_for_us(self, define, vendors, test_clock):
        """What hangs on a date of the data keeps it; a reminder that expired meanwhile is skipped."""
        define(MEETING)
        signal("booking.created", TestAnchor.BOOKED)
        dispatch()
        pauses.pause("meeting", "test")
        run(test_clock, days=8, hours=5)
        pauses.resume("meeting", "test")
        run(test_clock, days=1)
        assert vendors.steps() == ["confirm", "survey"]
        assert (rows(EnrolmentStep, step="remind")[0].state, rows(EnrolmentStep, step="remind")[0].reason) == (
            "skipped",
            "too-late",
        )

    def test_who_enters_meanwhile_waits_as_well(self, define, vendors, test_clock):
        """Nobody enters past a pause."""
        define(SIMPLE)
        pauses.pause("simple", "test")
        run(test_clock, days=1)
        signal("lead.created")
        run(test_clock, days=1)
        pauses.resume("simple", "test")
        assert vendors.sent == []
        assert due()["now"] == START + timedelta(days=2)
        run(test_clock, hours=1)
        assert vendors.steps() == ["now"]

    def test_who_leaves_and_returns_during_a_pause_is_counted_once(self, define, vendors, test_clock):
        """Time away and time paused are not added where they overlap."""
        define(SIMPLE)
        signal("lead.created")
        run(test_clock, days=2)
        pauses.pause("simple", "test")
        run(test_clock, days=1)
        signal("booking.created", {"booking_uid": "b"})
        run(test_clock, days=1)
        signal("booking.cancelled", {"booking_uid": "b"})
        run(test_clock, days=1)
        pauses.resume("simple", "test")
        assert due()["day_3"] == START + timedelta(days=6)

    def test_pausing_twice_is_refused(self, define, vendors):
        """And resuming what runs."""
        define(SIMPLE)
        with pytest.raises(RefusedError, match="journey-running"):
            pauses.resume("simple", "test")
        pauses.pause("simple", "test")
        with pytest.raises(RefusedError, match="journey-paused"):
            pauses.pause("simple", "test")


class TestTestingMode:
    """TESTING_MODE: days become minutes."""

    def test_days_are_minutes_and_windows_open(self, define, vendors, environment):
        """Whoever tries it out at night sees it all within minutes."""
        environment.setenv("TESTING_MODE", "true")
        get_settings.cache_clear()
        define(SIMPLE)
        signal("lead.created")
        assert due() == {"now": START, "day_3": START + timedelta(minutes=3), "day_6": START + timedelta(minutes=6)}
        assert {d.payload["window"] for d in rows(Delivery)} == {False}


class TestSweep:
    """What somebody closed without telling us."""

    def test_delivery_taken_back_by_a_person_ends_the_step(self, define, vendors, test_clock):
        """The enrolment does not wait for ever."""
        define(SIMPLE)
        signal("lead.created")
        run(test_clock, days=1)
        for delivery in rows(Delivery, state="pending"):
            operator_actions.cancel(delivery.id, "test")
        assert transact(outcomes.sweep) == 0
        test_clock.advance(days=8)
        assert transact(outcomes.sweep) == 2
        assert transact(outcomes.sweep) == 0
        assert {row.reason for row in rows(EnrolmentStep, state="skipped")} == {"by test"}
        assert rows(Enrolment)[0].state == "finished"
