"""The sandbox's Cal.com: what it sends is signed, shaped and read as the real one's; a person can book, put off, cancel."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import azure.functions as func
import pytest

import functions.bookings.calcom
from functions.leads import ids
from sandbox.calcom import Calcom
from sandbox.calcom.server import SECRET
from sandbox.config import Config
from sandbox.vendor import Call, UnknownActionError, Webhook
from shared.errors import RefusedError
from shared.intake import signatures
from tests.support.sandbox import call

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
ANA = {"name": "Ana López", "email": "ana@example.com", "phone": "+5215512345678", "lead_id": 77}


@pytest.fixture
def sent() -> list[Webhook]:
    """What it has sent."""
    return []


@pytest.fixture
def vendor(sent: list[Webhook]) -> Calcom:
    """A new calendar, whose clock stands still."""
    made = Calcom()
    made.now = lambda: NOW
    made.courier = sent.append
    return made


def body_of(webhook: Webhook) -> dict[str, Any]:
    """The body of a webhook."""
    return dict(json.loads(webhook.body))


def read(vendor: Calcom, webhook: Webhook) -> dict[str, Any]:
    """What our flow understands of it, its signature checked first."""
    headers = {"Content-Type": webhook.content_type, **webhook.headers, **vendor.signature(webhook)}
    signatures.calcom(headers, webhook.body, [SECRET])
    request = func.HttpRequest("POST", webhook.url, headers=headers, body=webhook.body)
    return functions.bookings.calcom.read(request, webhook.body)


@pytest.mark.usefixtures("environment")
def test_a_booking_is_told_in_an_envelope(vendor: Calcom, sent: list[Webhook]) -> None:
    """With who, when, and what the link carried."""
    booking = vendor.act("book", {**ANA, "lead_id": ids.signed(77), "start": "2026-03-04T16:00:00Z"})
    (webhook,) = sent
    body = body_of(webhook)
    assert (webhook.url, set(body)) == ("/api/calcom", {"triggerEvent", "createdAt", "payload"})
    assert (body["triggerEvent"], body["createdAt"]) == ("BOOKING_CREATED", "2026-03-02T15:00:00.000Z")
    payload = body["payload"]
    assert (payload["startTime"], payload["endTime"], payload["length"]) == ("2026-03-04T16:00:00Z", "2026-03-04T16:30:00Z", 30)
    assert (payload["uid"], payload["status"], payload["metadata"]["lead_id"]) == (
        booking["uid"],
        "ACCEPTED",
        ids.signed(77),
    )
    assert payload["responses"]["attendeePhoneNumber"]["value"] == ANA["phone"]
    word = read(vendor, webhook)
    assert (word["trigger"], word["lead_ref"], word["email"], word["phone"]) == (
        "BOOKING_CREATED",
        77,
        ANA["email"],
        ANA["phone"],
    )
    assert (word["start_at"], word["first_name"]) == ("2026-03-04T16:00:00+00:00", "Ana")
    assert word["page"] == "http://127.0.0.1:7072/calcom"
    assert "unread" not in word


def test_a_meeting_that_is_put_off_is_another_booking(vendor: Calcom, sent: list[Webhook]) -> None:
    """It names the old one; what the link carried is lost unless it is said to stay."""
    first = vendor.act("book", {**ANA, "start": "2026-03-04T16:00:00Z"})
    second = vendor.act("reschedule", {"id": first["uid"], "by": "javier@sandbox.example"})
    payload = body_of(sent[-1])["payload"]
    assert payload["uid"] == second["uid"] != first["uid"]
    assert (payload["rescheduleUid"], payload["rescheduleId"]) == (first["uid"], first["id"])
    assert (payload["rescheduleStartTime"], payload["startTime"]) == ("2026-03-04T16:00:00Z", "2026-03-05T16:00:00Z")
    assert (payload["rescheduledBy"], "lead_id" in payload["metadata"]) == ("javier@sandbox.example", False)
    word = read(vendor, sent[-1])
    assert (word["trigger"], word["uid"], word["follows"]) == ("BOOKING_RESCHEDULED", second["uid"], first["uid"])
    third = vendor.act("reschedule", {"id": second["uid"], "start": "2026-03-09T16:00:00-06:00"})
    assert third["start"] == "2026-03-09T22:00:00Z"
    kept = vendor.act("book", ANA)
    vendor.act("reschedule", {"id": kept["uid"], "keep_metadata": True})
    assert body_of(sent[-1])["payload"]["metadata"]["lead_id"] == "77"
    with pytest.raises(ValueError, match="is cancelled"):
        vendor.act("reschedule", {"id": first["uid"]})


def test_a_booking_that_is_called_off(vendor: Calcom, sent: list[Webhook]) -> None:
    """With the reason, once."""
    booking = vendor.act("book", ANA)
    vendor.act("cancel", {"id": booking["uid"], "reason": "Viaje"})
    payload = body_of(sent[-1])["payload"]
    assert (payload["status"], payload["cancellationReason"], payload["cancelledBy"]) == ("CANCELLED", "Viaje", ANA["email"])
    assert read(vendor, sent[-1])["trigger"] == "BOOKING_CANCELLED"
    with pytest.raises(ValueError, match="is cancelled"):
        vendor.act("cancel", {"id": booking["uid"]})


def test_a_guest_who_did_not_come(vendor: Calcom, sent: list[Webhook]) -> None:
    """And did after all."""
    booking = vendor.act("book", ANA)
    for absent in (True, False):
        vendor.act("no_show", {"id": booking["uid"], "absent": absent})
        payload = body_of(sent[-1])["payload"]
        assert (payload["bookingUid"], payload["attendees"]) == (booking["uid"], [{"email": ANA["email"], "noShow": absent}])
        assert read(vendor, sent[-1])["absent"] == {ANA["email"]: absent}


@pytest.mark.usefixtures("environment")
def test_the_end_of_a_meeting_comes_flat(vendor: Calcom, sent: list[Webhook]) -> None:
    """No envelope, no payload: the row of the booking, whose `createdAt` is when it was booked."""
    booking = vendor.act("book", {**ANA, "lead_id": ids.signed(77), "start": "2026-03-04T16:00:00Z"})
    vendor.now = lambda: NOW + timedelta(days=2)
    for action, trigger in (("start_meeting", "MEETING_STARTED"), ("end_meeting", "MEETING_ENDED")):
        vendor.act(action, {"id": booking["uid"]})
        body = body_of(sent[-1])
        assert (body["triggerEvent"], body["uid"], "payload" in body) == (trigger, booking["uid"], False)
        assert (body["createdAt"], body["startTime"]) == ("2026-03-02T15:00:00.000Z", "2026-03-04T16:00:00.000Z")
    word = read(vendor, sent[-1])
    assert (word["trigger"], word["uid"], word["email"], word["lead_ref"]) == (
        "MEETING_ENDED",
        booking["uid"],
        ANA["email"],
        77,
    )


@pytest.mark.parametrize("change", [lambda body: body + b" ", lambda body: body.replace(b"Ana", b"Eva"), lambda _: b"{}"])
def test_an_altered_webhook_is_none_of_its(vendor: Calcom, sent: list[Webhook], change: Callable[[bytes], bytes]) -> None:
    """Nor one that another secret signed, or none."""
    vendor.act("book", ANA)
    (webhook,) = sent
    with pytest.raises(RefusedError):
        signatures.calcom(vendor.signature(webhook), change(webhook.body), [SECRET])
    for secret in ("other", ""):
        vendor.config = Config(secrets={"calcom": secret})
        with pytest.raises(RefusedError):
            signatures.calcom(vendor.signature(webhook), webhook.body, [SECRET])
    assert vendor.signature(webhook) == {"X-Cal-Signature-256": "no-secret-provided"}


def form(vendor: Calcom, path: str, fields: dict[str, str]) -> tuple[int, str, str]:
    """Send a form as a browser does: status, where it leads, and the page."""
    answer = vendor.answer(Call(method="POST", path=path, body=urlencode(fields).encode()))
    return answer.status, answer.headers.get("Location", ""), answer.body.decode()


def page(vendor: Calcom, path: str) -> str:
    """A page, which must be there."""
    answer = vendor.answer(call("GET", path))
    assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
    return answer.body.decode()


def test_a_person_books_puts_off_and_cancels(vendor: Calcom, sent: list[Webhook]) -> None:
    """What the link carries goes with the form; a time that is taken is not offered again."""
    text = page(vendor, "/book?metadata[lead_id]=5&name=Ana&email=ana@example.com")
    assert '<input type="hidden" name="metadata[lead_id]" value="5">' in text
    assert 'value="ana@example.com"' in text
    assert "martes 3 de marzo" in text
    assert "sábado" not in text
    times = re.findall(r'name="start" value="([^"]+)"', text)
    assert times[0] == "2026-03-03T16:00:00Z"
    fields = {"name": "Ana <b>", "email": "ana@example.com", "start": times[0], "metadata[lead_id]": "5"}
    status, where, _ = form(vendor, "/book", fields)
    (booking,) = vendor.records("bookings", {}, None)[0]
    assert (status, where) == (303, f"/calcom/booking/{booking['uid']}")
    assert (booking["start"], booking["metadata"]) == ("2026-03-03T16:00:00Z", {"lead_id": "5"})
    text = page(vendor, f"/booking/{booking['uid']}")
    assert "martes 3 de marzo, 10:00" in text
    assert "Ana &lt;b&gt;" in text
    assert times[0] not in page(vendor, f"/reschedule/{booking['uid']}")
    status, where, _ = form(vendor, f"/reschedule/{booking['uid']}", {"start": times[1]})
    moved = where.rpartition("/")[2]
    assert (status, moved != booking["uid"]) == (303, True)
    assert f"/calcom/booking/{moved}" in page(vendor, f"/booking/{booking['uid']}")
    form(vendor, f"/booking/{moved}", {"reason": "Viaje"})
    form(vendor, f"/booking/{moved}", {})
    assert "se canceló" in page(vendor, f"/booking/{moved}")
    assert [webhook.what for webhook in sent] == ["BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED"]


@pytest.mark.parametrize(
    "change",
    [{"start": ""}, {"start": "2026-03-08T16:00:00Z"}, {"name": " "}, {"email": "ana"}],
)
def test_a_form_that_is_not_filled_in_is_shown_again(vendor: Calcom, sent: list[Webhook], change: dict[str, str]) -> None:
    """With what was written, and nothing is booked."""
    fields = {"name": "Ana", "email": "ana@example.com", "start": "2026-03-03T16:00:00Z", "metadata[lead_id]": "5"} | change
    status, _, text = form(vendor, "/book", fields)
    assert (status, sent) == (400, [])
    assert 'role="alert"' in text
    assert 'name="metadata[lead_id]" value="5"' in text


def test_what_there_is_not(vendor: Calcom) -> None:
    """A booking, an action, a method, a person."""
    assert vendor.answer(call("GET", "/booking/x")).status == 404
    assert vendor.answer(call("PUT", "/book")).status == 405
    assert vendor.what(call("POST", "/reschedule/x")) == "POST reschedule"
    for action in ("cancel", "dance"):
        with pytest.raises(UnknownActionError):
            vendor.act(action, {"id": "x"})
    for given in ({}, {"name": "Ana", "email": "x"}, {**ANA, "start": 5}, {**ANA, "start": "mañana"}, {**ANA, "metadata": 5}):
        with pytest.raises(ValueError, match=r"needed|ISO|Invalid|metadata"):
            vendor.act("book", given)


def test_the_board_says_what_became_of_each(vendor: Calcom) -> None:
    """With the buttons that fit."""
    ends = {
        "Booked": [],
        "Over": ["end_meeting"],
        "Did not come": ["no_show"],
        "Put off": ["reschedule"],
        "Cancelled": ["cancel"],
    }
    for actions in ends.values():
        booking = vendor.act("book", ANA)
        for action in actions:
            vendor.act(action, {"id": booking["uid"]})
    columns = {column.title: column for column in vendor.board()}
    assert {title: column.total for title, column in columns.items()} == dict.fromkeys(ends, 1) | {"Booked": 2}
    assert columns["Booked"].cards[-1].actions == ("reschedule", "cancel", "end_meeting", "no_show")
    assert (columns["Over"].cards[0].actions, columns["Cancelled"].cards[0].actions) == (("no_show",), ())
    assert "lead 77" in columns["Over"].cards[0].lines
    other = Calcom()
    other.restore(json.loads(json.dumps(vendor.dump())))
    assert other.counters() == {"Bookings": 6}
    assert other.act("book", ANA)["id"] == 9007


def test_a_request_is_confirmed_or_rejected(vendor: Calcom, sent: list[Webhook]) -> None:
    """Only the request says what its link carried and what it takes the place of; the old booking is off at once."""
    first = vendor.act("book", ANA)
    asked = vendor.act("reschedule", {"id": first["uid"], "confirm": True, "keep_metadata": True})
    assert (asked["status"], first["status"]) == ("PENDING", "CANCELLED")
    word = read(vendor, sent[-1])
    assert (word["trigger"], word["uid"], word["follows"]) == ("BOOKING_REQUESTED", asked["uid"], first["uid"])
    assert body_of(sent[-1])["payload"]["metadata"]["lead_id"] == "77"
    vendor.act("confirm", {"id": asked["uid"]})
    payload = body_of(sent[-1])["payload"]
    assert (set(payload["metadata"]), "rescheduleUid" in payload, payload["status"]) == ({"videoCallUrl"}, False, "ACCEPTED")
    other = vendor.act("book", ANA | {"confirm": True})
    vendor.act("reject", {"id": other["uid"]})
    assert read(vendor, sent[-1])["trigger"] == "BOOKING_REJECTED"
    with pytest.raises(ValueError, match="no confirmation"):
        vendor.act("confirm", {"id": other["uid"]})


def test_a_cancellation_has_no_metadata(vendor: Calcom, sent: list[Webhook]) -> None:
    """And its times have an offset."""
    booking = vendor.act("book", ANA | {"start": "2026-03-04T16:00:00Z"})
    vendor.act("cancel", {"id": booking["uid"]})
    payload = body_of(sent[-1])["payload"]
    assert ("metadata" in payload, payload["startTime"]) == (False, "2026-03-04T16:00:00+00:00")
    assert read(vendor, sent[-1])["start_at"] == "2026-03-04T16:00:00+00:00"


def test_seats(vendor: Calcom, sent: list[Webhook]) -> None:
    """One `uid` for everybody; a seat that is given up lists one person, a meeting that is off lists all."""
    meeting = vendor.act("book", ANA | {"seats": 3})
    seats = [vendor.act("book", {"name": name, "email": f"{name}@e.mx", "join": meeting["uid"]}) for name in ("bea", "leo")]
    assert {body_of(webhook)["payload"]["uid"] for webhook in sent} == {meeting["uid"]}
    words = [read(vendor, webhook) for webhook in sent]
    assert len({word["seat"] for word in words}) == 3
    assert body_of(sent[1])["payload"]["metadata"]["lead_id"] == "77"
    with pytest.raises(ValueError, match="seats are taken"):
        vendor.act("book", ANA | {"join": meeting["uid"]})
    vendor.act("cancel", {"id": seats[0]["uid"]})
    assert read(vendor, sent[-1])["seats"] == {words[1]["seat"]: "bea@e.mx"}
    vendor.act("cancel", {"id": meeting["uid"], "everybody": True})
    assert set(read(vendor, sent[-1])["seats"]) == {words[0]["seat"], words[2]["seat"]}
    with pytest.raises(ValueError, match="one person"):
        vendor.act("book", ANA | {"join": vendor.act("book", ANA)["uid"]})


def test_series(vendor: Calcom, sent: list[Webhook]) -> None:
    """Each meeting is a booking; one webhook about one of them calls off those that are left."""
    first = vendor.act("book", ANA | {"repeat": 3, "start": "2026-03-04T16:00:00Z"})
    assert [read(vendor, webhook)["start_at"][:10] for webhook in sent] == ["2026-03-04", "2026-03-11", "2026-03-18"]
    assert {read(vendor, webhook)["series"] for webhook in sent} == {"7"}
    vendor.act("cancel", {"id": first["uid"], "everybody": True})
    assert (len(sent), read(vendor, sent[-1])["ends_series"]) == (4, True)
    assert {row["status"] for row in vendor.shelf.rows("bookings")} == {"CANCELLED"}
    one = vendor.act("book", ANA | {"repeat": 2})
    vendor.act("cancel", {"id": one["uid"]})
    assert "series" not in read(vendor, sent[-1])


def test_phone_as_the_place(vendor: Calcom, sent: list[Webhook]) -> None:
    """The number then stands in the answer about the place, and nowhere else."""
    vendor.act("book", ANA | {"by_phone": True})
    payload = body_of(sent[-1])["payload"]
    assert payload["responses"]["location"]["value"] == {"value": "phone", "optionValue": ANA["phone"]}
    assert ("value" in payload["responses"]["attendeePhoneNumber"], payload["smsReminderNumber"]) == (False, None)
    assert read(vendor, sent[-1])["phone"] == ANA["phone"]


def test_end_in_an_envelope(vendor: Calcom, sent: list[Webhook]) -> None:
    """As newer versions send it."""
    booking = vendor.act("book", ANA)
    vendor.act("end_meeting", {"id": booking["uid"], "wrapped": True})
    assert set(body_of(sent[-1])) == {"triggerEvent", "createdAt", "payload"}
    assert (read(vendor, sent[-1])["trigger"], read(vendor, sent[-1])["at"]) == ("MEETING_ENDED", NOW.isoformat())


def test_the_meeting_has_a_page(vendor: Calcom, sent: list[Webhook]) -> None:
    """The link that the webhook gives leads somewhere."""
    vendor.act("book", ANA)
    link = body_of(sent[-1])["payload"]["metadata"]["videoCallUrl"].removeprefix("http://127.0.0.1:7072/calcom")
    page = vendor.answer(call("GET", link))
    assert (page.status, "Sala de la llamada" in page.body.decode()) == (200, True)
