"""The sandbox's Calendly: what it sends is signed, shaped and read as the real one's."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest

from functions.bookings.calendly import CalendlyEvent, data_of, is_native
from sandbox.calendly import KEY, Calendly
from sandbox.vendor import Call, UnknownActionError, Webhook
from shared import clock
from shared.errors import RefusedError
from shared.intake import signatures
from tests.support.sandbox import call

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
ANA = {"name": "Ana López", "email": "ana@example.com", "phone": "+5215512345678", "start": "2026-03-04T16:00:00Z"}


@pytest.fixture
def sent() -> list[Webhook]:
    """What it has sent."""
    return []


@pytest.fixture
def vendor(sent: list[Webhook]) -> Calendly:
    """A new calendar, whose clock stands still."""
    made = Calendly()
    made.now = lambda: NOW
    made.courier = sent.append
    return made


def body_of(webhook: Webhook) -> dict[str, Any]:
    """The body of a webhook."""
    return dict(json.loads(webhook.body))


def read(vendor: Calendly, webhook: Webhook) -> CalendlyEvent:
    """What our flow understands of it, its signature checked first."""
    headers = {name.lower(): value for name, value in vendor.signature(webhook).items()}
    with clock.frozen(NOW):
        signatures.calendly(headers, webhook.body, [KEY])
    assert is_native(headers, body_of(webhook))
    return CalendlyEvent.model_validate(data_of(body_of(webhook)))


def test_a_booking_is_an_invitee_who_was_created(vendor: Calendly, sent: list[Webhook]) -> None:
    """With the meeting, and where the link stood."""
    row = vendor.act("book", {**ANA, "metadata": {"utm_source": "mail"}})
    (webhook,) = sent
    body = body_of(webhook)
    assert (webhook.url, set(body)) == (
        "/api/v1/christmas/noshow-recovery-handler",
        {"event", "created_at", "created_by", "payload"},
    )
    payload = body["payload"]
    assert (body["event"], body["created_at"], payload["status"]) == (
        "invitee.created",
        "2026-03-02T15:00:00.000000Z",
        "active",
    )
    assert payload["uri"].startswith(payload["event"] + "/invitees/")
    assert (payload["scheduled_event"]["uri"], payload["tracking"]["utm_source"]) == (payload["event"], "mail")
    assert (payload["rescheduled"], payload["old_invitee"], payload["no_show"]) == (False, None, None)
    known = read(vendor, webhook)
    assert (known.email, known.first_name, known.last_name, known.phone) == (ANA["email"], "Ana", "López", ANA["phone"])
    assert (known.trigger, known.booking, known.start_at) == (
        "BOOKING_CREATED",
        f"https://api.calendly.com/scheduled_events/{row['event']}/invitees/{row['uid']}",
        datetime(2026, 3, 4, 16, tzinfo=UTC),
    )
    assert known.change_url == f"http://127.0.0.1:7072/calendly/reschedulings/{row['uid']}"
    assert known.meeting_url == f"http://127.0.0.1:7072/calendly/meet/{row['uid']}"


@pytest.mark.parametrize("created_first", [False, True])
def test_what_is_put_off_is_told_twice(vendor: Calendly, sent: list[Webhook], *, created_first: bool) -> None:
    """The old invitee is off but names the new one, and the other way round; in either order."""
    old = vendor.act("book", ANA)
    new = vendor.act("reschedule", {"id": old["uid"], "created_first": created_first})
    bodies = {body["event"]: body["payload"] for body in map(body_of, sent[1:])}
    assert [webhook.what for webhook in sent[1:]] == ["invitee.canceled", "invitee.created"][:: -1 if created_first else 1]
    off, on = bodies["invitee.canceled"], bodies["invitee.created"]
    assert (off["rescheduled"], off["status"], off["new_invitee"]) == (True, "canceled", on["uri"])
    assert (on["rescheduled"], on["status"], on["old_invitee"]) == (False, "active", off["uri"])
    assert on["event"] != off["event"]
    assert (new["start"], off["cancellation"]["canceler_type"]) == ("2026-03-05T16:00:00Z", "invitee")
    booked, moved = (event for event in map(partial(read, vendor), sent) if event.trigger == "BOOKING_CREATED")
    assert (moved.booking, moved.follows) == (on["uri"], booked.booking)


def test_a_booking_that_is_called_off(vendor: Calendly, sent: list[Webhook]) -> None:
    """By the host, with the reason; once."""
    row = vendor.act("book", ANA)
    vendor.act("cancel", {"id": row["uid"], "by": "host", "reason": "Viaje"})
    payload = body_of(sent[-1])["payload"]
    cancellation = payload["cancellation"]
    assert (cancellation["canceler_type"], cancellation["reason"], payload["rescheduled"]) == ("host", "Viaje", False)
    assert payload["scheduled_event"]["status"] == "canceled"
    assert read(vendor, sent[-1]).trigger == "BOOKING_CANCELLED"
    with pytest.raises(ValueError, match="is canceled"):
        vendor.act("no_show", {"id": row["uid"]})


def test_an_invitee_who_did_not_come(vendor: Calendly, sent: list[Webhook]) -> None:
    """Told whole or short; and taken back."""
    row = vendor.act("book", ANA)
    vendor.act("no_show", {"id": row["uid"]})
    whole = read(vendor, sent[-1])
    assert (whole.trigger, whole.absent, whole.at, whole.email) == ("BOOKING_NO_SHOW_UPDATED", {"": True}, NOW, ANA["email"])
    vendor.act("take_back", {"id": row["uid"]})
    back = read(vendor, sent[-1])
    assert (back.trigger, back.absent, back.has_ended) == ("BOOKING_NO_SHOW_UPDATED", {"": False}, True)
    with pytest.raises(ValueError, match="not marked"):
        vendor.act("take_back", {"id": row["uid"]})
    vendor.act("no_show", {"id": row["uid"], "bare": True})
    short = read(vendor, sent[-1])
    assert set(body_of(sent[-1])["payload"]) == {"uri", "invitee", "created_at"}
    assert (short.booking, short.at) == (whole.booking, NOW)


def test_a_signature_has_its_time(vendor: Calendly, sent: list[Webhook]) -> None:
    """Sent again, a webhook keeps its first one, which counts for a day; altered ones and other keys' are refused."""
    vendor.act("book", ANA)
    (webhook,) = sent
    signed = vendor.signature(webhook)
    vendor.now = lambda: NOW + timedelta(hours=20)
    assert vendor.signature(webhook) == signed
    with clock.frozen(NOW + timedelta(hours=20)):
        signatures.calendly(signed, webhook.body, [KEY])
        for body, key in ((webhook.body + b" ", KEY), (webhook.body, "other")):
            with pytest.raises(RefusedError):
                signatures.calendly(signed, body, [key])
    with clock.frozen(NOW + timedelta(hours=25)), pytest.raises(RefusedError, match="stale-signature"):
        signatures.calendly(signed, webhook.body, [KEY])


