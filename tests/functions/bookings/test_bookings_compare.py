"""Our bookings held against the calendars' own, through the real clients and the sandbox's stand-ins."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.bookings import calcom_api, calendly_api, compare, triggers
from functions.bookings.tables import Booking
from sandbox.calcom import Calcom
from sandbox.calendly import Calendly
from sandbox.jsonapi import answer_json
from shared import clock, queues
from shared.crm import reconciliations
from shared.settings import get_settings
from shared.store.models import InboxEvent, Reconciliation
from shared.vendors import rest_client
from tests.functions.bookings.test_bookings import rows, vendors
from tests.support.comparisons import found, whole
from tests.support.functions import named
from tests.support.sandbox import connect
from tests.support.world import World

__all__ = ["vendors"]  # a fixture
NOW = datetime(2026, 3, 2, 17, tzinfo=UTC)
ANA = {"name": "Ana Díaz", "email": "ana@example.com", "phone": "+525512345678"}
REFUSAL = answer_json({"status": "error", "error": {"code": "UnauthorizedException"}}, 401)


@pytest.fixture
def calcom() -> Calcom:
    """Cal.com, whose webhooks nobody takes."""
    made = Calcom()
    made.now = lambda: NOW
    return made


@pytest.fixture
def calendly() -> Calendly:
    """Calendly, whose webhooks nobody takes."""
    made = Calendly()
    made.now = lambda: NOW
    return made


@pytest.fixture
def ours(
    world: World, vendors, environment: pytest.MonkeyPatch, test_clock, calcom: Calcom, calendly: Calendly
) -> Iterator[World]:
    """The app with tokens for both calendars, on a Monday."""
    known = {"CALCOM_TOKEN": "t", "CALCOM_BASE_URL": "http://127.0.0.1:7072/calcom", "CALENDLY_TOKEN": "t"}
    for name, value in (known | {"CALENDLY_BASE_URL": "http://127.0.0.1:7072/calendly/api"}).items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    connect(environment, {"Cal.com": calcom, "Calendly": calendly})
    test_clock.moment = NOW
    world.handlers[triggers.QUEUE] = named("calcom_handler")
    yield world
    rest_client.drop_connections()


def states() -> list[tuple[str | None, str]]:
    """Who has a booking, and how it stands."""
    return sorted((row.email, row.status) for row in rows(Booking))


def test_calcom_gaps_are_counted_and_filled(ours: World, calcom: Calcom) -> None:
    """Booked, moved, cancelled, missed, asked for, two seats: all without a webhook. Filling twice is as once."""
    calcom.act("book", ANA)
    moved = calcom.act("book", ANA | {"email": "leo@example.com"})
    calcom.act("reschedule", {"id": moved["uid"]})
    off = calcom.act("book", ANA | {"email": "bea@example.com"})
    calcom.act("cancel", {"id": off["uid"]})
    missed = calcom.act("book", ANA | {"email": "eva@example.com"})
    calcom.act("no_show", {"id": missed["uid"]})
    calcom.act("book", ANA | {"email": "luz@example.com", "confirm": True})
    seats = calcom.act("book", ANA | {"email": "uno@example.com", "seats": 2})
    calcom.act("book", ANA | {"email": "dos@example.com", "join": seats["uid"]})
    assert found(whole(compare.with_calcom)) == (8, 0, {"missing": 8})
    assert rows(Booking) == []
    for _ in range(2):
        whole(compare.with_calcom, fill=True)
        ours.run()
    assert states() == [
        ("ana@example.com", "booked"),
        ("bea@example.com", "cancelled"),
        ("dos@example.com", "booked"),
        ("eva@example.com", "no-show"),
        ("leo@example.com", "booked"),
        ("luz@example.com", "requested"),
        ("uno@example.com", "booked"),
    ]
    assert found(whole(compare.with_calcom)) == (8, 8, {})
    assert len(rows(InboxEvent)) == 8


def test_calcom_cancellation_that_never_came(ours: World, calcom: Calcom) -> None:
    """The booking stands here and not there; what we know to be newer stays."""
    booking = calcom.act("book", ANA)
    whole(compare.with_calcom, fill=True)
    ours.run()
    calcom.now = lambda: NOW + timedelta(hours=1)
    calcom.act("cancel", {"id": booking["uid"]})
    report = whole(compare.with_calcom, fill=True)
    assert found(report) == (1, 0, {"status": 1})
    assert report.examples["status"][0]["booking"] == booking["uid"]
    ours.run()
    assert states() == [("ana@example.com", "cancelled")]


def test_calendly_gaps_are_counted_and_filled(ours: World, calendly: Calendly) -> None:
    """Booked, moved, cancelled, missed: a moved one is one booking at its new time."""
    calendly.act("book", ANA)
    first = calendly.act("book", ANA | {"email": "leo@example.com"})
    second = calendly.act("reschedule", {"id": first["uid"]})
    off = calendly.act("book", ANA | {"email": "bea@example.com"})
    calendly.act("cancel", {"id": off["uid"]})
    missed = calendly.act("book", ANA | {"email": "eva@example.com"})
    calendly.act("no_show", {"id": missed["uid"]})
    assert found(whole(compare.with_calendly)) == (5, 0, {"missing": 5})
    for _ in range(2):
        whole(compare.with_calendly, fill=True)
        ours.run()
    assert states() == [
        ("ana@example.com", "booked"),
        ("bea@example.com", "cancelled"),
        ("eva@example.com", "no-show"),
        ("leo@example.com", "booked"),
    ]
    (leo,) = rows(Booking, email="leo@example.com")
    assert leo.current_uid.endswith(second["uid"])
    assert found(whole(compare.with_calendly)) == (5, 5, {})


def test_every_night_both_are_compared_and_reported(ours: World, calcom: Calcom) -> None:
    """By the comparison's own queue; nothing is filled at night."""
    calcom.act("book", ANA)
    assert compare.ask_nightly() == 2
    for row in rows(Reconciliation):
        reconciliations.carry_out(row.id)
    reports = {row.system: (row.state, row.dry_run, row.compared, row.counts) for row in rows(Reconciliation)}
    assert reports == {"calcom": ("done", True, 1, {"missing": 1}), "calendly": ("done", True, 0, {})}
    assert rows(Booking) == []


