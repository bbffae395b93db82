"""What is made of a calendar's webhook, and what is left out of it."""

import json
from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from functions.bookings.calcom import read
from functions.bookings.payloads import MEANINGFUL, BookingEvent
from sandbox.calcom import payloads
from shared.errors import RefusedError
from tests.support import calcom
from tests.support.calcom import ANA, CREATED_AT, STARTS

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)  # the rest is refused before
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "uid", "bookingUid", "rescheduleUid", "fromReschedule", "attendees", "responses", "metadata", "startTime", "endTime",
    "title", "bookerUrl", "location", "videoCallData", "lead_id", "smsReminderNumber", "userFieldsResponses", "customInputs",
    "seatsPerTimeSlot", "attendeeSeatId", "recurringEvent", "cancelledDates", "eventTypeId", "eventType",
)  # fmt: skip


def word(said: Any) -> BookingEvent:
    """The word in a body."""
    request = func.HttpRequest(method="POST", url="/api/calcom", headers={}, body=b"")
    return BookingEvent.model_validate(read(request, json.dumps(said).encode()))


class TestRealPayloads:
    """Of each kind that Cal.com sends."""

    def test_created(self):
        """All that is used is found, and nothing is unread."""
        assert word(calcom.created(lead_id="17")).model_dump() == {
            "calendar": "calcom",
            "trigger": "BOOKING_CREATED",
            "uid": "uid1",
            "follows": None,
            "at": CREATED_AT,
            "lead_ref": 17,
            "email": ANA,
            "name": "Ana Díaz",
            "first_name": "Ana",
            "last_name": None,
            "phone": "+525512345678",
            "title": "Asesoría entre Javier y Ana Díaz",
            "start_at": STARTS,
            "end_at": STARTS.replace(minute=30),
            "time_zone": "America/Mexico_City",
            "locale": "es",
            "meeting_url": "https://app.cal.com/video/uid1",
            "page": "https://cal.com",
            "change_url": None,
            "cancel_url": None,
            "has_ended": False,
            "seat": None,
            "seats": {},
            "series": None,
            "ends_series": False,
            "off_at": [],
            "absent": {},
            "unread": [],
        }

    def test_rescheduled_names_the_old_id(self):
        """`rescheduleUid` is the old booking's, `uid` the new one's."""
        said = word(calcom.rescheduled("new", "old", STARTS, CREATED_AT))
        assert (said.uid, said.follows) == ("new", "old")

    def test_other_words_follow_nothing(self):
        """Though a payload may still tell where it came from."""
        assert word(calcom.cancelled(CREATED_AT, rescheduleUid="old")).follows is None

    def test_no_show(self):
        """It knows the booking by another name, and each attendee."""
        said = word(calcom.no_show(CREATED_AT, "uid9", away=False))
        assert (said.uid, said.absent, said.start_at) == ("uid9", {ANA: False}, None)

    def test_end_is_flat_and_dated_by_its_end(self):
        """Its `createdAt` is that of the booking, and does not count; the id that it came from is told."""
        said = word(calcom.ended(lead_id="17", fromReschedule="old"))
        assert (said.at, said.occurred_at(), said.follows) == (None, STARTS.replace(minute=30), "old")
        assert (said.uid, said.lead_ref, said.email, said.phone, said.locale) == ("uid1", 17, ANA, "+525512345678", "es")

    def test_end_in_an_envelope_has_its_time(self):
        """Should Cal.com ever send it as it sends the others."""
        said = word({"triggerEvent": "MEETING_ENDED", "createdAt": calcom.iso(CREATED_AT), "payload": calcom.payload()})
        assert said.at == CREATED_AT

    def test_sandbox_speaks_the_same(self):
        """Its payloads were written by somebody else, after the same sources."""
        booking: Any = {
            "id": 4, "uid": "u", "name": "Ana Díaz", "email": ANA, "phone": "+525512345678", "notes": "", "minutes": 30,
            "start": "2026-03-10T16:00:00Z", "end": "2026-03-10T16:30:00Z", "status": "ACCEPTED", "reason": "",
            "time_zone": "America/Mexico_City", "metadata": {"lead_id": "17"}, "absent": True, "follows": "o",
            "created_at": "2026-03-01T00:00:00Z",
        }  # fmt: skip
        whole = {"uid": "u", "lead_ref": 17, "email": ANA, "phone": "+525512345678", "start_at": STARTS, "first_name": "Ana"}
        said = word(payloads.envelope("BOOKING_CREATED", CREATED_AT, payloads.created(booking, "https://cal.example")))
        assert said.model_dump(include=set(whole)) == whole
        assert (said.page, said.meeting_url) == ("https://cal.example", "https://cal.example/video/u")
        moved = payloads.rescheduled(booking, booking | {"uid": "o"}, "https://cal.example", ANA)
        assert word(payloads.envelope("BOOKING_RESCHEDULED", CREATED_AT, moved)).follows == "o"
        assert word(payloads.envelope("BOOKING_NO_SHOW_UPDATED", CREATED_AT, payloads.no_show(booking))).absent == {ANA: True}
        ended = word(payloads.flat("MEETING_ENDED", booking))
        assert ended.model_dump(include=set(whole)) == whole | {"first_name": None}
        assert (ended.follows, ended.unread, ended.absent) == ("o", [], {})


