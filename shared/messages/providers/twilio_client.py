"""Twilio's API: messages and calls made, looked up and redirected, and what its error codes mean for a delivery."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from shared import clock
from shared.errors import DeferredError, PermanentError, PuenteError, ThrottledError, UnavailableError
from shared.messages.providers.twilio_codes import ACCOUNT_CODES, SENDER_LIMIT, THROTTLED, reason_of
from shared.vendors.rest_client import RestClient, kept

if TYPE_CHECKING:
    import requests
    from requests.adapters import BaseAdapter

    from shared.settings import Settings
    from shared.vendors.connection import Connection

READ_SECONDS = 20.0
LONGEST_BODY = 1600
PAGE = "50"
# Twilio's dates are whole seconds, by its own clock.
SKEW = timedelta(seconds=5)
type Channel = Literal["sms", "whatsapp"]


@dataclass(frozen=True)
class Resource:
    """A message or a call as Twilio has it. `status` is Twilio's word; `reason` is ours for its error, if it has one."""

    sid: str
    status: str
    reason: str = ""


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
