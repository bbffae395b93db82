"""Retention: what is finished and old goes, in small steps; what anybody still needs, or what prevents a repetition, stays."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from functions.leads import notes
from shared import clock, faults, retention, retention_rules
from shared.errors import UnavailableError
from shared.intake import dead_letter_store
from shared.journeys.enrolment_records import Standing
from shared.outbox import plan
from shared.settings import get_settings
from shared.store.figure_models import DayFigure, DayFold, EventHour, HourFigure, ModelDay
from shared.store.journey_models import Enrolment, JourneyVersion
from shared.store.message_models import MessageDay, MessageStatus
from shared.store.models import ActionLog, DeadLetter, Delivery, InboxEvent, Reconciliation, RetentionMark
from shared.store.session import reading, transact
from shared.store.wait_models import DeliveryWait, Outage, TargetPause
from tests.support import tsql
from tests.support.examples import examples
from tests.support.world import opportunity

NAMES = ("INBOX", "SYNC", "MESSAGE", "ACTION_LOG")
LONG_AGO = timedelta(days=400)


def keep(environment, days, *names):
    """Set how long things are kept."""
    for name in names or NAMES:
        environment.setenv(f"RETENTION_{name}_DAYS", str(days))
    get_settings.cache_clear()


@pytest.fixture
def kept_for_a_year(database, environment, test_clock):
    """Everything is kept for a year."""
    keep(environment, 365)


def add(*rows):
    """Store rows; their numbers."""

    def work(session):
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]

    return transact(work)


def delivery(age=LONG_AGO, **more):
    """A sync that was done long ago."""
    at = clock.now() - age
    facts = {"kind": "sync", "target": "odoo", "action": "opportunity", "subject": "m1", "state": "done"}
    return Delivery(**(facts | {"due_at": at, "created_at": at, "finished_at": at} | more))


def handled(age=LONG_AGO, key="k1", **more):
    """An event that was handled long ago."""
    at = clock.now() - age
    facts = {"event_id": f"id-{key}", "source": "manychat", "type": "t", "subject": "m1", "occurred_at": at, "received_at": at}
    return InboxEvent(**(facts | {"key": key, "handled_at": at, "data": {}} | more))


def letter(event_id="id-k1", state="parked", **more):
    """A dead letter of an event."""
    facts = {"key": f"letter-{event_id}", "original_queue": "q", "original_event": "{}", "event_id": event_id, "subject": "m1"}
    return DeadLetter(**(facts | {"reason": "r", "error_message": "e", "error_time": clock.now(), "state": state} | more))


def line(age=LONG_AGO, **more):
    """A line of the action log."""
    return ActionLog(**({"at": clock.now() - age, "actor": "system", "action": "a", "subject": "m1", "result": "done"} | more))


def enrol(person, state):
    """Somebody in a journey."""
    version = JourneyVersion(journey="j", hash=f"h-{person}", definition={})
    add(version)
    facts = {"journey": "j", "version_id": version.id, "person": person, "enrol_key": person, "state": state}
    add(Enrolment(**facts, anchor_at=clock.now(), data_at=clock.now(), counted_until=clock.now()))


def left(table):
    """How many rows there are."""
    with reading() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_a_note_whose_row_is_gone_is_not_written_again(kept_for_a_year):
    """What causes it may come again after years: its key stays."""

    def plan_note():
        return transact(lambda session: plan.message(session, notes.NOTE, "lead:1", "1:booked", {"name": "x"}))

    assert plan_note()
    at = clock.now() - LONG_AGO
    done = {"state": "done", "finished_at": at, "created_at": at}
    transact(lambda session: session.execute(update(Delivery).values(**done)))
    assert retention.forget()["messages"] == 1
    assert not plan_note()
    assert left(Delivery) == 0


class TestWhatGoes:
    """Finished and old."""

    def test_what_shadow_mode_kept_back_goes_as_what_was_done(self, kept_for_a_year):
        """A sync and a message that were not carried out, with what they would have sent; the younger one stays."""
        kept_back = {"state": "shadowed", "result": {"effect": "email"}}
        message = {"kind": "message", "target": "brevo", "action": "email"}
        add(delivery(**kept_back), delivery(**message, **kept_back), delivery(age=timedelta(days=9), **kept_back))
        found = retention.forget()
        assert (found["syncs"], found["messages"], left(Delivery)) == (1, 1, 1)

    def test_by_default_the_first_seven_nights_only_report(self, database, test_clock, caplog):
        """Nobody loses anything that they had no time to decide about; the log says each night what it would be."""
        add(handled(age=timedelta(days=61)), delivery(), line(age=timedelta(days=401)))
        for _night in range(7):
            caplog.clear()
            assert retention.forget() == {}
            assert "retention: events would remove 1 rows" in caplog.text
            assert "action log would remove 1 rows" in caplog.text
            test_clock.advance(days=1)
        assert (left(InboxEvent), left(Delivery), left(ActionLog)) == (1, 1, 1)
        assert retention.forget() == {"events": 1, "syncs": 1, "action log": 1}

    def test_days_that_somebody_has_set_count_at_once(self, database, environment, test_clock):
        """They have decided."""
        keep(environment, 60, "INBOX")
        add(handled(age=timedelta(days=61)), delivery())
        assert retention.forget() == {"events": 1}

    def test_zero_keeps_for_ever(self, database, environment, test_clock):
        """After any number of nights."""
        keep(environment, 0)
        add(handled(age=timedelta(days=4000)), delivery(), line(age=timedelta(days=4000)))
        retention.forget()
        test_clock.advance(days=30)
        assert retention.forget() == {}

    @pytest.mark.parametrize(("name", "days"), [("inbox", 60), ("sync", 60), ("message", 180), ("action_log", 400)])
    def test_defaults(self, environment, name, days):
        """As docs/scale.md gives their reasons."""
        environment.delenv(f"RETENTION_{name.upper()}_DAYS", raising=False)
        get_settings.cache_clear()
        assert getattr(get_settings(), f"retention_{name}_days") == days

    def test_everything_that_is_finished_and_old(self, kept_for_a_year):
        """Of each kind, what came first and what came of it."""
        message = delivery(kind="message", event_key="k1", dedupe_key="d", action="email")
        add(handled(), delivery(), message)
        at = clock.now() - LONG_AGO
        add(
            MessageStatus(provider="p", vendor_id="v", delivery_id=message.id, created_at=at, updated_at=at),
            line(delivery_id=message.id),
        )
        assert retention.forget() == {"events": 1, "syncs": 1, "messages": 1, "statuses": 1, "action log": 1}
        assert retention.forget() == {}

    @pytest.mark.parametrize("make", [handled, delivery, line])
    def test_not_what_is_younger(self, kept_for_a_year, make):
        """To the day."""
        add(make(timedelta(days=364)))
        assert retention.forget() == {}

    def test_what_was_planned_long_ago_counts_from_its_end(self, kept_for_a_year):
        """A delivery that waited for a year was finished yesterday."""
        add(delivery(finished_at=clock.now() - timedelta(days=1)))
        assert retention.forget() == {}

    def test_days_that_are_over_for_everybody(self, kept_for_a_year):
        """What was counted for the daily cap goes after a week, whatever is set."""
        days = [f"{clock.now() - timedelta(days=age):%F}" for age in (400, 8, 7, 0)]
        add(*(MessageDay(who="w", day=day, delivery_ids=[1]) for day in days))
        assert retention.forget() == {"counted days": 2}
        assert left(MessageDay) == 2

    def test_figures_and_tokens_of_days_after_three_years(self, kept_for_a_year):
        """Whatever is set: a figure is no personal data, and a year is held against the two before it."""
        days = [(clock.now() - timedelta(days=age)).date() for age in (1101, 1100, 400, 0)]
        add(*(DayFigure(day=day, name="n", number=1) for day in days))
        add(*(ModelDay(key=str(day), day=day, flow="tickets", model="m") for day in days))
        add(*(DayFold(day=day, folded_at=clock.now()) for day in days))
        assert retention.forget() == {"figures of days": 1, "tokens of days": 1, "counted days of figures": 1}
        assert (left(DayFigure), left(ModelDay), left(DayFold)) == (3, 3, 3)

    def test_figures_of_hours_after_a_quarter_of_a_year(self, kept_for_a_year):
        """Whatever is set."""
        hours = [clock.now() - timedelta(days=age) for age in (91, 89, 0)]
        add(*(EventHour(type="t", hour=hour) for hour in hours))
        add(*(HourFigure(name="n", hour=hour, owner="o", part="p", result="r", number=1) for hour in hours))
        assert retention.forget() == {"figures of hours": 1, "counts of hours": 1}
        assert (left(EventHour), left(HourFigure)) == (2, 2)

    def test_waits_that_are_over_and_whose_delivery_is_gone(self, kept_for_a_year):
        """One of a delivery that is kept stays with it, whatever its age."""
        kept = delivery(timedelta(days=1))
        add(kept)
        at = clock.now() - LONG_AGO
        facts = {"reason": "backoff", "started_at": at, "ended_at": at}
        gone, stays = (DeliveryWait(delivery_id=number, **facts) for number in (999, kept.id))
        young = DeliveryWait(delivery_id=999, **(facts | {"ended_at": clock.now() - timedelta(days=364)}))
        add(gone, stays, young)
        assert retention.forget() == {"waits": 1}
        assert left(DeliveryWait) == 2

    def test_comparisons_that_were_made_long_ago(self, kept_for_a_year):
        """What one has found is of its day."""
        days = (LONG_AGO, timedelta(days=364))
        add(*(Reconciliation(asked_by="system", dry_run=True, asked_at=clock.now() - age) for age in days))
        assert retention.forget() == {"comparisons": 1}
        assert left(Reconciliation) == 1

    @pytest.mark.parametrize(("ended", "goes"), [(LONG_AGO, {"outages": 1}), (timedelta(days=364), {}), (None, {})])
    def test_outages_that_ended_long_ago(self, kept_for_a_year, ended, goes):
        """One that goes on stays, however long ago it began."""
        ended_at = None if ended is None else clock.now() - ended
        add(Outage(target="odoo", started_at=clock.now() - 2 * LONG_AGO, ended_at=ended_at))
        assert retention.forget() == goes

    @pytest.mark.parametrize(
        ("until", "ended", "goes"),
        [
            (None, LONG_AGO, {"pauses": 1}),  # resumed by a person
            (LONG_AGO, None, {"pauses": 1}),  # over by itself
            (None, None, {}),  # until somebody resumes it
            (-timedelta(days=1), None, {}),
            (None, timedelta(days=364), {}),
        ],
    )
    def test_pauses_that_ended_long_ago(self, kept_for_a_year, until, ended, goes):
        """Either way in which a pause ends counts; one that goes on stays."""
        until_at, ended_at = (None if age is None else clock.now() - age for age in (until, ended))
        began = clock.now() - 2 * LONG_AGO
        add(TargetPause(target="odoo", paused_at=began, paused_by="ana", until=until_at, ended_at=ended_at))
        assert retention.forget() == goes

    def test_more_than_a_page_and_with_gaps(self, kept_for_a_year, monkeypatch):
        """Page after page, over numbers that are no longer there."""
        monkeypatch.setattr(retention, "PAGE", 3)
        monkeypatch.setattr(retention, "SPAN", 5)
        add(*(delivery(id=number) for number in [*range(1, 12), *range(500, 508), 9000]))
        add(delivery(timedelta(days=1), id=9001))
        assert retention.forget() == {"syncs": 20}

    def test_a_death_between_pages_loses_nothing_and_is_made_good(self, kept_for_a_year, monkeypatch):
        """What was removed stays so; the next night goes on."""
        monkeypatch.setattr(retention, "PAGE", 3)
        add(*(delivery() for _ in range(8)))
        faults.inject("retention.after_page=raise:1x1")
        with pytest.raises(faults.InjectedFault):
            retention.forget()
        assert left(Delivery) == 5
        assert retention.forget() == {"syncs": 5}

    def test_what_a_death_has_left_goes_on_within_minutes(self, kept_for_a_year, monkeypatch):
        """It does not wait for the next night: the timer of every five minutes finds that the night had begun."""
        monkeypatch.setattr(retention, "PAGE", 3)
        add(*(delivery() for _ in range(8)))
        faults.inject("retention.after_page=raise:1")
        with pytest.raises(faults.InjectedFault):
            retention.forget()
        faults.inject("")
        assert retention.go_on() == 5
        assert retention.go_on() == 0

    def test_a_kind_that_cannot_be_removed_does_not_keep_the_others(self, kept_for_a_year, monkeypatch):
        """In a full database what inserts a row fails (keys that are kept); what only deletes makes room."""
        add(handled(), delivery(), line())
        page = retention._page

        def full_for_events(session, rule, **more):
            if rule.table is InboxEvent:
                raise UnavailableError("the database is full: its size quota")
            return page(session, rule=rule, **more)

        monkeypatch.setattr(retention, "_page", full_for_events)
        with pytest.raises(UnavailableError, match="size quota"):
            retention.forget()
        assert (left(InboxEvent), left(Delivery), left(ActionLog)) == (1, 0, 0)


class TestTime:
    """A night has twenty minutes; what is left goes on every five minutes, where it stopped."""

    @pytest.fixture
    def slow(self, kept_for_a_year, monkeypatch, test_clock):
        """Each page of three rows takes six minutes."""
        monkeypatch.setattr(retention, "PAGE", 3)
        monkeypatch.setattr(retention, "SPAN", 5)
        page = retention._page

        def slowly(*given, **named):
            test_clock.advance(minutes=6)
            return page(*given, **named)

        monkeypatch.setattr(retention, "_page", slowly)

    def test_a_night_ends_in_time_and_no_kind_goes_without(self, slow, test_clock):
        """However much there is of the first kind."""
        add(*(handled(key=f"k{number}") for number in range(40)))
        add(*(line() for _ in range(40)))
        begun = clock.now()
        gone = retention.forget()
        assert clock.now() - begun < timedelta(minutes=30)
        assert 0 < gone["events"] < 40
        assert 0 < gone["action log"] < 40

    def test_what_is_left_goes_on_where_it_stopped(self, slow, monkeypatch):
        """Until all is gone; then there is nothing to go on with."""
        add(*(handled(key=f"k{number}") for number in range(20)))
        retention.forget()
        rounds = 0
        while left(InboxEvent):
            assert retention.go_on() > 0
            rounds += 1
        assert rounds > 1
        retention.go_on()
        assert retention.go_on() == 0

    def test_rows_that_stay_are_not_looked_at_again_by_the_next_round(self, slow):
        """The mark is behind them; the next night begins at the first row again, as they may go by then."""
        enrol("m1", "active")
        add(*(handled(key=f"k{number}") for number in range(20)))
        add(*(handled(key=f"other{number}", subject="m2") for number in range(20)))
        retention.forget()
        with reading() as session:
            assert session.get(RetentionMark, "events").goes_on_at > 1


class TestWhatStays:
    """Whatever anybody still needs."""

    @pytest.mark.parametrize("state", ["pending", "sending", "dead", "uncertain"])
    @pytest.mark.parametrize("kind", ["sync", "message"])
    def test_what_is_not_finished_or_waits_for_a_person(self, kept_for_a_year, kind, state):
        """However old."""
        add(delivery(kind=kind, state=state))
        assert retention.forget() == {}

    def test_a_sync_that_was_taken_back(self, kept_for_a_year):
        """Without it the timer would ask for the sync again, against a person's word."""
        add(delivery(state="cancelled"))
        assert retention.forget() == {}

    @pytest.mark.parametrize("state", ["parked", "replayed", "resolved"])
    def test_an_event_that_may_be_replayed(self, kept_for_a_year, state):
        """Its key is what makes the replay harmless, whatever became of the letter."""
        add(handled(), letter(state=state))
        assert retention.forget() == {}

    def test_an_event_whose_dead_letter_names_nobody(self, kept_for_a_year):
        """A letter that could not be read has no subject; its event may be replayed all the same."""
        add(handled(), letter(subject=None))
        assert retention.forget() == {}

    def test_a_message_whose_event_is_still_known(self, kept_for_a_year, environment):
        """Its key outlives that of the event which would plan it again."""
        keep(environment, 0, "INBOX")
        add(handled(), delivery(kind="message", event_key="k1", dedupe_key="d"))
        assert retention.forget() == {}

    @pytest.mark.parametrize(("state", "stays"), [("active", 4), ("suspended", 4), ("finished", 0), ("exited", 0)])
    def test_all_of_a_person_in_a_journey(self, kept_for_a_year, state, stays):
        """Their timeline and log are whole until they leave it."""
        enrol("m1", state)
        add(handled(), delivery(), delivery(kind="message"), line())
        retention.forget()
        assert left(InboxEvent) + left(Delivery) + left(ActionLog) == stays

    def test_a_line_about_what_is_still_there(self, kept_for_a_year):
        """A dead delivery keeps its history."""
        dead, parked_one = delivery(state="dead"), letter()
        add(dead, parked_one)
        add(line(delivery_id=dead.id), line(dead_letter_id=parked_one.id))
        assert retention.forget() == {}

    def test_what_a_vendor_said_of_a_message_that_stays(self, kept_for_a_year):
        """Such as one whose outcome nobody knows."""
        message, at = delivery(kind="message", state="uncertain"), clock.now() - LONG_AGO
        add(message)
        add(MessageStatus(provider="p", vendor_id="v", delivery_id=message.id, created_at=at, updated_at=at))
        assert retention.forget() == {}