class TestPlaces:
    """Where the same thing may stand."""

    @pytest.mark.parametrize(
        "more",
        [
            {"payload": {"metadata": {"lead_id": "17"}}},
            {"payload": {"metadata": {"lead_id": None}, "lead_id": 17}},
            {"payload": {"responses": {"lead_id": {"label": "l", "value": "17"}}}},
            {"payload": {"userFieldsResponses": {"lead_id": {"value": 17}}}},
            {"payload": {"metadata": {"lead_id": "x"}}, "lead_id": "17"},
            {"metadata": {"lead_id": 17}},
            {"lead_id": 17.0, "payload": "text"},
        ],
    )
    def test_number_of_the_lead(self, more):
        """The first that is a number counts."""
        assert word({"event": "BOOKING_CREATED"} | more).lead_ref == 17

    @pytest.mark.parametrize("value", ["abc", "0", 0, -3, 1.5, True, [17], {"id": 17}, "9" * 40, 2**63, "\uff11\uff17", "17.0"])
    def test_number_that_is_none(self, value):
        """Left out and named."""
        said = word(calcom.created(lead_id=value))
        assert (said.lead_ref, said.unread) == (None, ["lead_id"])

    @pytest.mark.parametrize(
        ("more", "phone"),
        [
            ({}, "+525512345678"),
            ({"responses": {"smsReminderNumber": {"value": "+34600"}}}, "+34600"),
            ({"responses": {}, "smsReminderNumber": "+34601"}, "+34601"),
            ({"responses": {}, "attendees": [calcom.attendee(phoneNumber="+34602")]}, "+34602"),
            ({"responses": {}, "attendees": [calcom.attendee("+34603@sms.cal.com")]}, "+34603"),
            ({"responses": {"location": {"value": {"value": "phone", "optionValue": "+34 600 000 004"}}}}, "+34 600 000 004"),
            ({"responses": {"location": {"value": "phone", "optionValue": "+34600000005"}}}, "+34600000005"),
            (
                {"responses": {"attendeePhoneNumber": {"label": "l", "isHidden": False}}, "location": "+34600000010"},
                "+34600000010",
            ),
            ({"responses": {}, "location": "+34600000006"}, "+34600000006"),
            ({"responses": {"a1": {"label": "¿Tu teléfono?", "value": "600 00 00 07"}}}, "600 00 00 07"),
            ({"responses": {}, "userFieldsResponses": {"whatsapp": {"value": "+34600000008"}}}, "+34600000008"),
            ({"responses": {}, "customInputs": {"Celular": "+34600000009"}}, "+34600000009"),
            ({"responses": {"a1": {"label": "¿Cuántos empleados tienes?", "value": "12345678"}}}, None),
            ({"responses": {"a1": {"label": "¿Qué teléfono vendes?", "value": "un modelo 3310"}}}, None),
            ({"responses": {}}, None),
        ],
    )
    def test_phone(self, more, phone):
        """As the booking form asks for it, else as the attendee has it."""
        assert word(calcom.created(**more)).phone == phone

    def test_stand_in_for_an_address_is_none(self):
        """Who books with a phone alone has no mailbox."""
        assert word(calcom.created(attendees=[calcom.attendee("+34603@sms.cal.com")], responses={})).email is None

    def test_name_in_two_parts(self):
        """The form asked for first and last name."""
        parts = {"name": {"value": {"firstName": "María José", "lastName": "Ñu"}}, "email": {"value": ANA.upper()}}
        said = word(calcom.created(attendees=[], responses=parts))
        assert (said.first_name, said.name, said.email) == ("María José", "María José Ñu", ANA)

    @pytest.mark.parametrize(
        ("more", "url"),
        [
            ({"metadata": {}}, "https://app.cal.com/video/uid1"),
            ({"metadata": {}, "videoCallData": None, "location": "https://meet.example/a"}, "https://meet.example/a"),
            ({"metadata": {}, "videoCallData": None, "location": "Calle 5"}, None),
            ({"metadata": {"videoCallUrl": "javascript:alert(1)"}, "videoCallData": None}, None),
            ({"metadata": {"videoCallUrl": "https://x.example/" + "a" * 1000}, "videoCallData": None}, None),
        ],
    )
    def test_link_of_the_meeting(self, more, url):
        """Only what is an address on the web."""
        assert word(calcom.created(**more)).meeting_url == url


