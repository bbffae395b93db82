"""Messages, calls, lists and errors as Twilio's API shows them; and its words for numbers that it does not take."""

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from sandbox.jsonapi import RefusedError, answer_json
from sandbox.shelf import Row
from sandbox.vendor import Answer

API_VERSION = "2010-04-01"
ACCOUNT, TOKEN = "AC" + "5a" * 16, "sandbox-twilio-token"
PAGE_SIZE, LARGEST_PAGE = 50, 1000
SEGMENT = 153
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

ERRORS: Mapping[int, str] = {
    20003: "Authenticate",
    20404: "The requested resource {what} was not found",
    20429: "Too Many Requests",
    21201: "No 'To' number is specified",
    21205: "Url is not a valid URL",
    21211: "Invalid 'To' Phone Number: {what}",
    21213: "No 'From' number is specified",
    21214: "'To' phone number {what} cannot be reached",
    21215: "Account not authorized to call {what}",
    21220: "Invalid call state: call is not in-progress, cannot redirect",
    21408: "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {what}",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21609: "The 'StatusCallback' URL {what} is not a valid URL.",
    21610: "Attempt to send to unsubscribed recipient",
    21612: "The 'To' phone number is not currently reachable using the 'From' phone number via SMS: {what}",
    21614: "'To' number is not a valid mobile number: {what}",
    21617: "The concatenated message body exceeds the 1600 character limit",
    21655: "The ContentSid is invalid",
    21656: "The ContentVariables parameter is invalid",
    63018: "Rate limit exceeded for channel",
    63016: "Failed to send freeform message because you are outside the allowed window",
}
# Twilio's own numbers for trying out refusals (its "magic" numbers for test credentials).
MAGIC_MESSAGES: Mapping[str, int] = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
MAGIC_CALLS: Mapping[str, int] = {"+15005550001": 21211, "+15005550002": 21214, "+15005550003": 21215}

_MESSAGE = ("body", "direction", "from", "to", "status", "error_code", "error_message", "messaging_service_sid", "num_segments")
_CALL = ("to", "from", "status", "direction", "answered_by", "duration")
_CALL_PARTS = ("Notifications", "Recordings", "Payments", "Events", "Siprec", "Streams", "Transcriptions")
_EMPTY_CALL = (
    "parent_call_sid",
    "phone_number_sid",
    "price",
    "forwarded_from",
    "group_sid",
    "caller_name",
    "trunk_sid",
)


def new_sid(prefix: str) -> str:
    """An id as Twilio makes them: two letters and 32 hexadecimal digits."""
    return prefix + uuid.uuid4().hex


def refused(code: int, what: str = "", status: int = 400) -> RefusedError:
    """A call that Twilio refuses, with its code and words."""
    return RefusedError(error(code, what, status))


def account() -> dict[str, Any]:
    """The account as it stands; its token is left out."""
    made = format_datetime(datetime(2026, 1, 5, 9, tzinfo=UTC))
    uri = f"/{API_VERSION}/Accounts/{ACCOUNT}"
    known = {"sid": ACCOUNT, "owner_account_sid": ACCOUNT, "friendly_name": "Sandbox", "status": "active", "type": "Full"}
    parts = {"calls": f"{uri}/Calls.json", "messages": f"{uri}/Messages.json"}
    return known | {"date_created": made, "date_updated": made, "uri": f"{uri}.json", "subresource_uris": parts}