def test_every_standing_is_open_or_over():
    """A new one must be put on one side before it can be forgotten."""
    assert set(Standing) == {*retention_rules.OPEN, Standing.EXITED, Standing.FINISHED}


def test_a_replay_after_retention_changes_nothing(world, environment, test_clock):
    """An event that was parked, mended, and replayed once is replayed again two years later: it is still known."""
    from tests.unit.intake.test_intake_deadletter import park, teach

    keep(environment, 30)
    first = park(world)
    teach()
    dead_letter_store.replay(first.id, "key:ops")
    world.run()
    world.post("opportunity", opportunity("m2"))
    world.run()
    test_clock.advance(days=730)
    assert retention.forget()["events"] == 1
    dead_letter_store.replay(first.id, "key:ops")
    world.run()
    with reading() as session:
        assert [row.subject for row in session.scalars(select(InboxEvent))] == ["m1"]


@settings(max_examples=examples(30), suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["sync", "message"]),
            st.sampled_from(["pending", "sending", "done", "skipped", "uncertain", "dead", "cancelled"]),
            st.integers(0, 800),
            st.sampled_from(["m1", "m2"]),
        ),
        max_size=12,
    ),
    nights=st.integers(1, 3),
)
@example(rows=[("sync", "pending", 0, "m1"), ("sync", "done", 400, "m1")], nights=1)
def test_only_what_the_rule_names_goes(kept_for_a_year, rows, nights):
    """Whatever there is, on however many nights: exactly the finished, the old, and those outside open journeys go."""

    def empty(session):
        for table in (Delivery, Enrolment, JourneyVersion):
            session.execute(table.__table__.delete())

    transact(empty)
    enrol("m2", "active")
    rows = sorted(rows, key=lambda row: row[2], reverse=True)  # numbers are given in the order of time
    made = [delivery(timedelta(days=age), kind=kind, state=state, subject=who) for kind, state, age, who in rows]
    if made:
        add(*made)
    for _ in range(nights):
        retention.forget()
    goes = {"sync": {"done", "skipped"}, "message": {"done", "skipped", "cancelled"}}
    stays = [row for row in rows if not (row[1] in goes[row[0]] and row[2] > 365 and row[3] == "m1")]
    assert left(Delivery) == len(stays)


@pytest.fixture
def statements() -> Iterator[list[Any]]:
    """What is executed."""
    with tsql.recorded(inserts=True) as found:
        yield found


def test_statements_are_valid_tsql(kept_for_a_year, statements):
    """Azure SQL takes each of them, and none touches more than a page of rows."""
    retention.forget()  # its marks are there
    add(handled(), delivery(), delivery(kind="message"), line(), handled(key="k2", subject=None))
    statements.clear()
    retention.forget()
    deletions = 0
    for statement in statements:
        text = tsql.compiled(statement)
        tsql.check(text)
        deletions += text.startswith("DELETE")
    assert deletions == 4
