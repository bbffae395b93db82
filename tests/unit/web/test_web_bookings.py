"""`/api/v1/bookings`: the list and one of them, by any of its ids; and what Azure SQL makes of a booking."""

from datetime import timedelta
from typing import Any

import pytest

from functions.bookings import services
from functions.bookings.payloads import BookingEvent
from shared import clock
from shared.intake.envelope import Envelope
from shared.store.session import transact
from tests.conftest import START
from tests.unit.web.calls import Api
from tests.unit.web.test_web_leads import kept
from tests.unit.web.test_web_tsql import _check_tsql, statements  # noqa: F401  # a fixture


def say(trigger: str, uid: str, **more: Any) -> None:
    """The calendar says something."""
    word = BookingEvent(trigger=trigger, uid=uid, **more)
    envelope = Envelope(id=uid, source="calcom", type="calcom.booking", time=clock.now(), received=clock.now(), data=None)
    transact(lambda session: services.take(session, word, envelope, f"{trigger}:{uid}"))


@pytest.fixture
def meetings(api: Api) -> Api:
    """One that was put off, of a lead; one that was cancelled; one without a date."""
    kept(5, email="ana@example.com")
    day = timedelta(days=1)
    say("BOOKING_CREATED", "a1", email="ana@example.com", name="Ana", start_at=START + 5 * day, end_at=START + 5.1 * day)
    say("BOOKING_RESCHEDULED", "a2", follows="a1", email="ana@example.com", start_at=START + 9 * day, phone="55 1234 5678")
    say("BOOKING_CREATED", "b", email="eva@example.com", start_at=START + 6 * day)
    say("BOOKING_CANCELLED", "b")
    say("BOOKING_CREATED", "lead-7", lead_ref=7)
    return api


def uids(api: Api, **query: Any) -> list[str]:
    return [item["uid"] for item in api.get("/api/v1/bookings/", **query).json["items"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["lead-7", "b", "a1"]),
        ({"order": "oldest", "limit": 2}, ["a1", "b"]),
        ({"status": "booked"}, ["lead-7", "a1"]),
        ({"status": "cancelled"}, ["b"]),
        ({"lead_id": 5}, ["a1"]),
        ({"email": "EVA@example.com"}, ["b"]),
        ({"since": "2026-03-09T00:00:00Z"}, ["a1"]),
        ({"until": "2026-03-09T00:00:00Z"}, ["b"]),
    ],
)
def test_filters(meetings: Api, query: dict[str, Any], found: list[str]) -> None:
    """By the date that it has now; one without a date is in no span of time."""
    assert uids(meetings, **query) == found


@pytest.mark.parametrize("uid", ["a1", "a2"])
def test_one_by_any_of_its_ids(meetings: Api, uid: str) -> None:
    """The first and the newest lead to the same."""
    answer = meetings.get(f"/api/v1/bookings/{uid}")
    wanted = {
        "calendar": "calcom",
        "uid": "a1",
        "current_uid": "a2",
        "status": "booked",
        "lead_id": 5,
        "email": "ana@example.com",
        "name": "Ana",
        "phone": "+525512345678",
        "start_at": "2026-03-11T09:00:00Z",
    }
    assert answer.status == 200
    assert {name: answer.json[name] for name in wanted} == wanted


@pytest.mark.parametrize("uid", ["nobody", "a%201", "x" * 200, "%F0%9F%98%80"])
def test_there_is_none(meetings: Api, uid: str) -> None:
    """404, as a problem document."""
    answer = meetings.get(f"/api/v1/bookings/{uid}")
    assert (answer.status, answer.json["type"]) == (404, "urn:puente:problem:no-such-booking")


@pytest.mark.parametrize(
    "query", [{"status": "gone"}, {"lead_id": 0}, {"since": "yesterday"}, {"email": ""}, {"from": "2026-01-01"}]
)
def test_filter_that_makes_no_sense(api: Api, query: dict[str, Any]) -> None:
    """Refused, and not a list of everything."""
    assert api.get("/api/v1/bookings", **query).status == 422


def test_only_readers(api: Api) -> None:
    """A key with the scope `read`, and nobody without one."""
    found = [api.get("/api/v1/bookings", key=key).status for key in ("read-key", "hook-key", "write-key", None)]
    assert found == [200, 403, 403, 401]


@pytest.mark.slow
def test_azure_sql_takes_every_statement(api: Api, statements: list[Any]) -> None:  # noqa: F811  # the fixture
    """Of a booking's whole life, of a lead that comes later, and of the lists."""
    say("BOOKING_CREATED", "a1", email="ana@example.com", start_at=START + timedelta(days=5))
    say("BOOKING_RESCHEDULED", "a3", follows="a2", email="ana@example.com", start_at=START + timedelta(days=7), lead_ref=9)
    say("BOOKING_RESCHEDULED", "a2", follows="a1", email="ana@example.com", start_at=START + timedelta(days=6))
    kept(5, email="ana@example.com")
    transact(lambda session: services.adopt(session, 5, "lead5"))
    say("BOOKING_NO_SHOW_UPDATED", "a3", absent={"ana@example.com": True})
    say("BOOKING_CANCELLED", "a3")
    api.get("/api/v1/bookings?status=booked&lead_id=5&email=a@example.com&since=2026-01-01&until=2027-01-01&after=9")
    api.get("/api/v1/bookings/a2")
    assert len(statements) > 50
    _check_tsql(statements)


def test_comparisons_with_the_calendars(api: Api, storage: Any) -> None:
    """Asked for by calendar, listed with their reports; those with Odoo are listed apart."""
    made = api.post("/api/v1/bookings/comparisons", body={"calendar": "calcom", "dry_run": False})
    assert (made.status, made.json["state"], made.json["dry_run"]) == (202, "asked", False)
    (listed,) = api.get("/api/v1/bookings/comparisons").json["items"]
    assert (listed["id"], listed["calendar"], listed["counts"]) == (made.json["id"], "calcom", None)
    assert api.get("/api/v1/odoo/reconciliations").json["items"] == []
    assert api.get(f"/api/v1/odoo/reconciliations/{made.json['id']}").status == 404
    assert api.post("/api/v1/bookings/comparisons", body={"calendar": "outlook"}).status == 422
