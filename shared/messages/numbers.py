"""Our WhatsApp numbers: which there are, who carries each, and from which a message goes out.

`whatsapp_number_id` follows from the number itself, so it stays when the number moves from one provider to the other.
"""

from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from shared.messages.message import Message
from shared.settings import Settings

META, TWILIO = "meta", "twilio"


@dataclass(frozen=True, kw_only=True)
class WhatsAppNumber:
    """A number of ours: `id` is our `whatsapp_number_id`, `vendor_id` Meta's id of it, `phone` is in E.164."""

    id: str
    provider: str
    vendor_id: str
    phone: str


def id_of(phone: str) -> str:
    """The `whatsapp_number_id` of a number in E.164."""
    return str(uuid5(NAMESPACE_URL, f"whatsapp:{phone}"))


def configured(settings: Settings) -> tuple[WhatsAppNumber, ...]:
    """Every number that the settings name; the first of each provider is the one that it uses unless a message says another."""
    meta = [(META, vendor_id, phone) for vendor_id, phone in settings.meta_numbers.items()]
    twilio = [(TWILIO, phone, phone) for phone in [settings.twilio_whatsapp_sender.removeprefix("whatsapp:")] if phone]
    return tuple(
        WhatsAppNumber(id=id_of(phone), provider=provider, vendor_id=vendor_id, phone=phone)
        for provider, vendor_id, phone in (*meta, *twilio)
    )


def by_vendor_id(vendor_id: str | None, settings: Settings) -> WhatsAppNumber | None:
    """The number of Meta's with that id; None where it is none of those that are set up."""
    return next((one for one in configured(settings) if one.provider == META and one.vendor_id == vendor_id), None)


def of_message(message: Message, settings: Settings) -> WhatsAppNumber | None:
    """The number from which a WhatsApp message goes out; None where there is none, or no such."""
    if message.whatsapp_number_id is not None:
        found = (one for one in configured(settings) if one.id == message.whatsapp_number_id)
        return next((one for one in found if message.provider in (None, one.provider)), None)
    provider = message.provider or settings.whatsapp_provider
    return next((one for one in configured(settings) if one.provider == provider), None)


def provider_of(message: Message, settings: Settings) -> str:
    """Who carries a WhatsApp message: whom it names, else who has its number, else WHATSAPP_PROVIDER."""
    number = of_message(message, settings)
    return number.provider if number is not None else message.provider or settings.whatsapp_provider
