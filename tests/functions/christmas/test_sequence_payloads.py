"""What the campaign's senders may send: which fields, which defaults, how lenient; and Calendly's shapes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.bookings.calendly import CalendlyEvent, data_of, is_native, names_of
from functions.christmas import segments
from functions.christmas.noshow import event_id
from functions.christmas.payloads import AssessmentPayload, NoShowPayload, OnboardingPayload, PostCallPayload, SignupPayload
from shared.errors import RefusedError
from shared.intake.webhook import validate
from shared.readers import email

WHO = {"email": "ana@example.com", "first_name": "Ana", "business_name": "Aurora"}
ANSWERS = WHO | {"red_systems": 1, "orange_systems": 0}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ana@example.com", "ana@example.com"),
        ("  Ana.Pérez@Example.com ", None),  # the local part has letters of ASCII only
        ("Ana+x_%-1@Sub.Example.CO", "ana+x_%-1@sub.example.co"),
        ("ana@localhost", None),
        ("ana@example.c", None),
        ("ana@@example.com", None),
        ("ana@example..com", None),
        ("ana@example.com, bea@example.com", None),
        ("a" * 250 + "@example.com", None),
        ("", None),
        (None, None),
        (17, None),
    ],
)
def test_addresses(text: object, found: str | None) -> None:
    """In lower case and without space around; else none."""
    assert email.key_or_none(text) == found


@pytest.mark.parametrize(
    ("value", "count"),
    [(0, 0), (8, 8), ("3", 3), (" 3 ", 3), (2.0, 2), (None, 0), ("", 0), (-1, 0), ("-4", 0), (-0.5, 0)],
)
def test_counts(value: object, count: int) -> None:
    """0 to 8; null, nothing and negative numbers are none."""
    assert validate(AssessmentPayload, ANSWERS | {"red_systems": value}).red_systems == count


@pytest.mark.parametrize("value", [9, "nine", True, 2.5, [], {}])
def test_what_is_no_count(value: object) -> None:
    """Refused by name."""
    with pytest.raises(RefusedError) as caught:
        validate(AssessmentPayload, ANSWERS | {"red_systems": value})
    assert [fault.field for fault in caught.value.errors] == ["red_systems"]


def test_defaults_of_an_assessment() -> None:
    """What is not said."""
    said = validate(AssessmentPayload, ANSWERS)
    assert (said.yellow_systems, said.green_systems, said.email_1_status) == (0, 0, "sent")
    assert (said.assessment_score, said.email_1_sent_at, said.occurred_at()) == (None, None, None)
    assert said.warnings == ("email_1_sent_at is missing; counted from now",)


def test_sender_cannot_write_the_warnings() -> None:
    """They are ours."""
    said = validate(AssessmentPayload, ANSWERS | {"warnings": ["x"], "email_1_sent_at": "2026-03-02T09:00:00.000Z"})
    assert said.warnings == ()
    assert said.email_1_sent_at == said.occurred_at() == datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-13-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "{}", "17720"])
def test_time_that_cannot_be_read(text: str) -> None:
    """Is not refused: the mails count from now."""
    said = validate(AssessmentPayload, ANSWERS | {"email_1_sent_at": text})
    assert (said.email_1_sent_at, len(said.warnings)) == (None, 1)


@given(st.text(max_size=40) | st.none() | st.integers() | st.lists(st.integers(), max_size=2))
def test_no_time_of_the_first_mail_is_refused(value: Any) -> None:
    """Whatever a website puts there."""
    validate(AssessmentPayload, ANSWERS | {"email_1_sent_at": value})


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"first_name": "Ana", "last_name": "Pérez"}, ("Ana", "Pérez")),
        ({"name": "Ana María Pérez"}, ("Ana", "María Pérez")),
        ({"name": "Ana"}, ("Ana", None)),
        ({"name": "Ana Pérez", "first_name": "Anita"}, ("Anita", None)),
        ({"name": "Ana Pérez", "first_name": "", "last_name": "Ruiz"}, ("Ana", "Ruiz")),
    ],
)
def test_name_in_one_or_two_fields(body: dict[str, str], names: tuple[str, str | None]) -> None:
    """Of a sign-up."""
    said = validate(SignupPayload, {"email": "ana@example.com"} | body)
    assert (said.first_name, said.last_name) == names


@pytest.mark.parametrize(
    ("body", "paid"),
    [
        ({"payment_status": "paid"}, True),
        ({"payment_status": " Paid "}, True),
        ({"payment_confirmed": True}, True),
        ({"payment_confirmed": "true"}, True),
        ({"payment_confirmed": False, "payment_status": "paid"}, True),
        ({"payment_status": "unpaid"}, False),
        ({"payment_status": "pending", "payment_confirmed": None}, False),
        ({}, False),
    ],
)
def test_what_is_paid(body: dict[str, object], paid: bool) -> None:  # noqa: FBT001  # a value of the table
    """Either way of saying so counts."""
    assert validate(OnboardingPayload, WHO | body).is_paid is paid


def test_defaults_of_the_others() -> None:
    """Post-call and onboarding; one text may stand for a list of one."""
    maybe = validate(PostCallPayload, WHO | {"call_date": "2026-03-02", "objections": "precio"})
    assert (maybe.call_outcome, maybe.follow_up_priority, maybe.objections) == ("Maybe", "Medium", ["precio"])
    customer = validate(OnboardingPayload, WHO | {"observation_dates": None})
    assert (customer.docusign_completed, customer.observation_dates) == (True, [])
    assert validate(NoShowPayload, {"email": "a@b.mx", "first_name": "A"}).business_name is None


RULE = {"CRITICAL": {"red": 2}, "URGENT": {"red": 1, "orange": 2}}


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ({}, "OPTIMIZE"),
        ({"green": 8}, "OPTIMIZE"),
        ({"orange": 1, "yellow": 8}, "OPTIMIZE"),
        ({"orange": 2}, "URGENT"),
        ({"red": 1}, "URGENT"),
        ({"red": 1, "orange": 8}, "URGENT"),
        ({"red": 2}, "CRITICAL"),
        ({"red": 8, "orange": 8}, "CRITICAL"),
    ],
)
def test_segments(counts: dict[str, int], found: str) -> None:
    """Two red ones are critical; one red or two orange ones urgent; else there is something to optimize."""
    assert segments.segment(counts, RULE) == found


def test_rule_without_a_segment() -> None:
    """Nobody is of it."""
    assert segments.segment({"red": 8}, {"URGENT": {"orange": 1}}) == "OPTIMIZE"


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("https://api.calendly.com/scheduled_events/AAA", "AAA"),
        ("https://api.calendly.com/scheduled_events/AAA/", "AAA"),
        ("AAA", "AAA"),
        ("", None),
        (None, None),
        ("///", None),
    ],
)
def test_name_of_a_meeting(uri: str | None, found: str | None) -> None:
    """The same, by address or by id."""
    assert event_id(uri) == found


@pytest.mark.parametrize(
    ("headers", "body", "native"),
    [
        ({"calendly-webhook-signature": "t=1"}, {}, True),
        ({}, {"event": "invitee.created", "payload": {}}, True),
        ({}, {"event": "invitee.created"}, False),
        ({}, {"email": "ana@example.com", "event_type": "x"}, False),
        ({}, {"event": 1, "payload": {}}, False),
        ({}, {"event": "invitee.created", "payload": [1]}, False),
        ({}, {}, False),
    ],
)
def test_which_form_it_is(headers: dict[str, str], body: dict[str, Any], native: bool) -> None:  # noqa: FBT001  # a value of the table
    """Calendly's, or our own."""
    assert is_native(headers, body) is native


