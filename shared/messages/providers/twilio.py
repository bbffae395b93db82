"""Twilio: SMS, WhatsApp and calls.

Twilio takes no idempotency key: a message or call whose sending ended without an answer is looked up by its number before it is
sent again. An answer says only that Twilio took the request; whether it arrived comes later, to the status callback.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, urlencode

from shared import clock
from shared.errors import DeferredError, PermanentError, PuenteError, RefusedError, ThrottledError, UnavailableError
from shared.intake import signatures
from shared.intake.webhook import SIGNED, Sender
from shared.messages import opt_out_keywords
from shared.messages.content import numbered
from shared.messages.digests import digests_of_address
from shared.messages.events import (
    LONGEST_NAME,
    LONGEST_OPTION_ID,
    LONGEST_SENDER,
    LONGEST_TEXT,
    LONGEST_URL,
    MOST_MEDIA,
)
from shared.messages.providers.twilio_codes import (
    ACCOUNT_CODES,
    CALL_STATUSES,
    MESSAGE_STATUSES,
    REASONS,
    SENDER_LIMIT,
    THROTTLED,
    is_machine,
)
from shared.messages.senders import sender_of
from shared.readers import phone, wish
from shared.store.limits import LONGEST_ID
from shared.vendors.rest_client import RestClient, kept

if TYPE_CHECKING:
    import azure.functions as func
    import requests
    from requests.adapters import BaseAdapter

    from shared.messages.content import WhatsAppFile
    from shared.messages.letter import Candidates, Letter
    from shared.messages.message import Message
    from shared.settings import Settings
    from shared.vendors.connection import Connection

READ_SECONDS = 20.0
LONGEST_BODY = 1600
PAGE = "50"
# Twilio's dates are whole seconds, by its own clock.
SKEW = timedelta(seconds=5)
MOST_FIELDS = 500
LONGEST_ID_OF_MESSAGE = 200
VOICE_PATH, STATUS_PATH = "/api/twilio/voice", "/api/twilio/status"
# Twilio sends a callback again after an error of ours only where the address asks for it: five times, whatever went wrong.
# The fragment is for Twilio: it is neither sent nor signed (docs/usage/webhooks/webhooks-connection-overrides).
SEND_AGAIN = "#rc=5&rp=all"

type Channel = Literal["sms", "whatsapp"]


@dataclass(frozen=True)
class Resource:
    """A message or a call as Twilio has it. `status` is Twilio's word; `reason` is ours for its error, if it has one."""

    sid: str
    status: str
    reason: str = ""


def reason_of(code: object) -> str:
    """Our reason for an error code of Twilio's, from an answer or a status callback; "" where there is none."""
    number = str(code or "").strip()
    if not number.isdecimal() or int(number) == 0:
        return ""
    return REASONS.get(int(number), f"twilio-{int(number)}")


