"""Figures of a day: what the sources say of it, once, however often and by how many it is counted."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from functions.bookings import figures as bookings
from functions.bookings.tables import Booking
from functions.carts import figures as carts
from functions.carts import results
from functions.carts.tables import Cart, CartMessage, ShopOrder
from shared import clock, flows, model_use
from shared.journeys import by_day as journeys
from shared.store.figure_models import DayFigure, DayFold, ModelDay
from shared.store.journey_models import Enrolment, EnrolmentStep, JourneyVersion
from shared.store.models import ActionLog, Delivery
from shared.store.session import reading, transact
from shared.store.trial_keys import trial_key
from shared.watch import day_figures
from shared.watch.day_figures import Figure

DAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 18, tzinfo=UTC)  # 12:00 in Mexico City


@pytest.fixture(autouse=True)
def noon(database, test_clock):
    """It is noon of DAY where the figures are counted."""
    test_clock.moment = NOON


@pytest.fixture
def counts(monkeypatch):
    """A source that says how often it was asked, and of which times."""
    asked = []

    def source(_session, since, until):
        asked.append((since, until))
        yield Figure(name="asked", owner="me", number=len(asked))

    monkeypatch.setattr(flows, "parts", lambda name: (source,) if name == "figures" else ())
    return asked


def folded():
    with reading() as session:
        return {row.day: row.number for row in session.scalars(select(DayFigure).where(DayFigure.name == "asked"))}


def fold_all():
    while day_figures.fold():
        pass


def found(source, day=DAY):
    """What a source says of a day, added up as it is kept."""
    summed = Counter()
    with reading() as session:
        for each in source(session, *day_figures.bounds(day)):
            summed[each.name, each.owner, each.part] += each.number
    return +summed


def test_day_is_one_of_the_default_zone(monkeypatch):
    """It begins at midnight there, and has 23 or 25 hours where the clocks change."""
    begin, end = day_figures.bounds(DAY)
    assert (begin, end) == (datetime(2026, 3, 2, 6, tzinfo=UTC), datetime(2026, 3, 3, 6, tzinfo=UTC))
    monkeypatch.setattr(day_figures, "_zone", lambda: ZoneInfo("Europe/Madrid"))
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25)):
        begin, end = day_figures.bounds(day)
        assert end - begin == timedelta(hours=hours)


def test_day_is_counted_anew_and_not_added_up(counts, test_clock):
    """The day under way every quarter of an hour, earlier ones daily, and those of two weeks ago no more."""
    fold_all()
    assert len(counts) == day_figures.LATE + 1
    assert day_figures.fold() is None
    test_clock.advance(minutes=15)
    assert day_figures.fold() == DAY
    assert day_figures.fold() is None
    assert folded()[DAY] == len(counts)
    test_clock.advance(days=1)
    fold_all()
    assert min(day for day in folded() if folded()[day] > day_figures.LATE + 2) == DAY + timedelta(days=1 - day_figures.LATE)


def test_day_that_somebody_else_has_counted_meanwhile_is_left(counts):
    """Of two that begin at once one counts, whether the day was counted before or not."""
    for before in (None, NOON):
        now = NOON if before is None else NOON + timedelta(hours=1)
        assert transact(lambda session, before=before, now=now: day_figures._fold(session, DAY, before, now))
        assert not transact(lambda session, before=before, now=now: day_figures._fold(session, DAY, before, now))
    assert len(counts) == 2


def test_figures_and_their_time_are_one_transaction(counts, monkeypatch):
    """A source that fails leaves the day as it was, to be counted again."""
    fold_all()
    before = folded()

    def fails(_session, _since, _until):
        raise RuntimeError

    monkeypatch.setattr(flows, "parts", lambda _name: (fails,))
    with pytest.raises(RuntimeError):
        transact(lambda session: day_figures._fold(session, DAY, NOON, NOON + timedelta(hours=1)))
    with reading() as session:
        assert session.scalars(select(DayFold.folded_at).where(DayFold.day == DAY)).one() == NOON
    assert folded() == before


def test_sums_are_over_the_days_that_are_asked_for(counts):
    """Both ends included."""
    fold_all()
    with reading() as session:
        several = day_figures.sums(session, ["asked"], DAY - timedelta(days=1), DAY)
    assert several == {"asked": {("me", ""): folded()[DAY] + folded()[DAY - timedelta(days=1)]}}
    assert day_figures.last_days(7, clock.now()) == (DAY - timedelta(days=6), DAY)


def enrolled(session, journey="booking", **more):
    version = session.scalars(select(JourneyVersion).where(JourneyVersion.journey == journey)).first()
    if version is None:
        version = JourneyVersion(journey=journey, hash="1", definition={})
        session.add(version)
        session.flush()
    number = len(session.scalars(select(Enrolment.id)).all())
    facts = dict.fromkeys(("anchor_at", "data_at", "counted_until", "created_at"), clock.now())
    row = Enrolment(**(facts | {"journey": journey, "version_id": version.id, "person": "p", "enrol_key": f"k{number}"} | more))
    session.add(row)
    session.flush()
    return row


def test_meetings_are_told_apart_by_whether_a_reminder_went_out():
    """A step that was skipped is no reminder; a meeting of another day is not this day's, and one of a test is no meeting."""

    def work(session):
        for number, (status, state) in enumerate(
            (("ended", "sent"), ("ended", "sent"), ("no-show", "sent"), ("no-show", "skipped"), ("cancelled", None))
        ):
            facts = {"calendar": "calcom", "status": status, "said_at": NOON, "start_at": NOON, "instance": f"i{number}"}
            session.add(Booking(uid=f"u{number}", current_uid=f"u{number}", **facts))
            enrolment = enrolled(session, instance=f"i{number}")
            if state is not None:
                session.add(EnrolmentStep(enrolment_id=enrolment.id, step="reminder", state=state))
        tried = {"calendar": "calcom", "status": "ended", "said_at": NOON, "start_at": NOON, "of_test": True}
        session.add(Booking(uid="tried", current_uid="tried", **tried))
        later = {"start_at": NOON + timedelta(days=1), "said_at": NOON, "calendar": "calcom"}
        session.add(Booking(uid="later", current_uid="later", status="ended", **later))

    transact(work)
    assert found(bookings.of_bookings) == {
        ("booking", "reminded", "ended"): 2,
        ("booking", "reminded", "no-show"): 1,
        ("booking", "not reminded", "no-show"): 1,
        ("booking", "not reminded", "cancelled"): 1,
    }


