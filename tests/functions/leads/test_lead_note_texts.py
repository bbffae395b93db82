"""Notes in Kommo are read by people who sell: they hold none of our names."""

import re
from itertools import product
from typing import Any

import pytest

from functions.leads import note_texts
from shared.messages import templates
from shared.outbox.actions import Claimed

pytestmark = pytest.mark.usefixtures("fresh")

GIVEN = {
    "at": "2026-03-02T16:00:00+00:00",
    "template": "lead_day_3",
    "reason": "twilio-63016",
    "channels": "sms, voice, whatsapp",
    "cause": "stop",
    "begin_at": "2026-03-02T17:00:00+00:00",
    "nombre": "Ana",
    "telefono": "55 1234 5678",
    "empresa": "Acme",
    "fuente": "web",
    "text": "Quiere una llamada",
    "advisor": "Luz",
}
INTERNAL = re.compile(r"[a-z]+_[a-z0-9]+|\b(?:twilio|brevo|resend|smtp|voice|email|sms|whatsapp)\b|\b[a-z]+-\d+|\{\{|\bNone\b")


def written(name: str, **more: Any) -> str:
    """The text of a note."""
    payload = {"name": name, "variables": GIVEN | more}
    text = note_texts.render(Claimed(id=1, subject="lead:17", payload=payload, attempt=1, key="a" * 64))
    assert text is not None
    return text


@pytest.mark.share(8)
@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 4])
@pytest.mark.parametrize("name", sorted(note_texts._texts()["texts"]))
def test_a_note_holds_nothing_internal(name: str, every: int) -> None:
    """Neither templates, channels nor vendors' codes by our names, whichever message it is about.

    One of four pairs has each template and each reason; all pairs are tried where time allows it.
    """
    reasons = ("twilio-63016", "bounced", "gave-up", "-", "mine-own")
    for template, reason in list(product([*templates.names(), "mine_own"], reasons))[::every]:
        text = written(name, template=template, reason=reason)
        assert INTERNAL.search(text) is None, text


@pytest.mark.parametrize(
    ("name", "more", "line"),
    [
        ("email_sent", {"template": "lead_welcome"}, "Correo enviado (bienvenida)."),
        ("email_sent", {"template": "mine_own"}, "Correo enviado."),
        ("email_failed", {"reason": "bounced"}, "El correo no llegó (seguimiento del día 3): la dirección no existe."),
        (
            "sms_failed",
            {"reason": "twilio-unreachable"},
            "El SMS no llegó (seguimiento del día 3): el número no se puede alcanzar.",
        ),
        ("voice_failed", {"reason": "twilio-13224"}, "La llamada no se pudo hacer."),
        ("said_unsubscribed", {}, "Pidió no recibir más mensajes (SMS, llamada, WhatsApp)."),
    ],
)
def test_a_note_says_what_people_need(name: str, more: dict[str, str], line: str) -> None:
    """Which message it was and why it did not arrive, in the words of the file; of what is not there nothing."""
    assert written(name, **more).splitlines()[0] == line


def test_every_template_of_a_follow_up_has_its_words() -> None:
    """So that a note says which message it was; a call is told by itself."""
    words = note_texts._texts()["words"]["templates"]
    sent = {name for name in templates.names() if name.startswith(("lead_", "booking_"))}
    assert sent - set(words) == {"lead_call", "lead_call_voicemail"}