@pytest.mark.parametrize(
    ("invitee", "names"),
    [
        ({"first_name": "Ana", "last_name": "Pérez", "name": "x"}, ("Ana", "Pérez")),
        ({"name": "Ana María Pérez"}, ("Ana", "María Pérez")),
        ({"first_name": None, "name": ""}, (None, None)),
    ],
)
def test_names_of_an_invitee(invitee: dict[str, Any], names: tuple[str | None, str | None]) -> None:
    """Two fields, or one."""
    assert names_of(invitee) == names


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
_PARTS = ("uri", "invitee", "email", "name", "event", "rescheduled", "old_invitee", "scheduled_event", "no_show", "timezone")


@given(payload=st.dictionaries(st.sampled_from(_PARTS), _JSON, max_size=6), at=_JSON)
def test_nothing_of_calendlys_is_refused(payload: dict[str, Any], at: Any) -> None:
    """A subscription that is refused for a day is given up."""
    said = validate(CalendlyEvent, data_of({"event": "invitee.created", "created_at": at, "payload": payload}))
    assert said.subject()
    assert said.calendar == "calendly"


def test_too_long_a_name_of_an_invitee() -> None:
    """Is none of Calendly's, and fits no column: the event is not used."""
    said = validate(CalendlyEvent, data_of({"event": "invitee.created", "payload": {"uri": "x" * 201, "email": "a@b.mx"}}))
    assert (said.trigger, said.uid) == ("invitee.created", None)
