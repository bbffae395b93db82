"""`/api/v1/leads`: the list, one lead, and its log in order."""

import json
from datetime import timedelta
from typing import Any

import pytest

from functions.bookings.tables import Booking, BookingUid
from functions.leads import ids
from functions.leads.tables import Lead
from shared import clock
from shared.journeys import engine
from shared.store.message_models import MessageStatus, ReceivedMessage
from shared.store.models import ActionLog, DeadLetter, Delivery, InboxEvent
from shared.store.session import transact
from tests.conftest import START
from tests.unit.web.calls import Api
from tests.unit.web.test_web_tsql import _check_tsql, statements  # noqa: F401  # a fixture

BIG = 2**53 - 1


def kept(number: int, hours: int = 0, **more: Any) -> None:
    """A lead in our record."""
    at = START + timedelta(hours=hours)
    values: dict[str, Any] = {
        "name": f"Ana {number}",
        "email": f"a{number}@example.com",
        "phone": "+525512345678",
        "phone_original": "55 1234 5678",
        "company": "Acme",
        "service": "Ventas",
        "source": "web",
        "received_at": at,
        "said_at": at,
    }
    transact(lambda session: session.add(Lead(id=number, **(values | more))))


@pytest.fixture
def leads(api: Api) -> Api:
    """Three of them; their numbers are in another order than their times."""
    kept(BIG, 0)
    kept(5, 1, company="Zeta", service="Web", status="booked", kommo_sync_status="error")
    kept(70, 2, phone=None, phone_original="1234567", source="feria")
    return api


def test_forms_and_first_contact_are_shown(leads: Api) -> None:
    """How many forms came, and when messages begin: null for a lead that nobody contacts."""
    kept(8, 3, forms=3, first_contact_at=START + timedelta(hours=4))
    eight, seventy = leads.get("/api/v1/leads/", limit=2).json["items"]
    assert (eight["forms"], eight["first_contact_at"]) == (3, "2026-03-02T13:00:00Z")
    assert (seventy["forms"], seventy["first_contact_at"]) == (1, None)
    assert leads.get("/api/v1/leads/8").json == eight


def numbers(api: Api, **query: Any) -> list[int]:
    return [item["id"] for item in api.get("/api/v1/leads/", **query).json["items"]]


def test_the_newest_comes_first(leads: Api) -> None:
    """By when they came and not by their numbers, in pages that meet."""
    assert numbers(leads) == [70, 5, BIG]
    assert numbers(leads, order="oldest") == numbers(leads, sort="received_at") == [BIG, 5, 70]
    first = leads.get("/api/v1/leads", limit=2).json
    assert (first["total"], len(first["items"])) == (3, 2)
    assert numbers(leads, limit=2, after=first["next"]) == [BIG]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"email": "A5@Example.com"}, [5]),
        ({"phone": "(55) 1234-5678"}, [5, BIG]),
        ({"phone": "1234567"}, [70]),
        ({"status": "booked"}, [5]),
        ({"service": "Ventas", "source": "web"}, [BIG]),
        ({"kommo_sync_status": "error"}, [5]),
        ({"since": "2026-03-02T10:00:00Z", "until": "2026-03-02T11:00:00Z"}, [5]),
        ({"q": "zet"}, [5]),
        ({"q": "12345678"}, [5, BIG]),
    ],
)
def test_filters_narrow_the_list(leads: Api, query: dict[str, str], found: list[int]) -> None:
    """All must fit."""
    assert numbers(leads, **query) == found


@pytest.mark.parametrize("query", [{"mail": "x"}, {"status": "lost"}, {"sort": "email"}, {"email": ""}])
def test_a_filter_that_is_none_is_refused(leads: Api, query: dict[str, str]) -> None:
    """Rather than taken for a wish for all."""
    assert leads.get("/api/v1/leads", **query).status == 422


def test_one_lead(leads: Api) -> None:
    """With its numbers whole; 404 for none."""
    answer = leads.get(f"/api/v1/leads/{BIG}")
    assert (answer.status, answer.json["id"], answer.json["synced_at"]) == (200, BIG, None)
    assert answer.json["received_at"] == "2026-03-02T09:00:00Z"
    assert leads.get("/api/v1/leads/6").status == 404
    assert leads.get("/api/v1/leads/6/log").status == 404


