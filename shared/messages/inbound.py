"""What vendors and recipients send us about messages, brought into one form at the door. Light: no SQL, no vendor's client.

People are named by digests from here on (`shared.messages.who`), and of what somebody writes to us only a wish is kept, so that
the events we store say nothing of anybody.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs

import azure.functions as func
from pydantic import AwareDatetime, Field

from shared.errors import PermanentError, RefusedError
from shared.intake import signatures
from shared.intake.webhook import Payload, json_object
from shared.messages import links, words
from shared.messages.who import who_of_address, whos_of_address
from shared.settings import Settings, get_settings

LONGEST_ID = 18  # digits


class VendorWord(Payload):
    """A vendor's word on one message: `word` is its own, `detail` what else decides about its meaning."""

    provider: Literal["twilio", "brevo", "resend"]
    vendor_id: str = Field(min_length=1, max_length=200)
    word: str = Field(min_length=1, max_length=60)
    at: AwareDatetime | None = None
    delivery: int | None = Field(default=None, ge=1, lt=2**63)
    who: str | None = Field(default=None, pattern="^[0-9a-f]{32}$")
    detail: dict[str, str] = Field(default_factory=dict)

    def subject(self) -> str:
        """The message, by the vendor's id."""
        return f"{self.provider}:{self.vendor_id}"[:100]

    def occurred_at(self) -> datetime | None:
        """When it happened, where the vendor says so."""
        return self.at


class Reply(Payload):
    """Somebody has written to us by SMS or WhatsApp; `wish` where it was STOP, BAJA, START, ALTA, ...

    `ask`: a person must look before marketing goes to this line again. `others` are the digests of the number's other
    spellings, under which an earlier wish may be filed.
    """

    vendor_id: str = Field(min_length=1, max_length=200)
    who: str = Field(pattern="^[0-9a-f]{32}$")
    others: list[Annotated[str, Field(pattern="^[0-9a-f]{32}$")]] = Field(default_factory=list, max_length=20)
    ask: bool = False
    channel: Literal["sms", "whatsapp"]
    wish: Literal["stop", "start"] | None = None

    def subject(self) -> str:
        """The message, by the vendor's id."""
        return f"twilio:{self.vendor_id}"[:100]

    def occurred_at(self) -> datetime | None:
        """Twilio does not say."""
        return None


class Unsubscribe(Payload):
    """Somebody has used the link in one of our mails."""

    delivery: int = Field(ge=1, lt=2**63)
    address: str = Field(pattern="^[0-9a-f]{32}$")
    person: str = Field(pattern="^[0-9a-f]{32}$")

    def subject(self) -> str:
        """The mail in which the link stood."""
        return f"delivery:{self.delivery}"

    def occurred_at(self) -> datetime | None:
        """Now."""
        return None


def signed_by_twilio(request: func.HttpRequest, raw: bytes, settings: Settings) -> None:
    """The request is Twilio's. Raises RefusedError."""
    secrets = [settings.twilio_auth_token] if settings.twilio_auth_token else []
    url = signatures.public_url(settings.public_base_url, request.url)
    signatures.twilio(request.headers, raw, secrets, url=url)


def signed_by_brevo(request: func.HttpRequest, raw: bytes, settings: Settings) -> None:
    """The request is Brevo's. Raises RefusedError."""
    signatures.brevo(request.headers, raw, settings.brevo_webhook_secrets)


def signed_by_resend(request: func.HttpRequest, raw: bytes, settings: Settings) -> None:
    """The request is Resend's. Raises RefusedError."""
    signatures.resend(request.headers, raw, settings.resend_webhook_secrets)


def signed_by_us(request: func.HttpRequest, _raw: bytes, settings: Settings) -> None:
    """The link is one of ours. Raises RefusedError, 403."""
    links.read(request.params.get("t", ""), settings.link_signing_secrets)


def read_twilio_status(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """A status callback of a message or a call."""
    form = _form(raw)
    call = form.get("CallSid", "")
    detail = {"call": "yes", "answered_by": form.get("AnsweredBy", "")} if call else {}
    return {
        "provider": "twilio",
        "vendor_id": call or form.get("MessageSid", ""),
        "word": form.get("CallStatus", "") if call else form.get("MessageStatus", "") or form.get("SmsStatus", ""),
        "at": _rfc_date(form.get("Timestamp", "")),
        "delivery": request.params.get("d"),
        "detail": detail | {"error": form.get("ErrorCode", "")[:10]},
    }


def read_twilio_message(_request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """A message from a person. What it says is not kept, apart from a wish."""
    form = _form(raw)
    sender = form.get("From", "")
    text, sms = form.get("Body", "") or form.get("ButtonText", ""), not sender.startswith("whatsapp:")
    who, *others = whos_of_address(sender)
    return {
        "vendor_id": form.get("MessageSid", ""),
        "who": who,
        "others": others,
        "channel": "sms" if sms else "whatsapp",
        "wish": words.wish(text, sms=sms),
        "ask": words.needs_a_person(text, sms=sms),
    }


def read_brevo(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """An event of a transactional mail."""
    said = json_object(request, raw)
    seconds = said.get("ts_event") or said.get("ts")
    return {
        "provider": "brevo",
        "vendor_id": str(said.get("message-id") or "").strip("<>"),
        "word": str(said.get("event") or ""),
        "at": _unix(seconds),
        "who": who_of_address(str(said["email"])) if said.get("email") else None,
    }


def read_resend(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """An event of a mail."""
    said = json_object(request, raw)
    data = said.get("data")
    data = data if isinstance(data, dict) else {}
    to, bounce = data.get("to"), data.get("bounce")
    to = to[0] if isinstance(to, list) and to else to
    return {
        "provider": "resend",
        "vendor_id": str(data.get("email_id") or ""),
        "word": str(said.get("type") or ""),
        "at": said.get("created_at"),
        "who": who_of_address(to) if isinstance(to, str) else None,
        "detail": {"bounce": str(bounce.get("type") or "")[:40]} if isinstance(bounce, dict) else {},
    }


def read_link(request: func.HttpRequest, _raw: bytes) -> dict[str, Any]:
    """The signed link of a mail. The body, whatever a mail program puts there (RFC 8058), does not matter."""
    link = links.read(request.params.get("t", ""), get_settings().link_signing_secrets)
    return {"delivery": link.delivery_id, "address": link.address, "person": link.person}


def read_call(request: func.HttpRequest) -> tuple[int, str, str]:
    """Which call Twilio asks about, by our delivery; what it has found out about who answers; and the sealed card of the call.

    Raises:
        PermanentError: `no-such-call`, the address names none.
    """
    number = request.params.get("d", "")
    if not (number.isascii() and number.isdecimal() and len(number) <= LONGEST_ID):
        raise PermanentError("no-such-call", "the address names no call")
    answered_by = request.params.get("AnsweredBy", "") or _form(request.get_body()).get("AnsweredBy", "")
    return int(number), answered_by, request.params.get("c", "")


def _form(raw: bytes) -> dict[str, str]:
    """The fields of a form, the first value of each.

    Raises:
        RefusedError: 400, it is no form in UTF-8.
    """
    try:
        return {name: values[0] for name, values in parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=500).items()}
    except ValueError as error:
        raise RefusedError(400, "bad-form", "The body must be a form in UTF-8.") from error


def _rfc_date(text: str) -> str | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC).isoformat() if text else None
    except ValueError:
        return None


def _unix(seconds: Any) -> str | None:
    try:
        return datetime.fromtimestamp(float(seconds), UTC).isoformat() if seconds else None
    except (ValueError, TypeError, OverflowError, OSError):
        return None
