"""The carrier and the sender of a message, and the settings they need."""

from shared.messages import numbers
from shared.messages.message import Message
from shared.settings import Settings


def sender_of(message: Message, settings: Settings) -> str:
    """The number of ours from which a message goes out, with Meta its id there; "" where none is set up."""
    if message.channel == "whatsapp":
        number = numbers.of_message(message, settings)
        return number.vendor_id if number is not None else ""
    return {"sms": settings.twilio_sms_sender, "voice": settings.twilio_caller_id}.get(message.channel, "")


def provider_of(message: Message, settings: Settings) -> str:
    """Who carries the message: the target of its delivery."""
    if message.channel == "email":
        return message.provider or settings.email_provider
    if message.channel == "whatsapp":
        return numbers.provider_of(message, settings)
    return "manychat" if message.channel == "manychat" else "twilio"


def missing(message: Message, settings: Settings) -> bool:
    """Whether a setting is not there without which the message cannot be sent (a marketing mail needs a signed way out)."""
    needed: dict[str, tuple[object, ...]] = {
        "brevo": (settings.sendinblue_api_key, settings.sendinblue_sender_email),
        "resend": (settings.resend_api_key, settings.resend_from),
        "smtp": (settings.smtp_url, settings.smtp_from),
        "manychat": (settings.manychat_api_key,),
        "meta": (settings.meta_access_token, sender_of(message, settings)),
        "twilio": (settings.twilio_account_sid, settings.twilio_auth_token, sender_of(message, settings)),
    }
    link = message.channel != "email" or message.transactional or bool(settings.link_signing_secrets)
    return not (link and all(needed[provider_of(message, settings)]))
