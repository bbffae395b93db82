"""What Twilio sends us: how messages and calls end, what people write, and who has answered a call."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from shared.errors import PermanentError, RefusedError
from shared.intake import signatures
from shared.intake.webhook import SIGNED, Sender
from shared.messages import opt_out_keywords
from shared.messages.digests import digests_of_address
from shared.messages.events import (
    LONGEST_DETAIL,
    LONGEST_NAME,
    LONGEST_OPTION_ID,
    LONGEST_SENDER,
    LONGEST_TEXT,
    LONGEST_URL,
    MOST_MEDIA,
)
from shared.messages.providers.twilio_codes import CALL_STATUSES, MESSAGE_STATUSES, is_machine, reason_of
from shared.readers import phone, wish
from shared.store.limits import LONGEST_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    import azure.functions as func

    from shared.settings import Settings

MOST_FIELDS = 500
LONGEST_ID_OF_MESSAGE = 200


def verify(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """The request is Twilio's, sent to the address that PUBLIC_BASE_URL makes of it. Raises RefusedError."""
    secrets = [settings.twilio_auth_token] if settings.twilio_auth_token else []
    url = signatures.public_url(settings.public_base_url, request.url)
    signatures.twilio(request.headers, raw, secrets, url=url)
    return SIGNED


def read_events(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """A status callback of a message or a call."""
    form = _form(raw)
    call = form.get("CallSid", "")
    word = form.get("CallStatus", "") if call else form.get("MessageStatus", "") or form.get("SmsStatus", "")
    event = {
        "provider": "twilio",
        "vendor_id": call or form.get("MessageSid", ""),
        "word": word[:60],
        "status": status_of(word, is_call=bool(call), answered_by=form.get("AnsweredBy", "")),
        "reason": reason_of(form.get("ErrorCode", "")[:10]) or None,
        "detail": _words_of(form),
        "at": _rfc_date(form.get("Timestamp", "")),
        "delivery_id": request.params.get("d"),
    }
    return {"events": [event]}


def _words_of(form: Mapping[str, str]) -> str | None:
    """Twilio's own code of a failure, with its words where it sends them."""
    from shared.vendors import answers

    code, words = form.get("ErrorCode", ""), answers.clean(form.get("ErrorMessage", ""))
    return f"{code[:10]} {words}"[:LONGEST_DETAIL].strip() if code else None


def status_of(word: str, *, is_call: bool = False, answered_by: str = "") -> str | None:
    """Our status for Twilio's word; a call that a machine has answered is another thing than one that a person has."""
    status = (CALL_STATUSES if is_call else MESSAGE_STATUSES).get(word)
    return "machine" if status == "answered" and is_machine(answered_by) else status


def _stop_or_start(taken_for: str) -> str | None:
    return taken_for if taken_for in ("stop", "start") else None


def read_reply(_request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """A message from a person, with its words, and the wish in them where there is one.

    Twilio says itself what it took for one (`OptOutType`), and has then acted on it: that counts before the words.
    """
    form = _form(raw)
    sender = form.get("From", "")
    taken_for = wish.of_vendor(form.get("OptOutType"))
    text, sms = form.get("Body", "") or form.get("ButtonText", ""), not sender.startswith("whatsapp:")
    who, *others = digests_of_address(sender)
    number = sender.removeprefix("whatsapp:").strip()
    return {
        "sender": phone.e164_or_none(number, channel="whatsapp") or number[:LONGEST_SENDER] or None,
        "sender_name": form.get("ProfileName", "").replace("\x00", "").strip()[:LONGEST_NAME] or None,
        "text": text.replace("\x00", "")[:LONGEST_TEXT],
        **_choice(form),
        "media": _media(form),
        "vendor_id": form.get("MessageSid", ""),
        "who": who,
        "others": others,
        "channel": "sms" if sms else "whatsapp",
        "wish": _wish(form, text, sms=sms) if taken_for is None else _stop_or_start(taken_for),
        "ask": taken_for is None and opt_out_keywords.needs_a_person(text, sms=sms),
    }


def _wish(form: Mapping[str, str], text: str, *, sms: bool) -> str | None:
    """The wish in the words; of a template's button also in what it brings unseen."""
    payload = form.get("ButtonPayload", "")
    return opt_out_keywords.wish(text, sms=sms) if sms else opt_out_keywords.wish_of_button(text, payload)


def _choice(form: Mapping[str, str]) -> dict[str, str]:
    """The button of a template that they tapped, and the message that they answer."""
    chosen = form.get("ButtonPayload", "") or form.get("ButtonText", "")
    button = {"kind": "button", "option_id": chosen[:LONGEST_OPTION_ID], "option_title": form.get("ButtonText", "")[:100]}
    quoted = form.get("OriginalRepliedMessageSid", "")[:LONGEST_ID_OF_MESSAGE]
    return (button if chosen else {}) | ({"quoted_id": quoted} if quoted else {})


def _media(form: Mapping[str, str]) -> list[dict[str, str]]:
    """What came with the words; Twilio numbers them from 0."""
    addresses = ((number, form.get(f"MediaUrl{number}", "")) for number in range(MOST_MEDIA))
    return [
        {"type": form.get(f"MediaContentType{number}", "")[:100], "url": url}
        for number, url in addresses
        if url and len(url) <= LONGEST_URL
    ]


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
        fields = parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise RefusedError(400, "bad-form", "The body must be a form in UTF-8.") from error
    return {name: values[0] for name, values in fields.items()}


def _rfc_date(text: str) -> str | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC).isoformat() if text else None
    except ValueError:
        return None