def test_reading_needs_its_scope(leads: Api) -> None:
    """A sender of webhooks reads nobody's data."""
    for path in ("/api/v1/leads", "/api/v1/leads/5", "/api/v1/leads/5/log"):
        assert [leads.get(path, key=key).status for key in ("read-key", "hook-key", "write-key", None)] == [200, 403, 403, 401]


def history(number: int) -> None:
    """Something of every kind, written in no order; and the same of somebody else."""
    at = lambda minutes: START + timedelta(minutes=minutes)  # noqa: E731

    def work(session: Any) -> None:
        name = ids.key(number)
        mail = Delivery(
            kind="message", target="brevo", action="email", subject=name, dedupe_key=f"k{number}", state="done", due_at=at(1),
            payload={"to": "a@example.com", "template": "lead_welcome", "context": {"step": "welcome_email"}},
            result={"id": "<1@brevo>"}, created_at=at(1),
        )  # fmt: skip
        note = Delivery(
            kind="message", target="kommo", action="note", subject=name, dedupe_key=f"n{number}", due_at=at(3),
            created_at=at(3), payload={"name": "email_sent", "variables": {}},
        )  # fmt: skip
        session.add_all([mail, note])
        session.flush()
        status = MessageStatus(provider="brevo", vendor_id=f"<{number}@brevo>", delivery_id=mail.id, status="opened")
        status.history = [
            {"status": "delivered", "at": at(4).isoformat(), "reason": None},
            {"status": "opened", "at": at(5).isoformat(), "reason": None},
        ]
        booking = Booking(
            calendar="calcom", uid=f"u{number}", current_uid=f"u{number}", lead_id=number, said_at=at(6), start_at=at(99)
        )
        session.add_all([status, booking])
        session.flush()
        session.add_all([
            BookingUid(uid=f"u{number}", booking_id=booking.id),
            ActionLog(at=at(2), actor="system", action="brevo.email", subject=name, delivery_id=mail.id, attempt=1,
                      result="done"),
            ActionLog(at=at(3), actor="system", action="kommo.note", subject=name, delivery_id=note.id, attempt=1,
                      result="unavailable", detail="Kommo answered 503"),
            InboxEvent(key=f"i{number}", event_id="e", source="lead", type="lead.form", subject=name, occurred_at=at(0),
                       received_at=at(0), handled_at=at(0), data={"nombre": "Ana"}),
            InboxEvent(key=f"b{number}", event_id="b", source="calcom", type="calcom.booking", subject=f"booking:u{number}",
                       occurred_at=at(6), received_at=at(6), handled_at=at(6), data={}),
            DeadLetter(key=f"d{number}", original_queue="lead-queue", original_event="{}", type="lead.form", subject=name,
                       reason="x", error_message="why", error_time=at(7), created_at=at(7)),
        ])  # fmt: skip

    transact(work)


def test_a_log_tells_all_in_order(leads: Api) -> None:
    """As the old system told it: time, channel, action, status; the vendor's ids; what failed is an error."""
    history(5)
    history(70)
    items = leads.get("/api/v1/leads/5/log").json["items"]
    assert [(item["channel"], item["data"]["action"], item["data"]["status"]) for item in items] == [
        ("form", "lead.form", "applied"),
        ("email", "brevo.email", "planned"),
        ("email", "brevo.email", "done"),
        ("kommo", "kommo.note", "planned"),
        ("error", "kommo.note", "unavailable"),
        ("email", "brevo.email", "delivered"),
        ("email", "brevo.email", "opened"),
        ("booking", "calcom.booking", "applied"),
        ("booking", "calcom.booking", "booked"),
        ("error", "lead.form", "parked"),
    ]
    assert {item["data"]["lead_id"] for item in items} == {5}
    assert items[2]["timestamp"] == "2026-03-02T09:02:00Z"
    assert items[2]["data"] | {"delivery_id": 0} == {
        "action": "brevo.email", "lead_id": 5, "status": "done", "actor": "system", "attempt": 1, "delivery_id": 0,
        "provider": "brevo", "sid": "<1@brevo>", "template": "lead_welcome", "step": "welcome_email",
    }  # fmt: skip
    assert items[4]["data"]["error"] == "Kommo answered 503"