@pytest.mark.parametrize(("system", "at_once"), [("calcom", "PAGE_SIZE"), ("calendly", "MEETINGS_AT_ONCE")])
def test_comparison_that_is_too_long_goes_on_where_it_stopped(
    ours: World,
    calcom: Calcom,
    calendly: Calendly,
    environment: pytest.MonkeyPatch,
    test_clock: clock.TestClock,
    system: str,
    at_once: str,
) -> None:
    """A page a round, and a worker that dies after its page was compared: each booking is counted and filled once."""
    environment.setattr({"calcom": calcom_api, "calendly": calendly_api}[system], at_once, 2)
    for number in range(5):
        {"calcom": calcom, "calendly": calendly}[system].act("book", ANA | {"email": f"a{number}@example.com"})
    environment.setattr(reconciliations, "ROUND", timedelta(0))
    number = reconciliations.ask(queues.RECONCILE_QUEUE, "test", dry_run=False, system=system)
    keep, dead = reconciliations._kept, []

    def die_once(*args: Any, **named: Any) -> bool:
        if not dead:
            dead.append(True)
            raise SystemExit
        return keep(*args, **named)

    environment.setattr(reconciliations, "_kept", die_once)
    with pytest.raises(SystemExit):
        reconciliations.carry_out(number)
    rounds = 0
    while (row := rows(Reconciliation)[0]).state == "asked":
        test_clock.advance(hours=1)  # the span of time stays that of the first page
        reconciliations.carry_out(number)
        rounds += 1
        assert rounds < 9
    assert (rounds, row.state, row.compared, row.counts, row.repaired) == (3, "done", 5, {"missing": 5}, 5)
    ours.run()
    assert len(rows(Booking)) == len(rows(InboxEvent)) == 5
    assert len(ours.storage.bodies(queues.RECONCILE_QUEUE)) == 0


def test_calendar_that_cannot_be_asked_is_reported(ours: World, environment: pytest.MonkeyPatch) -> None:
    """The report says why; without tokens nothing is asked."""
    environment.setattr(Calcom, "answer", lambda _self, _call: REFUSAL)
    number = reconciliations.ask(queues.RECONCILE_QUEUE, "test", dry_run=True, system="calcom")
    reconciliations.carry_out(number)
    (row,) = rows(Reconciliation)
    assert (row.state, "Cal.com" in (row.error or "")) == ("failed", True)
    for name in ("CALCOM_TOKEN", "CALENDLY_TOKEN"):
        environment.delenv(name)
    get_settings.cache_clear()
    assert compare.ask_nightly() == 0
