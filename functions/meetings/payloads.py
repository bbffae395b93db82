"""What calendars tell us: that something has changed, and in whose calendar, never what. Light: imports no SQL.

Google sends an empty body with its facts in headers; Microsoft sends a list, in which each entry proves itself.
"""

import re
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import uuid4

import azure.functions as func

from functions.meetings import tokens
from shared.errors import RefusedError
from shared.intake import body
from shared.intake.webhook import BEARER, Payload, Sender
from shared.settings import Settings

TOKEN, NUMBER, CHANNEL = "x-goog-channel-token", "x-goog-message-number", "x-goog-channel-id"
LOST = frozenset(("subscriptionremoved", "reauthorizationrequired"))
MOST_NOTICES = 1000
LIKE_A_TOKEN = re.compile(rb'"([0-9]{1,19}\.[A-Za-z0-9_-]{43})"')  # JSON escapes none of its signs
NOTICE = "meeting_notice"  # in the context of a message: the meeting that it is about


class CalendarNotice(Payload):
    """Something has changed in these calendars (the numbers of their rows); of those in `lost` no more will be told."""

    changed: list[int]
    lost: tuple[int, ...] = ()
    notice: str | None = None

    def subject(self) -> str:
        """The calendar, where it is one."""
        return f"meeting-calendar:{min({*self.changed, *self.lost})}"

    def occurred_at(self) -> datetime | None:
        """Neither vendor says so."""
        return None

    def event_id(self) -> str | None:
        """Google counts its notices in a channel; Microsoft's gets a number here."""
        return self.notice


def by_token(request: func.HttpRequest, _raw: bytes, _settings: Settings) -> Sender:
    """Google's notice carries the token that its channel was opened with. Raises RefusedError 403."""
    if tokens.calendar_of(request.headers.get(TOKEN, "")) is None:
        raise RefusedError(403, "bad-token", "The notice was not meant for us.")
    return BEARER


def read_google(request: func.HttpRequest, _raw: bytes) -> dict[str, Any]:
    """The calendar of a notice of Google's, whose body is empty."""
    number = tokens.calendar_of(request.headers.get(TOKEN, ""))
    channel, counted = request.headers.get(CHANNEL, "")[:64], request.headers.get(NUMBER, "")[:20]
    return {"changed": [number], "notice": f"{channel}:{counted}" if channel and counted else None}


def by_states(_request: func.HttpRequest, raw: bytes, _settings: Settings) -> Sender:
    """Microsoft's list holds a token of ours, which is looked for without parsing; `read_outlook` then asks it of each entry.

    Raises:
        RefusedError: 403, none of the first `MOST_NOTICES` texts that look like a token is one of ours.
    """
    texts = islice(LIKE_A_TOKEN.finditer(raw), MOST_NOTICES)
    if all(tokens.calendar_of(text[1].decode()) is None for text in texts):
        raise RefusedError(403, "bad-token", "The notice was not meant for us.")
    return BEARER


def read_outlook(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """The calendars of a list of Microsoft's. What does not carry our state is left out: it is a stranger's.

    Raises:
        RefusedError: 415, 400 or 422, the body is no such list; 403, none of it is meant for us.
    """
    body.check_content_type(request.headers)
    found = body.parse_object(raw, lenient=True).get("value")
    if not isinstance(found, list):
        raise RefusedError(422, "invalid-fields", "The body has no list `value`.")
    changed: set[int] = set()
    lost: set[int] = set()
    for one in found[:MOST_NOTICES]:
        number = tokens.calendar_of(str(one.get("clientState") or "")) if isinstance(one, dict) else None
        if number is not None:
            is_lost = str(one.get("lifecycleEvent") or "").lower() in LOST
            (lost if is_lost else changed).add(number)
    if not changed | lost:
        raise RefusedError(403, "bad-token", "The notice was not meant for us.")
    # Two changes look alike, and each must be read: no notice is a repetition of another.
    return {"changed": sorted(changed), "lost": sorted(lost), "notice": uuid4().hex}