class TestBounds:
    """What cannot be read, or not be kept."""

    @pytest.mark.parametrize("moment", ["mañana", 17, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:00", {}])
    def test_date_that_is_none(self, moment):
        """Left out and named; the rest counts."""
        said = word(calcom.created(startTime=moment))
        assert (said.start_at, said.end_at, said.unread) == (None, STARTS.replace(minute=30), ["startTime"])

    def test_offset(self):
        """Any is taken."""
        assert word(calcom.created(startTime="2026-03-10T10:00:00-06:00")).start_at == STARTS

    def test_text_is_cut_to_its_column(self):
        """An emoji counts as two."""
        said = word(calcom.created(title="🙂" * 300))
        assert said.title == "🙂" * 100

    @pytest.mark.parametrize("uid", ["u" * 151, "a\nb", "🙂" * 76])
    def test_id_that_cannot_be_kept(self, uid):
        """Is none: the lead's or the person's one booking is meant."""
        said = word(calcom.created(uid=uid, lead_id="17"))
        assert (said.uid, said.booking, said.unread) == (None, "lead-17", ["uid"])

    def test_booking_without_an_id(self):
        """Of a lead by number, else of a person by a digest of the address."""
        assert word({"event": "BOOKING_CREATED", "lead_id": 5}).booking == "lead-5"
        said = word({"event": "BOOKING_CANCELLED", "payload": {"attendees": [{"email": ANA}]}})
        assert said.booking is not None
        assert said.booking.startswith("email-")
        assert ANA not in said.booking

    @pytest.mark.parametrize("body", [{"event": "BOOKING_CREATED"}, {"payload": {}}, {"event": 5}, {"event": " "}])
    def test_body_that_says_nothing(self, body):
        """Refused."""
        with pytest.raises(ValidationError):
            word(body)

    @pytest.mark.parametrize("body", [b"[]", b"", b"{", b'"BOOKING_CREATED"', b"event=BOOKING_CREATED"])
    def test_no_object(self, body):
        """Refused: a payload template of one's own may make a form of it."""
        with pytest.raises(RefusedError):
            read(func.HttpRequest(method="POST", url="/", headers={}, body=b""), body)

    def test_word_that_is_not_used(self):
        """Its name and time are kept, and nothing of anybody."""
        said = word(calcom.event("BOOKING_PAID"))
        assert said.model_dump(exclude_defaults=True) == {"trigger": "BOOKING_PAID", "at": CREATED_AT}

    @given(
        trigger=st.sampled_from(sorted(MEANINGFUL)), payload=st.dictionaries(st.sampled_from(FIELDS), JSON), flat=st.booleans()
    )
    def test_nothing_in_a_payload_breaks_it(self, trigger: str, payload: dict[str, Any], flat: bool):  # noqa: FBT001  # drawn
        """Whatever the fields hold: a word that can be kept and read again, or a refusal."""
        said = {"triggerEvent": trigger} | (payload if flat else {"payload": payload})
        try:
            found = word(said)
        except ValidationError as error:
            assert "says neither" in str(error)  # noqa: PT017  # only so much may be wrong
            return
        assert BookingEvent.model_validate_json(found.model_dump_json()) == found
        assert found.booking is not None
        for name, column in (("title", 200), ("name", 200), ("email", 254), ("phone", 100), ("time_zone", 64)):
            assert len((getattr(found, name) or "").encode("utf-16-le")) <= 2 * column


def test_time_of_a_word():
    """Said, else the end of a meeting that ended, else unknown."""
    assert word(calcom.created()).occurred_at() == datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
    assert word({"event": "BOOKING_CREATED", "lead_id": 1}).occurred_at() is None
