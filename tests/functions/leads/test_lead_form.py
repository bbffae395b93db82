"""The public form: what it takes, what it answers, and what it says of what it does not take."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.leads import ids, payloads, triggers
from functions.leads.services import booking_url, first_name
from shared import clock
from shared.intake.envelope import parse
from shared.settings import get_settings
from tests.support.leads import FORM, body_of, html, sent

pytestmark = pytest.mark.usefixtures("fresh")


def test_the_answer_is_as_old_callers_know_it() -> None:
    """Status 200, `ok` and the number; and the form is on the queue with that number."""
    answer, message = sent()
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    number = body_of(answer).pop("lead_id")
    assert body_of(answer) == {"ok": True, "lead_id": number}
    envelope = parse(message)
    assert (envelope.subject, envelope.type) == (f"lead:{number}", "lead.form")
    assert envelope.data == FORM | {"lead_id": number, "captcha": None}


def test_a_double_click_is_one_event_and_a_correction_another() -> None:
    """The event's key follows from the lead and what is said of it, whatever else the request carries."""
    first, again = sent(), sent(FORM | {"email": " ANA@example.com", "more": 1}, idempotency_key="other")
    corrected = sent(FORM | {"telefono": "55 8765 4321"})
    keys = [parse(message).id for _answer, message in (first, again, corrected)]
    assert keys[0] == keys[1] != keys[2]
    assert len({body_of(answer)["lead_id"] for answer, _message in (first, again, corrected)}) == 1


def test_the_day_is_that_of_the_place(fresh: clock.TestClock) -> None:
    """At 3:00 in UTC it is still yesterday in Mexico."""
    fresh.moment = clock.as_utc(fresh.moment.replace(hour=23))
    evening = body_of(sent()[0])["lead_id"]
    fresh.advance(hours=4)
    assert body_of(sent()[0])["lead_id"] == evening
    fresh.advance(hours=4)
    assert body_of(sent()[0])["lead_id"] != evening


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (html(), "application/x-www-form-urlencoded"),
        (html(), "application/x-www-form-urlencoded; charset=UTF-8"),
        (
            b"".join(
                f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
                for name, value in FORM.items()
            )
            + b"--x--\r\n",
            "multipart/form-data; boundary=x",
        ),
        (json.dumps(FORM).encode(), "application/json; charset=utf-8"),
    ],
)
def test_a_form_may_come_as_json_or_as_browsers_send_it(body: bytes, content_type: str) -> None:
    """The same lead whichever way."""
    answer, message = sent(body, content_type=content_type)
    assert answer.status_code == 200
    assert parse(message).data["nombre"] == "Ana López"
    assert body_of(answer)["lead_id"] == body_of(sent()[0])["lead_id"]


def test_what_is_missing_is_told_all_at_once() -> None:
    """As a problem document, and as a sentence that a visitor understands."""
    answer, message = sent({"nombre": " ", "email": "ana@example.com", "telefono": None, "fuente": "web"})
    answer_body = body_of(answer)
    assert (answer.status_code, answer.mimetype, message) == (400, "application/problem+json", None)
    assert answer_body["ok"] is False
    assert answer_body["error"] == "Faltan estos datos: nombre, telefono, empresa, servicio."
    assert [fault["field"] for fault in answer_body["errors"]] == ["nombre", "telefono", "empresa", "servicio"]
    assert (answer_body["type"], answer_body["status"]) == ("urn:puente:problem:missing-fields", 400)


@pytest.mark.parametrize(
    "email", ["ana", "ana@", "@x.com", "ana@x", "a b@x.com", "ana@x..com", ".ana@x.com", "a@x.c0m", "a@-", "peña@x.com"]
)
def test_what_is_no_address_is_refused(email: str) -> None:
    """With a hint, and without repeating what was sent."""
    answer, _message = sent(FORM | {"email": email})
    assert answer.status_code == 400
    assert body_of(answer)["error"].startswith("El correo electrónico no es válido")
    assert [fault["field"] for fault in body_of(answer)["errors"]] == ["email"]


@pytest.mark.parametrize(
    "email", ["o'brien+web@mail.example.co", "ana&luis@españa.example", "x_1%2@a-b.museum", "a@xn--e1aybc.xn--p1ai"]
)
def test_an_unusual_address_is_an_address(email: str) -> None:
    """Plus signs, apostrophes, accents in the domain, long domains."""
    assert sent(FORM | {"email": email})[0].status_code == 200


