"""From one of our messages to a vendor's call, for each way of sending. Which setting each of them needs stands here too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.errors import PermanentError
from shared.messages.message import Message
from shared.messages.templates import Rendered, Template
from shared.settings import Settings
from shared.vendors.mail import Email

VOICE_PATH, STATUS_PATH = "/api/twilio/voice", "/api/twilio/status"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message that is ready to go. `key` is the same on every attempt; `free_text` says that WhatsApp takes any text now."""

    delivery_id: int
    key: str
    message: Message
    template: Template
    rendered: Rendered
    first_try: datetime
    headers: Mapping[str, str]
    free_text: bool
    settings: Settings


type Send = Callable[[Letter], dict[str, Any]]
"""Send it; what is to be kept of the answer, `id` being the vendor's own. Raises PuenteError as vendors' clients do."""

type LookUp = Callable[[Letter], str | None]
"""The vendor's id of a letter whose sending ended without an answer; None where the vendor does not know it."""


def provider_of(message: Message, settings: Settings) -> str:
    """Who carries the message: the target of its delivery."""
    if message.channel == "email":
        return message.provider or settings.email_provider
    return "manychat" if message.channel == "manychat" else "twilio"


def missing(message: Message, settings: Settings) -> bool:
    """Whether a setting is not there without which the message cannot be sent (a marketing mail needs a signed way out)."""
    needed: dict[str, tuple[object, ...]] = {
        "brevo": (settings.sendinblue_api_key, settings.sendinblue_sender_email),
        "resend": (settings.resend_api_key, settings.resend_from),
        "smtp": (settings.smtp_url, settings.smtp_from),
        "manychat": (settings.manychat_api_key,),
        "twilio": (settings.twilio_account_sid, settings.twilio_auth_token, _sender(message, settings)),
    }
    link = message.channel != "email" or message.transactional or bool(settings.link_signing_secrets)
    return not (link and all(needed[provider_of(message, settings)]))


def by_brevo(letter: Letter) -> dict[str, Any]:
    """A mail through Brevo; it drops the same key for a quarter of an hour, later repetitions are looked up first."""
    from shared.vendors.brevo import Brevo

    return {"id": _brevo_id(Brevo.from_settings(letter.settings).send(_email(letter)))}


def found_by_brevo(letter: Letter) -> str | None:
    """The mail's id in Brevo's event log."""
    from shared.vendors.brevo import Brevo

    found = Brevo.from_settings(letter.settings).find(_email(letter))
    return found if found is None else _brevo_id(found)


def by_resend(letter: Letter) -> dict[str, Any]:
    """A mail through Resend; the same key within 24 hours is sent once."""
    from shared.vendors.resend import Resend

    return {"id": Resend.from_settings(letter.settings).send(_email(letter))}


def by_smtp(letter: Letter) -> dict[str, Any]:
    """A mail through an SMTP server."""
    from shared.vendors.smtp import Smtp

    return {"id": Smtp.from_settings(letter.settings).send(_email(letter))}


def by_twilio_message(letter: Letter) -> dict[str, Any]:
    """An SMS or WhatsApp message. Outside WhatsApp's 24-hour window only an approved template may be sent.

    Raises:
        PermanentError: `no-whatsapp-template`, the window is closed and no approved template is set up for this text.
    """
    from shared.vendors.twilio import Twilio

    message, settings = letter.message, letter.settings
    channel = "whatsapp" if message.channel == "whatsapp" else "sms"
    content_sid = _content_sid(letter)
    sent = Twilio.from_settings(settings).create_message(
        channel=channel,  # type: ignore[arg-type]  # one of the two
        to=message.to,
        sender=_sender(message, settings),
        body="" if content_sid else letter.rendered.text,
        content_sid=content_sid,
        content_variables=letter.rendered.content_variables,
        status_callback=_own_url(letter, STATUS_PATH),
    )
    return {"id": sent.sid} | ({"content_sid": content_sid} if content_sid else {})


def found_by_twilio_message(letter: Letter) -> str | None:
    """The message's id in Twilio's list of what was sent to this number since the first try."""
    from shared.vendors.twilio import Twilio

    message = letter.message
    found = Twilio.from_settings(letter.settings).find_message(
        channel="whatsapp" if message.channel == "whatsapp" else "sms",
        to=message.to,
        sender=_sender(message, letter.settings),
        since=letter.first_try,
        body="" if message.channel == "whatsapp" else letter.rendered.text,
    )
    return found.sid if found else None


def by_twilio_call(letter: Letter) -> dict[str, Any]:
    """A call. What is said is fetched from us once Twilio knows who has answered; on a machine, after its greeting."""
    from shared.messages import call_cards, voice
    from shared.vendors.twilio import Twilio

    card = call_cards.sealed(voice.card_for(letter.delivery_id, letter.message), letter.settings.link_signing_secrets)
    call = Twilio.from_settings(letter.settings).create_call(
        to=letter.message.to,
        caller_id=_sender(letter.message, letter.settings),
        url=_own_url(letter, VOICE_PATH) + (f"&c={card}" if card else ""),
        status_callback=_own_url(letter, STATUS_PATH),
        machine_detection=True,
        waits_for_beep=True,
    )
    return {"id": call.sid}


def found_by_twilio_call(letter: Letter) -> str | None:
    """The call's id in Twilio's list of calls to this number since the first try."""
    from shared.vendors.twilio import Twilio

    found = Twilio.from_settings(letter.settings).find_call(
        to=letter.message.to, caller_id=_sender(letter.message, letter.settings), since=letter.first_try
    )
    return found.sid if found else None


def by_manychat(letter: Letter) -> dict[str, Any]:
    """Text into a ManyChat conversation; `to` is the subscriber's id. ManyChat gives such a message no id."""
    from shared.vendors.manychat_api import ManyChat, text_content

    data = text_content([letter.rendered.text], letter.template.manychat_type)
    ManyChat.from_settings(letter.settings).send_content(letter.message.to, data)
    return {}


def _email(letter: Letter) -> Email:
    rendered = letter.rendered
    return Email(
        key=letter.key,
        to=letter.message.to,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        headers=letter.headers,
    )


def _brevo_id(text: str) -> str:
    """Brevo's webhooks name the mail with or without angle brackets."""
    return text.strip("<>")


def _sender(message: Message, settings: Settings) -> str:
    numbers = {
        "whatsapp": settings.twilio_whatsapp_sender,
        "sms": settings.twilio_sms_sender,
        "voice": settings.twilio_caller_id,
    }
    return numbers.get(message.channel, "")


def _content_sid(letter: Letter) -> str:
    if letter.message.channel != "whatsapp" or letter.free_text:
        return ""
    sid = letter.settings.twilio_content_sids.get(letter.message.template, "")
    if not sid:
        raise PermanentError(
            "no-whatsapp-template",
            f"TWILIO_CONTENT_SIDS has none for {letter.message.template}, and the person has not written",
        )
    return sid


def _own_url(letter: Letter, path: str) -> str:
    return f"{letter.settings.public_base_url}{path}?d={letter.delivery_id}"