def test_a_log_comes_in_pages(leads: Api) -> None:
    """They meet, also within one instant; a cursor of another place is refused."""
    history(5)
    whole = leads.get("/api/v1/leads/5/log").json["items"]
    pages, after = [], None
    while True:
        page = leads.get("/api/v1/leads/5/log", limit=3, **({"after": after} if after else {})).json
        pages += page["items"]
        after = page["next"]
        if after is None:
            break
    assert pages == whole
    assert leads.get("/api/v1/leads/5/log", after="5").status == 422
    assert leads.get("/api/v1/leads/5/log", after="2026-99-99T00:00:00Z~1~1~1").status == 422


@pytest.mark.parametrize(("query", "headers"), [({"format": "jsonl"}, {}), ({}, {"accept": "application/x-ndjson"})])
def test_a_log_may_be_taken_away_as_json_lines(leads: Api, query: dict[str, str], headers: dict[str, str]) -> None:
    """The same entries, one a line, all of them."""
    history(5)
    whole = leads.get("/api/v1/leads/5/log").json["items"]
    answer = leads.get("/api/v1/leads/5/log", headers=headers, **query)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in answer.body.decode().splitlines()] == whole


def test_a_log_shows_no_address_of_a_message(leads: Api) -> None:
    """Of what is sent it says which text, not where to; the form itself is shown as it came."""
    history(5)
    assert b"a@example.com" not in leads.get("/api/v1/leads/5/log").body


def test_what_they_write_is_in_the_log(leads: Api) -> None:
    """Whoever has the number; a lead without one has no messages."""
    row = ReceivedMessage(provider="twilio", vendor_id="SM1", channel="whatsapp", sender="+525512345678", text="¿Precio?",
                          media=[], state="unread", received_at=START)  # fmt: skip
    transact(lambda session: session.add(row))
    (item,) = leads.get("/api/v1/leads/5/log").json["items"]
    assert (item["channel"], item["data"]["action"], item["data"]["text"]) == ("message", "message.received", "¿Precio?")
    assert leads.get("/api/v1/leads/70/log").json["items"] == []


def test_an_empty_log_is_empty(leads: Api, test_clock: clock.TestClock) -> None:
    """A lead that came by hand has none."""
    del test_clock
    assert leads.get("/api/v1/leads/5/log").json == {"items": [], "next": None}


def test_statements_are_valid_tsql(leads: Api, statements: list[Any]) -> None:  # noqa: F811  # the fixture
    """Azure SQL takes the list with all its filters and in pages, and every part of a log."""
    history(5)
    transact(lambda session: engine.signal(session, "lead.created", ["lead:5"], {"email": "a@example.com"}, event_key="e"))
    statements.clear()
    after = leads.get("/api/v1/leads", limit=1).json["next"]
    query = {"q": "ana", "email": "a@example.com", "phone": "5512345678", "status": "new", "service": "s", "source": "w"}
    more = {"kommo_sync_status": "error", "since": "2026-01-01", "until": "2027-01-01", "after": after}
    assert leads.get("/api/v1/leads", **query, **more).status == 200
    assert leads.get("/api/v1/leads", q="5512", sort="received_at").status == 200
    assert leads.get("/api/v1/leads/5").status == 200
    assert "journey" in {item["channel"] for item in leads.get("/api/v1/leads/5/log").json["items"]}
    assert len(statements) > 10
    _check_tsql(statements)


def test_what_people_do_is_told_where_it_was_done(leads: Api) -> None:
    """A note that is taken back by hand: in the channel of the note, with who did it."""
    history(5)
    number = leads.get("/api/v1/deliveries", subject="lead:5", target="kommo").json["items"][0]["id"]
    assert leads.post(f"/api/v1/deliveries/{number}/cancel").status == 200
    entry = leads.get("/api/v1/leads/5/log").json["items"][-1]
    assert (entry["channel"], entry["data"]["action"], entry["data"]["status"]) == ("kommo", "delivery.cancel", "cancelled")
    assert (entry["data"]["actor"], entry["data"]["provider"], entry["data"]["note"]) == ("key:ops", "kommo", "email_sent")