class Twilio:
    """One account. Shared by the process's threads."""

    def __init__(self, url: str, account_sid: str, auth_token: str, adapter: BaseAdapter | None = None) -> None:
        address = f"{url}/2010-04-01/Accounts/{account_sid}"
        self._http = TWILIO.connect(address, adapter=adapter, auth=(account_sid, auth_token))

    @staticmethod
    def from_settings(settings: Settings) -> Twilio:
        """The process's client. Raises PermanentError `not-configured`."""
        TWILIO.require(settings)
        token = settings.twilio_auth_token.get_secret_value() if settings.twilio_auth_token else ""
        return kept(Twilio, settings.twilio_base_url, settings.twilio_account_sid, token)

    def ping(self) -> str:
        """The account's status, `active`, as a sign that Twilio answers us.

        Raises:
            UnavailableError: the account is suspended or closed, so that nothing would be sent.
        """
        return self._http.ping()

    def create_message(
        self,
        *,
        channel: Channel,
        to: str,
        sender: str,
        body: str = "",
        content_sid: str = "",
        content_variables: Mapping[str, str] | None = None,
        media_url: str = "",
        status_callback: str = "",
    ) -> Resource:
        """Send an SMS or a WhatsApp message: `body` as free text with the file at `media_url`, or the template `content_sid`.

        Numbers are E.164; the prefix `whatsapp:` is put on here. A message that Twilio takes and fails at once is refused too.

        Raises:
            PermanentError: one of `REASONS`, or `twilio-<code>`; `twilio-too-long` also before anything is sent.
            DeferredError: the sender's number may send no more for now. ThrottledError: too many for now.
            UnavailableError: also where our account is refused. UncertainError: it may have been sent.
        """
        if len(body) > LONGEST_BODY:
            raise PermanentError("twilio-too-long", f"the text has {len(body)} characters; Twilio takes {LONGEST_BODY}")
        fields = [("To", address(channel, to)), ("From", address(channel, sender))]
        if content_sid:
            fields.append(("ContentSid", content_sid))
            if content_variables:
                fields.append(("ContentVariables", json.dumps(dict(content_variables), ensure_ascii=False)))
        else:
            fields.append(("Body", body))
        if media_url and not content_sid:
            fields.append(("MediaUrl", media_url))
        if status_callback:
            fields.append(("StatusCallback", status_callback))
        message = _resource(self._post("/Messages.json", fields, "sending a message", repeatable=False))
        if message.status in ("failed", "undelivered"):
            raise PermanentError(message.reason or "twilio-failed", f"Twilio failed the message {message.sid} at once")
        return message

    def create_call(
        self,
        *,
        to: str,
        caller_id: str,
        url: str,
        status_callback: str = "",
        machine_detection: bool = False,
        waits_for_beep: bool = False,
        machine_callback: str = "",
        ring_seconds: int = 30,
    ) -> Resource:
        """Call `to`; what is said is the TwiML that `url` answers with (fetched by GET when the call is answered).

        `status_callback` is called for `answered` and `completed` (also busy, no-answer and failed). With `machine_detection`
        Twilio finds out whether a person answers, and asks `url` for what to say only then, with `AnsweredBy`; on a machine at
        once, which is in the middle of its greeting, or with `waits_for_beep` when that is over. With `machine_callback` it
        does not wait and says so there, while the call goes on.

        Raises:
            PermanentError, ThrottledError, UncertainError: as `create_message`.
        """
        fields = [("To", to), ("From", caller_id), ("Url", url), ("Method", "GET"), ("Timeout", str(ring_seconds))]
        if status_callback:
            fields += [("StatusCallback", status_callback), ("StatusCallbackMethod", "POST")]
            fields += [("StatusCallbackEvent", event) for event in ("answered", "completed")]
        if machine_detection:
            fields.append(("MachineDetection", "DetectMessageEnd" if waits_for_beep else "Enable"))
        if machine_detection and machine_callback:
            fields += [("AsyncAmd", "true"), ("AsyncAmdStatusCallback", machine_callback)]
            fields.append(("AsyncAmdStatusCallbackMethod", "POST"))
        return _resource(self._post("/Calls.json", fields, "calling", repeatable=False))

    def redirect_call(self, sid: str, url: str) -> Resource:
        """Let a call that is under way go on with the TwiML of `url` (fetched by GET); doing it twice starts it afresh."""
        fields = [("Url", url), ("Method", "GET")]
        return _resource(self._post(f"/Calls/{sid}.json", fields, "redirecting a call", repeatable=True))

    def messages_to(
        self, *, channel: Channel, to: str, sender: str, since: datetime, until: datetime | None = None, body: str = ""
    ) -> list[Resource]:
        """Our messages to this number made from `since` to `until` (now), newest first; with this `body` where one is given.

        Twilio has nothing else to tell a message by: give as narrow a time as the attempt had, and the body where it was
        free text (that of a template is not known beforehand).
        """
        params = {"To": address(channel, to), "From": address(channel, sender), "PageSize": PAGE}
        messages = self._list("/Messages.json", params, "messages")
        return _newest_first(
            (entry for entry in messages if not body or str(entry.get("body", "")).strip() == body.strip()), since, until
        )

    def calls_to(self, *, to: str, caller_id: str, since: datetime, until: datetime | None = None) -> list[Resource]:
        """Our calls to this number made from `since` to `until` (now), newest first."""
        params = {"To": to, "From": caller_id, "PageSize": PAGE}
        return _newest_first(self._list("/Calls.json", params, "calls"), since, until)

    def _post(self, path: str, fields: Sequence[tuple[str, str]], what: str, *, repeatable: bool) -> Mapping[str, Any]:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        data = urlencode(fields).encode()  # a field may come several times
        return self._http.call("POST", path, what, data=data, headers=headers, repeatable=repeatable)

    def _list(self, path: str, params: Mapping[str, str], name: str) -> list[dict[str, Any]]:
        content = self._http.call("GET", path, f"looking up {name}", params=params, repeatable=True)
        # An inbound message has our numbers the other way round; a reply of Twilio's own is none of ours.
        return [entry for entry in content.get(name) or [] if entry.get("direction") == "outbound-api"]