def test_journeys_say_what_became_of_those_who_entered_that_day():
    """Whenever they left; who tests it does not count, nor whom a test event has put into it."""

    def work(session):
        enrolled(session, state="exited", reason="booking.created")
        enrolled(session, state="exited", reason="booking.created")
        enrolled(session, state="active")
        enrolled(session, state="finished")
        enrolled(session, testing=True)
        enrolled(session, event_key=trial_key("k1"))
        enrolled(session, event_key="k2", state="active")
        enrolled(session, created_at=NOON - timedelta(days=1))

    transact(work)
    assert found(journeys.of_journeys) == {
        ("journey-began", "booking", ""): 5,
        ("journey-left", "booking", "exited:booking.created"): 2,
        ("journey-left", "booking", "active:"): 2,
        ("journey-left", "booking", "finished:"): 1,
    }


def test_messages_count_when_a_vendor_has_taken_them():
    """By journey and channel; what failed, what is no message and what is of another day does not."""

    def work(session):
        for number, (kind, result, hours) in enumerate(
            (
                ("message", "done", 0),
                ("message", "done", 0),
                ("message", "unavailable", 0),
                ("sync", "done", 0),
                ("message", "done", 24),
            )
        ):
            row = Delivery(kind=kind, target="twilio", action="whatsapp", subject="p", due_at=NOON, state="done")
            session.add(row)
            session.flush()
            at = NOON + timedelta(hours=hours)
            session.add(
                ActionLog(actor="puente", action="twilio.whatsapp", delivery_id=row.id, at=at, attempt=1, result=result)
            )
            if number == 0:
                session.add(EnrolmentStep(enrolment_id=enrolled(session).id, step="s", state="sent", delivery_id=row.id))

    transact(work)
    assert found(journeys.of_messages) == {("message-sent", "booking", "whatsapp"): 1, ("message-sent", "", "whatsapp"): 1}


def test_carts_count_once_by_their_first_reminder():
    """However many they had; an order counts once it is paid, whenever that was. The series of a test is none."""

    def work(session):
        for number, sent in enumerate(((0, 30), (0,), (-30, 0))):
            facts = {"store": "s", "cart_id": f"c{number}", "variant": "a", "changed_at": NOON}
            cart = Cart(**facts)
            session.add(cart)
            session.flush()
            for hours in sent:
                at = NOON + timedelta(hours=hours)
                message = {"step": "first", "channel": "email", "variant": "a", "status": "sent", "sent_at": at}
                identity = {"delivery_id": 100 * number + hours + 50, "enrolment_id": 100 + number}
                session.add(CartMessage(cart_id=cart.id, **message, **identity))
            paid_at = NOON + timedelta(days=3) if number == 0 else None
            session.add(ShopOrder(store="s", order_id=f"o{number}", recovered_cart_id=cart.id, paid_at=paid_at))

        tried = Cart(store="s", cart_id="tried", variant="a", changed_at=NOON)
        session.add(tried)
        session.flush()
        test = enrolled(session, "carts", event_key=trial_key("k1"))
        message = {"step": "first", "channel": "email", "variant": "a", "status": "sent", "sent_at": NOON}
        session.add(CartMessage(cart_id=tried.id, **message, delivery_id=999, enrolment_id=test.id))

    transact(work)
    with reading() as session:
        assert sum(each.sent for each in results.results(session, *day_figures.bounds(DAY))) == 3
    assert found(carts.of_carts) == {("cart-reminded", "", ""): 2, ("cart-recovered", "", ""): 1}


def test_tokens_are_counted_by_flow_model_and_day(monkeypatch, test_clock):
    """Every answer, also one that was asked for twice; an answer that names no usage counts as a call."""
    answers = [{"model": "m", "usage": {"input_tokens": 1000, "output_tokens": 50}}] * 2 + [{"model": "m"}]
    monkeypatch.setattr(model_use.openai, "ask", lambda _body, _what: answers.pop())
    for _ in range(3):
        model_use.ask({}, "asking", "tickets")
    with reading() as session:
        (row,) = session.scalars(select(ModelDay)).all()
    assert (row.day, row.flow, row.model) == (DAY, "tickets", "m")
    assert (row.calls, row.input_tokens, row.output_tokens) == (3, 2000, 100)
