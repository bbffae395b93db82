"""SMS, WhatsApp and calls through Twilio.

Twilio takes no idempotency key: after an UncertainError ask `find_message` or `find_call` before anything is sent again.
An answer says only that Twilio took the request; whether it arrived comes later, to the status callback.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urlencode

import requests
from requests.adapters import BaseAdapter

from shared import clock
from shared.errors import PermanentError, PuenteError, ThrottledError, UnavailableError
from shared.settings import Settings
from shared.vendors import answers
from shared.vendors.http import HttpClient

READ_SECONDS = 20.0
LONGEST_BODY = 1600
PAGE = "50"
# Twilio's dates are whole seconds, by its own clock.
SKEW = timedelta(seconds=5)

# Codes of refusals and of failed statuses that mean something to us; all others become `twilio-<code>`.
REASONS: Mapping[int, str] = {
    20003: "twilio-access-denied",
    21211: "twilio-invalid-recipient",
    21217: "twilio-invalid-recipient",
    21265: "twilio-invalid-recipient",
    21614: "twilio-invalid-recipient",
    21635: "twilio-invalid-recipient",
    63024: "twilio-invalid-recipient",
    21214: "twilio-unreachable",
    21612: "twilio-unreachable",
    30003: "twilio-unreachable",
    30005: "twilio-unreachable",
    30006: "twilio-unreachable",
    21215: "twilio-country-not-allowed",
    21408: "twilio-country-not-allowed",
    21610: "twilio-opted-out",
    30004: "twilio-blocked",
    30007: "twilio-filtered",
    63016: "twilio-outside-window",
    63032: "twilio-user-limit",
    21212: "twilio-invalid-sender",
    21606: "twilio-invalid-sender",
    63007: "twilio-invalid-sender",
    21617: "twilio-too-long",
    21655: "twilio-invalid-template",
    21656: "twilio-invalid-template",
}
# Too much for now, whatever the HTTP status: nothing was sent.
_THROTTLED = frozenset({20429, 21611, 63018})

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

    def __init__(
        self,
        url: str,
        account_sid: str,
        auth_token: str,
        adapter: BaseAdapter | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._http = HttpClient(
            "Twilio",
            f"{url}/2010-04-01/Accounts/{account_sid}",
            read_seconds=read_seconds,
            auth=(account_sid, auth_token),
            secrets=[auth_token],
            adapter=adapter,
        )

    @staticmethod
    def from_settings(settings: Settings, read_seconds: float = READ_SECONDS) -> "Twilio":
        """The process's client for that patience. Raises PermanentError `not-configured`."""
        if settings.twilio_auth_token is None or not settings.twilio_account_sid:
            raise answers.not_configured("Twilio", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")
        return _client(
            settings.twilio_base_url, settings.twilio_account_sid, settings.twilio_auth_token.get_secret_value(), read_seconds
        )

    def ping(self) -> str:
        """The account's status, `active`, as a sign that Twilio answers us (GET /2010-04-01/Accounts/{sid}.json, spec:Account).

        Raises:
            UnavailableError: the account is suspended or closed, so that nothing would be sent.
        """
        what = "Twilio: asking for the account"
        status = str(_content(self._http.request("GET", ".json"), what, repeatable=True).get("status") or "")
        if status in ("suspended", "closed"):
            raise UnavailableError(f"{what}: it is {status}")
        return status

    def create_message(
        self,
        *,
        channel: Channel,
        to: str,
        sender: str,
        body: str = "",
        content_sid: str = "",
        content_variables: Mapping[str, str] | None = None,
        status_callback: str = "",
    ) -> Resource:
        """Send an SMS or a WhatsApp message: `body` as free text, or an approved template by its `content_sid`.

        Numbers are E.164; the prefix `whatsapp:` is put on here. A message that Twilio takes and fails at once is refused too.

        Raises:
            PermanentError: one of `REASONS`, or `twilio-<code>`; `twilio-too-long` also before anything is sent.
            ThrottledError: too many for now. UncertainError: it may have been sent.
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

        `status_callback` hears of `answered` and `completed` (also busy, no-answer and failed). With `machine_detection`
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

    def find_message(
        self, *, channel: Channel, to: str, sender: str, since: datetime, until: datetime | None = None, body: str = ""
    ) -> Resource | None:
        """The newest message of ours to this number made from `since` to `until` (now), with this `body` where one is given.

        Twilio has nothing else to tell a message by: give as narrow a time as the attempt had, and the body where it was
        free text (that of a template is not known beforehand).
        """
        params = {"To": address(channel, to), "From": address(channel, sender), "PageSize": PAGE}
        messages = self._list("/Messages.json", params, "messages")
        return _newest(
            (entry for entry in messages if not body or str(entry.get("body", "")).strip() == body.strip()), since, until
        )

    def find_call(self, *, to: str, caller_id: str, since: datetime, until: datetime | None = None) -> Resource | None:
        """The newest call of ours to this number made from `since` to `until` (now)."""
        params = {"To": to, "From": caller_id, "PageSize": PAGE}
        return _newest(self._list("/Calls.json", params, "calls"), since, until)

    def _post(self, path: str, fields: Sequence[tuple[str, str]], what: str, *, repeatable: bool) -> Mapping[str, Any]:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        data = urlencode(fields).encode()  # a field may come several times
        response = self._http.request("POST", path, data=data, headers=headers, repeatable=repeatable)
        return _content(response, f"Twilio: {what}", repeatable=repeatable)

    def _list(self, path: str, params: Mapping[str, str], name: str) -> list[dict[str, Any]]:
        response = self._http.request("GET", path, params=params)
        content = _content(response, f"Twilio: looking up {name}", repeatable=True)
        # An inbound message has our numbers the other way round; a reply of Twilio's own is none of ours.
        return [entry for entry in content.get(name) or [] if entry.get("direction") == "outbound-api"]


def address(channel: Channel, number: str) -> str:
    """The number as Twilio writes it for the channel."""
    return f"whatsapp:{number.removeprefix('whatsapp:')}" if channel == "whatsapp" else number


def _resource(content: Mapping[str, Any]) -> Resource:
    return Resource(str(content.get("sid", "")), str(content.get("status", "")), reason_of(content.get("error_code")))


def _newest(entries: Iterable[Mapping[str, Any]], since: datetime, until: datetime | None) -> Resource | None:
    earliest, latest = since - SKEW, (until or clock.now()) + SKEW
    dated = [(made, entry) for entry in entries if (made := _made(entry)) and earliest <= made <= latest]
    return _resource(max(dated, key=lambda pair: pair[0])[1]) if dated else None


def _made(entry: Mapping[str, Any]) -> datetime | None:
    try:
        return clock.as_utc(parsedate_to_datetime(str(entry.get("date_created"))))
    except ValueError:
        return None


def _content(response: requests.Response, what: str, *, repeatable: bool) -> Mapping[str, Any]:
    if response.ok:
        return answers.mapping(response, what, repeatable=repeatable)
    value = answers.parsed(response)
    error = value if isinstance(value, dict) else {}
    raise _failure(response, error, what, repeatable=repeatable)


def _failure(response: requests.Response, error: Mapping[str, Any], what: str, *, repeatable: bool) -> PuenteError:
    code, message = error.get("code"), error.get("message")
    reason = reason_of(code)
    if code in _THROTTLED:
        return ThrottledError(f"{what}: {code}")
    if reason and response.status_code < requests.codes.server_error:
        return PermanentError(reason, f"{what} answered {response.status_code} {code} {answers.clean(message or '')}")
    return answers.failure(response, "twilio", what, repeatable=repeatable, code=code, message=message)


@lru_cache(maxsize=4)
def _client(url: str, account_sid: str, auth_token: str, read_seconds: float) -> Twilio:
    return Twilio(url, account_sid, auth_token, read_seconds=read_seconds)