def error(code: int, what: str = "", status: int = 400) -> Answer:
    """An error as Twilio's API answers it."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": ERRORS[code].format(what=what), "more_info": more, "status": status}
    return answer_json(body, status, outcome=f"{code}")


def number_of(address: str) -> str:
    """The number in a WhatsApp address."""
    return address.removeprefix("whatsapp:")


def is_number(address: str) -> bool:
    """Whether it is a number in E.164, perhaps as a WhatsApp address."""
    return bool(_E164.fullmatch(number_of(address)))


def is_url(text: str) -> bool:
    """Whether Twilio would call it."""
    try:
        host = urlsplit(text).hostname
    except ValueError:
        return False
    return bool(host and re.fullmatch(r"https?://\S+", text))


def message(row: Row) -> dict[str, Any]:
    """A message as the API shows it."""
    uri = f"/{API_VERSION}/Accounts/{ACCOUNT}/Messages/{row['id']}"
    return {name: row[name] for name in _MESSAGE} | {
        "sid": row["id"],
        "account_sid": ACCOUNT,
        "api_version": API_VERSION,
        "date_created": _rfc(row["at"]),
        "date_sent": _rfc(row["at"]) if row["status"] not in ("queued", "accepted") else None,
        "date_updated": _rfc(row["events"][-1]["at"] if row["events"] else row["at"]),
        "num_media": "0",
        "price": None,
        "price_unit": "USD",
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "uri": f"{uri}.json",
    }


def call(row: Row) -> dict[str, Any]:
    """A call as the API shows it."""
    uri = f"/{API_VERSION}/Accounts/{ACCOUNT}/Calls/{row['id']}"
    over = row["status"] in ("completed", "busy", "no-answer", "failed", "canceled")
    shown: dict[str, Any] = {name: row[name] for name in _CALL} | dict.fromkeys(_EMPTY_CALL)
    return shown | {
        "sid": row["id"],
        "account_sid": ACCOUNT,
        "api_version": API_VERSION,
        "date_created": _rfc(row["at"]),
        "date_updated": _rfc(row["events"][-1]["at"] if row["events"] else row["at"]),
        "start_time": _rfc(row["at"]) if row["status"] == "in-progress" or over else None,
        "end_time": _rfc(row["events"][-1]["at"]) if over and row["events"] else None,
        "to_formatted": row["to"],
        "from_formatted": row["from"],
        "price_unit": "USD",
        "queue_time": "0",
        "subresource_uris": {part.lower(): f"{uri}/{part}.json" for part in _CALL_PARTS},
        "uri": f"{uri}.json",
    }


def page(name: str, path: str, rows: Sequence[Row], query: Mapping[str, str]) -> dict[str, Any]:
    """A page of a list, newest first, filtered as the query says."""
    found = [row for row in reversed(rows) if _fits(row, query)]
    size = min(max(_whole(query.get("PageSize"), PAGE_SIZE), 1), LARGEST_PAGE)
    number = _whole(query.get("Page"), 0)
    shown = found[number * size : (number + 1) * size]
    kept = {name: value for name, value in query.items() if name not in ("Page", "PageSize", "PageToken")}

    def uri(at: int) -> str:
        return f"{path}?{urlencode(kept | {'PageSize': str(size), 'Page': str(at)})}"

    return {
        "first_page_uri": uri(0),
        "next_page_uri": uri(number + 1) if len(found) > (number + 1) * size else None,
        "previous_page_uri": uri(number - 1) if number else None,
        "uri": uri(number),
        "page": number,
        "page_size": size,
        "start": number * size,
        "end": number * size + max(len(shown) - 1, 0),
        name: [message(row) if name == "messages" else call(row) for row in shown],
    }


def _fits(row: Row, query: Mapping[str, str]) -> bool:
    named = (("To", "to"), ("From", "from"), ("Status", "status"))
    if any(query.get(asked) and query[asked] != row[field] for asked, field in named):
        return False
    day = datetime.fromisoformat(row["at"]).astimezone(UTC).date()
    for start in ("DateSent", "StartTime"):
        exact, before, after = (_day(query.get(start + sign)) for sign in ("", "<", ">"))
        if (exact and day != exact) or (before and day > before) or (after and day < after):
            return False
    return True


def _day(text: str | None) -> date | None:
    found = _DATE.match(text or "")
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() else default


def _rfc(iso: str) -> str:
    return format_datetime(datetime.fromisoformat(iso).astimezone(UTC))
