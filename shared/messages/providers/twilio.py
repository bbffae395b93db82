"""Twilio: SMS, WhatsApp and calls.

Twilio takes no idempotency key: a message or call whose sending ended without an answer is looked up by its number before it is
sent again. An answer says only that Twilio took the request; whether it arrived comes later, to the status callback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.errors import PermanentError
from shared.messages.content import numbered
from shared.messages.providers.twilio_client import Twilio
from shared.messages.senders import sender_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.messages.content import WhatsAppFile
    from shared.messages.letter import Candidates, Letter
    from shared.messages.message import Message
    from shared.messages.providers.twilio_client import Channel

VOICE_PATH, STATUS_PATH = "/api/twilio/voice", "/api/twilio/status"
# Twilio sends a callback again after an error of ours only where the address asks for it: five times, whatever went wrong.
# The fragment is for Twilio: it is neither sent nor signed (docs/usage/webhooks/webhooks-connection-overrides).
SEND_AGAIN = "#rc=5&rp=all"


def send_message(letter: Letter) -> dict[str, Any]:
    """An SMS or WhatsApp message. Outside WhatsApp's 24-hour window only an approved template may be sent.

    Raises:
        PermanentError: `no-whatsapp-template`, the window is closed and no approved template is set up for this text.
    """
    message, settings = letter.message, letter.settings
    content_sid, content = _content_sid(letter), letter.message.content
    sent = Twilio.from_settings(settings).create_message(
        channel=_channel(message),
        to=message.to,
        sender=sender_of(message, settings),
        body="" if content_sid else _text(letter),
        content_sid=content_sid,
        content_variables=_content_variables(letter),
        media_url=_media_url(content.file) if content is not None and content.file is not None else "",
        status_callback=_own_url(letter, STATUS_PATH) + SEND_AGAIN,
    )
    return {"id": sent.sid} | ({"content_sid": content_sid} if content_sid else {})


def look_up_message(letter: Letter) -> Candidates:
    """What was sent to this number since the first try; of an SMS, with the same text."""
    from shared.messages.letter import Candidates

    message = letter.message
    found = Twilio.from_settings(letter.settings).messages_to(
        channel=_channel(message),
        to=message.to,
        sender=sender_of(message, letter.settings),
        since=letter.first_try,
        body="" if message.channel == "whatsapp" else _text(letter),
    )
    return Candidates(tuple(one.sid for one in found))


def send_call(letter: Letter) -> dict[str, Any]:
    """A call. What is said is fetched from us once Twilio knows who has answered; on a machine, after its greeting."""
    from shared.messages import call_cards, voice

    card = call_cards.sealed(voice.card_for(letter.delivery_id, letter.message), letter.settings.link_signing_secrets)
    call = Twilio.from_settings(letter.settings).create_call(
        to=letter.message.to,
        caller_id=sender_of(letter.message, letter.settings),
        url=_own_url(letter, VOICE_PATH) + (f"&c={card}" if card else "") + SEND_AGAIN,
        status_callback=_own_url(letter, STATUS_PATH) + SEND_AGAIN,
        machine_detection=True,
        waits_for_beep=True,
    )
    return {"id": call.sid}


def look_up_call(letter: Letter) -> Candidates:
    """The calls to this number since the first try."""
    from shared.messages.letter import Candidates

    found = Twilio.from_settings(letter.settings).calls_to(
        to=letter.message.to, caller_id=sender_of(letter.message, letter.settings), since=letter.first_try
    )
    return Candidates(tuple(one.sid for one in found))


def _channel(message: Message) -> Channel:
    return "whatsapp" if message.channel == "whatsapp" else "sms"


def _text(letter: Letter) -> str:
    """The text; options stand numbered behind it, as Twilio has buttons in approved templates alone."""
    content = letter.message.content
    return numbered(letter.rendered.text, content.options) if content is not None else letter.rendered.text


def _content_variables(letter: Letter) -> Mapping[str, str]:
    """The numbered variables of the approved template: those of its body where the message brings a template of Meta's form."""
    content = letter.message.content
    if content is None or content.template is None:
        return letter.rendered.content_variables
    bodies = [part for part in content.template.components if str(part.get("type", "")).lower() == "body"]
    values = [str(value.get("text", "")) for part in bodies for value in part.get("parameters", ())]
    return {str(number): value for number, value in enumerate(values, start=1)}


def _media_url(file: WhatsAppFile) -> str:
    if not file.link:
        raise PermanentError("twilio-needs-link", "Twilio takes a file by its public address, not by Meta's id")
    return file.link


def _content_sid(letter: Letter) -> str:
    content = letter.message.content
    own = content.template if content is not None else None
    if letter.message.channel != "whatsapp" or (letter.free_text and own is None):
        return ""
    name = own.name if own is not None else letter.message.template
    sid = letter.settings.twilio_content_sids.get(name, "")
    if not sid:
        raise PermanentError(
            "no-whatsapp-template",
            f"TWILIO_CONTENT_SIDS has none for {name or 'a text of its own'}, and the person has not written",
        )
    return sid


def _own_url(letter: Letter, path: str) -> str:
    return f"{letter.settings.public_base_url}{path}?d={letter.delivery_id}"