def ask(vendor: Calendly, path: str, *, known: bool = True, **query: str) -> tuple[int, dict[str, Any]]:
    """What its API answers to a reading call."""
    headers = {"Authorization": "Bearer t"} if known else {}
    answer = vendor.answer(Call(method="GET", path=f"/api{path}", headers=headers, query=query))
    return answer.status, json.loads(answer.body)


def test_its_api_says_what_there_is(vendor: Calendly) -> None:
    """Meetings by the page, each with its invitee; with a token, for the organization that it names."""
    rows = [vendor.act("book", ANA | {"start": f"2026-03-0{day}T16:00:00Z"}) for day in (4, 5, 6)]
    organization = ask(vendor, "/users/me")[1]["resource"]["current_organization"]
    asked = {"organization": organization, "min_start_time": "2026-03-05T00:00:00Z", "count": "1"}
    _, page = ask(vendor, "/scheduled_events", **asked)
    _, following = ask(vendor, "/scheduled_events", **asked, page_token=page["pagination"]["next_page_token"])
    found = [meeting["uri"].rpartition("/")[2] for meeting in page["collection"] + following["collection"]]
    assert (found, following["pagination"]["next_page_token"]) == ([row["event"] for row in rows[1:]], None)
    _, people = ask(vendor, f"/scheduled_events/{rows[0]['event']}/invitees")
    assert [one["email"] for one in people["collection"]] == [ANA["email"]]
    assert (ask(vendor, "/users/me", known=False)[0], ask(vendor, "/scheduled_events/x/invitees")[0]) == (401, 404)


