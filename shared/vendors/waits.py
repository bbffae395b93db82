"""How long a vendor that takes no more asks us to wait, where it says so elsewhere than in Retry-After.

    vendor   | where it says so
    ---------|------------------------------------------------------------------
    Brevo    | header `x-sib-ratelimit-reset`, seconds
    Kommo    | member `retry_after` of the body, seconds
    Discord  | member `retry_after` of the body, seconds with a fraction
    Resend   | header; a used-up quota of the day or month says nothing: see `quota`
    Notion   | Retry-After, also of its 529 (see its client)

Each is a function from an answer to seconds, or None where it says nothing; the longest wait that an answer names counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from shared import clock
from shared.vendors import answers

if TYPE_CHECKING:
    import requests

type Named = Callable[[requests.Response], float | None]

SHORTEST_QUOTA_WAIT = timedelta(hours=1)
MONTHLY_QUOTA_WAIT = timedelta(days=1)


def in_header(name: str) -> Named:
    """The wait that a header tells in seconds."""
    return lambda response: _seconds(response.headers.get(name))


def in_body(name: str) -> Named:
    """The wait that a member of the JSON body tells in seconds."""

    def named(response: requests.Response) -> float | None:
        body = answers.parsed(response)
        return _seconds(body.get(name)) if isinstance(body, dict) else None

    return named


def quota(response: requests.Response) -> float | None:
    """The wait for a used-up quota of Resend: until the next midnight in UTC, at least an hour; a month's: a day, then again.

    When a quota begins anew is not documented; asking once an hour or a day costs nothing, every ten seconds gets us barred.
    """
    body = answers.parsed(response)
    name = body.get("name") if isinstance(body, dict) else None
    if name == "monthly_quota_exceeded":
        return MONTHLY_QUOTA_WAIT.total_seconds()
    if name != "daily_quota_exceeded":
        return None
    now = clock.now()
    midnight = datetime.combine(now.date() + timedelta(days=1), time(0), UTC)
    return max(midnight - now, SHORTEST_QUOTA_WAIT).total_seconds()


def _seconds(value: Any) -> float | None:
    """A number of seconds; None for anything else, and for what is negative or without end."""
    try:
        seconds = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
