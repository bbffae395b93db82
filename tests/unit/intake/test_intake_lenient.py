"""An optional field that cannot be read costs the field, not the event."""

import json

import pytest
from pydantic import ValidationError

from functions.contacts import ContactPayload
from functions.opportunities import OpportunityPayload
from shared.intake import body, lenient

CONTACT = {"manychat_id": "m1", "nombre_lead": "Ana", "datetime_actual": "2026-03-01T10:00:00Z"}


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("datetime_suscripcion", "31/02/2026", "no such day"),
        ("datetime_suscripcion", {"x": 1}, "date"),
        ("email_lead", "ana@hotmail.con", "no such domain"),
        ("apellido_lead", ["Pérez"], "string"),
        ("canal_entrada", True, "string"),
    ],
)
def test_an_optional_field_that_cannot_be_read_is_left_out_and_named(field, value, reason):
    """The rest of the event counts; the note says why and never what was sent."""
    payload, left_out = lenient.read(ContactPayload, CONTACT | {field: value, "ultimo_estado": "Nuevo"})
    assert getattr(payload, field) is None
    assert payload.ultimo_estado == "Nuevo"
    assert [(note.field, reason in note.reason) for note in left_out] == [(field, True)]
    assert "hotmail" not in str(left_out)


def test_nothing_is_no_fault():
    """A field that says nothing is not named."""
    payload, left_out = lenient.read(ContactPayload, CONTACT | {"apellido_lead": "{{last_name}}", "canal_entrada": "(none)"})
    assert (payload.apellido_lead, payload.canal_entrada, left_out) == (None, None, ())


def test_a_text_that_is_too_long_is_cut():
    """Counted as SQL Server counts; no emoji is cut in half, and the event keeps the whole text."""
    payload, left_out = lenient.read(ContactPayload, CONTACT | {"ultimo_estado": "x" * 199 + "🌷", "apellido_lead": "y" * 300})
    assert (payload.ultimo_estado, payload.apellido_lead) == ("x" * 199, "y" * 200)
    assert {note.field for note in left_out} == {"ultimo_estado", "apellido_lead"}
    assert all(note.reason.startswith("cut") for note in left_out)


@pytest.mark.parametrize("raw", [rb"Ana \ud83d", rb"Ana \u0000"])
def test_a_sign_that_cannot_be_stored_costs_itself(raw):
    """Half an emoji or a NUL in an optional text; what is left of it counts."""
    data = body.parse_object(json.dumps(CONTACT).encode()[:-1] + b', "apellido_lead": "' + raw + b'"}', lenient=True)
    payload, left_out = lenient.read(ContactPayload, data)
    assert payload.apellido_lead == "Ana"
    assert [note.field for note in left_out] == ["apellido_lead"]
    json.dumps(data, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "change",
    [
        {"manychat_id": "{{user_id}}"},
        {"manychat_id": "m\ufffd"},
        {"nombre_lead": "Ana \ufffd"},
        {"nombre_lead": "null"},
        {"datetime_actual": "ayer"},
    ],
)
def test_required_fields_and_ids_stay_strict(change):
    """They are what the event is about."""
    with pytest.raises(ValidationError):
        lenient.read(ContactPayload, CONTACT | change)


@pytest.mark.parametrize(
    "data",
    [
        {"manychat_id": "m1", "state": {"stage_id": 16, "date": "pasado mañana"}},
        {"manychat_id": "m1", "stage_manychat": "Comienza AC", "date": "pasado mañana"},
    ],
)
def test_a_field_inside_another_is_left_out_alone(data):
    """In both shapes of an opportunity the stage counts without its date."""
    payload, left_out = lenient.read(OpportunityPayload, data)
    assert (payload.state.date, [note.field for note in left_out]) == (None, ["state.date"])


def test_no_advisor_is_taken_away_by_a_word_for_nobody():
    """Here "Sin asignar" says nothing; 0 says that there is none."""
    event = {"manychat_id": "m1", "state": {"stage_id": 16}}
    assert lenient.read(OpportunityPayload, event | {"commercial_advisor_id": "Sin asignar"})[0].commercial_advisor_id is None
    assert lenient.read(OpportunityPayload, event | {"commercial_advisor_id": 0})[0].commercial_advisor_id == 0