def test_a_subscription_that_is_disabled_sends_nothing(vendor: Calendly, sent: list[Webhook]) -> None:
    """As the real one's, after a day of refusals; its API says so."""
    organization = ask(vendor, "/users/me")[1]["resource"]["current_organization"]
    for state in ("disabled", "deleted", "active"):
        vendor.act("subscription", {"state": state})
        vendor.act("book", ANA)
        _, found = ask(vendor, "/webhook_subscriptions", organization=organization, scope="organization")
        assert [one["state"] for one in found["collection"]] == ([] if state == "deleted" else [state])
    assert len(sent) == 1


def test_the_meeting_has_a_page(vendor: Calendly, sent: list[Webhook]) -> None:
    """The link of the meeting leads somewhere, and the page of a booking that is off says so."""
    row = vendor.act("book", ANA)
    link = body_of(sent[0])["payload"]["scheduled_event"]["location"]["join_url"].removeprefix("http://127.0.0.1:7072/calendly")
    assert "Sala de la llamada" in vendor.answer(call("GET", link)).body.decode()
    vendor.act("cancel", {"id": row["uid"]})
    page = vendor.answer(call("GET", f"/cancellations/{row['uid']}"))
    assert (page.status, "se canceló" in page.body.decode()) == (200, True)


def test_a_person_books_and_puts_off(vendor: Calendly, sent: list[Webhook]) -> None:
    """On the pages that its links lead to."""
    times = vendor.calendar.offered()
    assert "utm_source" in vendor.answer(call("GET", "/book?utm_source=mail")).body.decode()
    fields = {"name": "Ana", "email": "ana@example.com", "metadata[utm_source]": "mail"}
    body = urlencode(fields | {"start": times[0].isoformat()}).encode()
    assert vendor.answer(Call(method="POST", path="/book", body=body)).status == 303
    link = body_of(sent[0])["payload"]["reschedule_url"].removeprefix("http://127.0.0.1:7072/calendly")
    moved = vendor.answer(Call(method="POST", path=link, body=urlencode({"start": times[1].isoformat()}).encode()))
    assert (moved.status, len(sent)) == (303, 3)
    assert moved.headers["Location"].startswith("/calendly/cancellations/")
    assert body_of(sent[0])["payload"]["tracking"]["utm_source"] == "mail"
    assert vendor.answer(call("GET", "/users/me")).status == 404
    assert vendor.what(call("GET", link)) == "GET reschedulings"


def test_the_board_says_what_became_of_each(vendor: Calendly) -> None:
    """With the buttons that fit; what its file holds it goes on with."""
    first, second, third = (vendor.act("book", ANA) for _ in range(3))
    vendor.act("no_show", {"id": first["uid"]})
    vendor.act("cancel", {"id": second["uid"]})
    columns = {column.title: column for column in vendor.board()}
    assert columns["Did not come"].cards[0].actions == ("take_back",)
    assert columns["Cancelled"].cards[0].actions == ()
    assert columns["Booked"].cards[0].id == third["uid"]
    vendor.now = lambda: NOW + timedelta(days=9)
    assert {column.title: column.total for column in vendor.board()}["Over"] == 1
    other = Calendly()
    other.restore(json.loads(json.dumps(vendor.dump())))
    assert other.counters() == {"Bookings": 3}
    with pytest.raises(UnknownActionError, match="Calendly has no action dance"):
        vendor.act("dance", {})
    with pytest.raises(UnknownActionError, match="has none of bookings"):
        vendor.act("cancel", {"id": "x"})