def address(channel: Channel, number: str) -> str:
    """The number as Twilio writes it for the channel."""
    return f"whatsapp:{number.removeprefix('whatsapp:')}" if channel == "whatsapp" else number


def _resource(content: Mapping[str, Any]) -> Resource:
    return Resource(str(content.get("sid", "")), str(content.get("status", "")), reason_of(content.get("error_code")))


def _newest_first(entries: Iterable[Mapping[str, Any]], since: datetime, until: datetime | None) -> list[Resource]:
    earliest, latest = since - SKEW, (until or clock.now()) + SKEW
    dated = [(made, entry) for entry in entries if (made := _made(entry)) and earliest <= made <= latest]
    return [_resource(entry) for _made_at, entry in sorted(dated, key=lambda pair: pair[0], reverse=True)]


def _made(entry: Mapping[str, Any]) -> datetime | None:
    try:
        return clock.as_utc(parsedate_to_datetime(str(entry.get("date_created"))))
    except ValueError:
        return None


def _of_a_code(
    response: requests.Response,
    error: Mapping[str, Any],
    what: str,
    _repeatable: bool,  # noqa: FBT001  # a verdict is asked so
) -> PuenteError | None:
    code = error.get("code")
    if code in THROTTLED:
        return ThrottledError(f"{what}: {code}")
    if code == SENDER_LIMIT:
        return DeferredError(f"{what}: {code}, the number may send no more for now")
    reason = reason_of(code)
    if not reason or str(code) in ACCOUNT_CODES or response.status_code >= 500 or response.status_code == 401:  # noqa: PLR2004
        return None
    from shared.vendors import answers

    return PermanentError(reason, f"{what} answered {response.status_code} {code} {answers.clean(error.get('message') or '')}")


def _asked(http: Connection) -> str:
    """The account's status (GET /2010-04-01/Accounts/{sid}.json, spec:Account)."""
    status = str(http.call("GET", ".json", "asking for the account", repeatable=True).get("status") or "")
    if status in ("suspended", "closed"):
        raise UnavailableError(f"Twilio: asking for the account: it is {status}", account=True)
    return status


class _Twilio(RestClient):
    """The account's number is a part of the address, and its name and token are sent as HTTP Basic."""

    def connected(self, settings: Settings | None = None, read_seconds: float | None = None) -> Connection:
        from shared.settings import get_settings

        settings = settings or get_settings()
        self.require(settings)
        token = settings.twilio_auth_token.get_secret_value() if settings.twilio_auth_token else ""
        return kept(_connection, settings.twilio_base_url, settings.twilio_account_sid, token, read_seconds)


def _connection(url: str, account_sid: str, token: str, read_seconds: float | None) -> Connection:
    address = f"{url}/2010-04-01/Accounts/{account_sid}"
    return TWILIO.connect(address, auth=(account_sid, token), read_seconds=read_seconds)


# For one message: looking it up and sending it.
TWILIO = _Twilio(
    name="Twilio",
    address="twilio_base_url",
    key="twilio_auth_token",
    needs=("twilio_account_sid",),
    ping_by=_asked,
    read_seconds=READ_SECONDS,
    calls=2,
    account_codes=ACCOUNT_CODES,
    verdict=_of_a_code,
)


# --- messages and calls of ours ---


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


# --- webhooks ---


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
        "at": _rfc_date(form.get("Timestamp", "")),
        "delivery_id": request.params.get("d"),
    }
    return {"events": [event]}


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
        "wish": opt_out_keywords.wish(text, sms=sms) if taken_for is None else _stop_or_start(taken_for),
        "ask": taken_for is None and opt_out_keywords.needs_a_person(text, sms=sms),
    }


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