@pytest.mark.parametrize("phone", ["12345", "ring me", "55 1234 5678 / 55 8765 4321", "1234567890123456", "+", "{{phone}}"])
def test_what_is_no_number_is_refused(phone: str) -> None:
    """Too short, too long, two numbers, filler or words."""
    answer, _message = sent(FORM | {"telefono": phone})
    assert answer.status_code == 400
    assert body_of(answer)["error"].startswith("El teléfono no es válido")


@pytest.mark.parametrize(
    "phone", ["+52 (55) 1234-5678", "044 55 1234 5678", "0034.600.123.456", 5512345678, "55 1234 5678 ext 3"]
)
def test_a_number_may_be_written_in_many_ways(phone: object) -> None:
    """As people do."""
    assert sent(FORM | {"telefono": phone})[0].status_code == 200


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x" * 16_385, {}, 413),
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b"a", {"content_type": "text/plain"}, 415),
        (json.dumps(FORM | {"nombre": "\x00"}).encode(), {}, 422),
        (html().replace(b"L%C3%B3pez", b"L%F3pez"), {"content_type": "application/x-www-form-urlencoded"}, 400),
        (json.dumps(FORM | {"nombre": {"a": 1}}).encode(), {}, 400),
        (json.dumps(FORM | {"empresa": "x" * 201}).encode(), {}, 400),
    ],
)
def test_what_cannot_be_read_is_refused_in_the_same_shape(body: bytes, headers: dict[str, str], status: int) -> None:
    """Whatever is wrong: `ok` false, a Spanish sentence, a problem document."""
    answer, message = sent(body, **headers)
    assert (answer.status_code, message) == (status, None)
    assert body_of(answer)["ok"] is False
    assert body_of(answer)["error"]
    assert body_of(answer)["status"] == status


def test_a_queue_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """503, to be sent again later."""
    from shared.errors import UnavailableError
    from shared.intake import webhook

    async def away(_envelope: object) -> bytes:
        raise UnavailableError("down")

    monkeypatch.setattr(webhook, "_to_message", away)
    answer, _message = sent()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert body_of(answer)["error"].startswith("No pudimos guardar tus datos")


@given(st.dictionaries(st.sampled_from([*payloads.FIELDS, "website", "x"]), st.text(max_size=40) | st.none() | st.integers()))
def test_any_form_gets_an_answer(body: dict[str, object]) -> None:
    """Never an exception; taken in or refused, and `ok` says which."""
    answer, message = sent(body)
    assert body_of(answer)["ok"] is (answer.status_code == 200)
    assert (message is not None) <= (answer.status_code == 200)


def test_the_texts_for_visitors_cover_what_is_refused() -> None:
    """Every reason has a sentence, known or not."""
    assert payloads.text_for("never-heard-of", []) == "No pudimos recibir el formulario."
    assert payloads.text_for("invalid-fields", [{"field": "email"}, {"field": "empresa"}]).count(".") >= 2


def test_the_booking_link_carries_the_lead(environment: pytest.MonkeyPatch) -> None:
    """Signed, as Cal.com's metadata, whatever the address has already; no link where none is set up."""
    from tests.conftest import forget

    assert booking_url(17, get_settings()) == ""
    environment.setenv("BOOKING_URL", "https://cal.example/javier?month=3")
    forget()
    address, _, number = booking_url(17, get_settings()).rpartition("=")
    assert address == "https://cal.example/javier?month=3&metadata%5Blead_id%5D"
    assert ids.verified(number) == 17


@pytest.mark.parametrize(
    ("name", "first"),
    [("Ana López", "Ana"), ("ANA LÓPEZ", "Ana"), ("ana", "Ana"), ("McKenzie B", "McKenzie"), ("josé maría", "José")],
)
def test_people_are_called_by_their_first_name(name: str, first: str) -> None:
    """Written as a name is."""
    assert first_name(name) == first


@pytest.mark.parametrize(("name", "number"), [("lead:17", 17), ("lead:", None), ("lead:x", None), ("m1", None), ("17", None)])
def test_a_lead_is_known_by_its_name(name: str, number: int | None) -> None:
    """And nobody else is."""
    assert ids.number(name) == number


def test_the_form_has_its_own_queue() -> None:
    """So that a burst of forms holds up nobody else's events."""
    assert triggers.WEBHOOK.queue == triggers.HANDLER.queue == "lead-queue"
