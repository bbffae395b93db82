"""What people write when they want no more messages, or want them again."""

from typing import Any

import pytest

from shared.readers import wish
from tests.support.truth import each_row


@each_row("wishes")
def test_a_wish_is_read(row: dict[str, Any]) -> None:
    """Every row is a stop, a start, a call for help, something to ask a person about, or none of these."""
    context = row["context"]
    found = wish.of_vendor(context.get("OptOutType"), context.get("value")) or wish.read(
        row["input"],
        sms=context["channel"] == "sms",
        button=context.get("type") == "button",
        answers=context.get("answers") or (),
    )
    assert (found or "not_a_wish") == row["right"]


@pytest.mark.parametrize(
    "text",
    [
        "me pueden quitar de la lista por favor", "denme de baja ya!!", "No deseo seguir recibiendo sus mensajes",
        "basta de mensajes",
        "Please remove me from your list", "do not contact me again", "STOOOP", "b a j a", "BAJA BAJA",
        "nao me mandem mais mensagens",
        "Sí, quiero darme de baja", "si, denme de baja", "No gracias, ya no me manden mensajes", "como me desuscribo",
        "bja",
        "STOP\n\nOn Mon, Nov 2, 2026 at 9:00 AM Clinic wrote:\n> Reply STOP", "Baja\n\nSent from Outlook for iOS",
        "no quiero spam",
        "dejen de hacer spam", "ya párenle a los mensajes", "me tirem da lista", "sáquenme de este grupo",
        "eliminen mis datos",
        "Désabonner", "arrête", "se désabonner svp", "BAJA DEFINITIVA", "stop SMS", "salir de la lista", "¡Baja ya!",
        "STOP NOW",
    ],
)  # fmt: skip
def test_other_stops_of_the_same_kinds(text: str) -> None:
    """The kinds are read, not the rows."""
    assert wish.read(text) == "stop"


@pytest.mark.parametrize(
    "text",
    [
        "", "quiero agendar una cita", "cancelen mi cita por favor", "ya no me mandan mensajes, ¿por qué?",
        "no recibí sus mensajes",
        "no dejen de enviarme ofertas", "no me den de baja", "si no me contestan me doy de baja", "jaja", "vaya",
        "muy alto", "estoy de baja médica",
        "mi esposo quiere una cita", "no soy de aquí", "por la tarde mejor", "borré el mensaje, me lo reenvían?",
        "cuánto por quitar brackets",
        "quiero parar de fumar", "mándenme la ubicación a mi correo", "how do I cancel my order?",
        "end of the month works",
        "no recibí su mensaje hoy", "hoy no me llamaron", "ayer no me marcaron", "no me llamó nadie",
        "no me escribieron ayer", "baja de precio hoy?", "manden hoy la ubicación",
    ],
)  # fmt: skip
def test_a_customer_who_talks_to_us_is_left_alone(text: str) -> None:
    """A keyword inside a sentence about something else is no wish."""
    assert wish.read(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "no me llamen",
        "no me escriban de noche",
        "se equivocó de número",
        "no soy Luis",
        "quiero cancelar mi membresía",
        "stop start",
        "STOP jk",
        "no me escriban hoy",
        "Hoy no me manden nada, estoy en junta",
        "por favor no me llamen ahorita",
        "don't text me today",
        "não me mandem mensagens agora",
        "BAJA WhatsApp",
        "stop calls",
    ],
)
def test_what_a_person_must_look_at(text: str) -> None:
    """One channel, another person, a service, and what was taken back."""
    assert wish.read(text) == "ask"


def test_a_long_text_is_read_at_its_beginning_only() -> None:
    """A megabyte costs no more than a page."""
    assert wish.read("hola " * 200_000) is None
