"""What keeps machines out of a public form at no cost: a pace for each sender, and a captcha where one is set up.

The pace is kept by each instance for itself, so a sender who reaches several gets that many times as much; nothing is asked
for it, and nothing stored. What matters more, that nobody is called ten times, is kept in SQL when the lead is handled.
"""

import asyncio
import ipaddress
import logging
from collections import OrderedDict, deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from functions.leads.settings import LeadSettings
from shared import clock
from shared.errors import PuenteError, RefusedError

log = logging.getLogger("puente.leads")

MINUTE = timedelta(minutes=1)
SENDERS_REMEMBERED = 10_000
IPV6_NETWORK = 64  # what one subscriber has for themselves
TOKEN_FIELDS = ("cf-turnstile-response", "g-recaptcha-response", "captcha_token")
CAPTCHA_SECONDS = 3.0
CAPTCHA_LEFT_ALONE = timedelta(seconds=30)

type Checked = Literal["passed", "unchecked"]


class Pace:
    """How often each sender has come within the last minute. Bounded: whoever came longest ago is forgotten first."""

    def __init__(self, senders: int = SENDERS_REMEMBERED) -> None:
        self._times: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._senders = senders

    def take(self, sender: str, at_most: int) -> float:
        """Seconds until this sender may come again; 0 where they may now, and then this visit counts."""
        now = clock.now()
        times = self._times.setdefault(sender, deque())
        self._times.move_to_end(sender)
        while times and now - times[0] >= MINUTE:
            times.popleft()
        if len(times) >= at_most:
            return (times[-at_most] + MINUTE - now).total_seconds()
        times.append(now)
        while len(self._times) > self._senders:
            self._times.popitem(last=False)
        return 0


_pace = Pace()
_captcha_down_until: datetime | None = None


def forget() -> None:
    """Clear what this instance remembers (tests)."""
    global _pace, _captcha_down_until  # one memory for each instance
    _pace, _captcha_down_until = Pace(), None


def address_of(headers: Mapping[str, str], proxies: int = 0) -> str:
    """The address that a request comes from; "" where no header names it (on one machine).

    Each proxy adds the address it was called from at the end of X-Forwarded-For, Azure's front end last. What stands before
    was written by the sender and is not believed. `proxies` of our own, before Azure's, are stepped over, and so are private
    addresses at the end, which the platform adds on its inside.
    """
    hops = [hop for part in headers.get("x-forwarded-for", "").split(",") if (hop := _ip(part)) is not None]
    while len(hops) > 1 and not hops[-1].is_global:
        hops.pop()
    return str(hops[max(len(hops) - 1 - proxies, 0)]) if hops else ""


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address, with or without its port (`1.2.3.4:5678`, `[2001:db8::1]:5678`)."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        return None


def keep_pace(address: str, settings: LeadSettings) -> None:
    """Let so many forms of one sender through in a minute. Nothing where the sender is not known.

    Raises:
        RefusedError: 429, too many; its detail says how many seconds to wait.
    """
    if not address:
        return
    found = ipaddress.ip_address(address)
    sender = address if found.version == 4 else str(ipaddress.ip_network(f"{address}/{IPV6_NETWORK}", strict=False))  # noqa: PLR2004  # IPv4
    wait = _pace.take(sender, settings.lead_posts_per_minute)
    if wait:
        raise RefusedError(429, "too-many", "Too many forms from this address.", detail=f"Come again in {wait:.0f} seconds.")


async def person(payload: Mapping[str, Any], address: str, settings: LeadSettings) -> Checked | None:
    """Whether the captcha's vendor says that a person filled in the form; None where no captcha is set up.

    Where the vendor cannot be asked (down, slow, our secret refused) the form is taken, and marked `unchecked`: a lost
    lead costs more than a false one, and the other guards still stand. Then it is left alone for half a minute.

    Raises:
        RefusedError: 403, it says that it was no person.
    """
    if settings.turnstile_secret is None and settings.recaptcha_secret is None:
        return None
    if _captcha_down_until is not None and clock.now() < _captcha_down_until:
        return "unchecked"
    token = next((str(payload[name]) for name in TOKEN_FIELDS if payload.get(name)), "")
    try:
        # The call blocks, and this is the event loop that serves all webhooks.
        passed = await asyncio.wait_for(asyncio.to_thread(_ask, token, address, settings), CAPTCHA_SECONDS)
    except (PuenteError, TimeoutError) as error:
        _leave_alone(error)
        return "unchecked"
    if not passed:
        raise RefusedError(403, "captcha-failed", "The captcha was not passed.")
    return "passed"


def _ask(token: str, address: str, settings: LeadSettings) -> bool:
    from functions.leads.captcha import Captcha

    return Captcha.from_settings(settings).is_person(token, address)


def _leave_alone(error: Exception) -> None:
    global _captcha_down_until  # noqa: PLW0603  # one memory for each instance
    _captcha_down_until = clock.now() + CAPTCHA_LEFT_ALONE
    log.error("the captcha cannot be checked; forms are taken without for a while: %s", error or type(error).__name__)
