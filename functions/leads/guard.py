"""What keeps machines out of a public form at no cost: a pace for each sender, and a captcha where one is set up.

The pace is kept by each instance for itself, so a sender who reaches several gets that many times as much; nothing is asked
for it, and nothing stored. What matters more, that nobody is called ten times, is kept in SQL when the lead is handled.
"""

import ipaddress
import logging
from collections import OrderedDict, deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from functions.leads.settings import LeadSettings
from functions.leads.threads import BusyError, Threads
from shared import clock, shadow_mode
from shared.errors import PuenteError, RefusedError

log = logging.getLogger("puente.leads")

SHADOWED_AS = "kommo"  # where the leads go: where they do not, nothing depends on who filled in the form

MINUTE = timedelta(minutes=1)
SENDERS_REMEMBERED = 10_000
IPV6_NETWORK = 48  # what a subscriber may have for themselves; many have less
UNREADABLE = "unreadable"  # one sender, whoever they are: a header that names nobody must not be a way around the pace
TOKEN_FIELDS = ("cf-turnstile-response", "g-recaptcha-response", "captcha_token")
CAPTCHA_SECONDS = 3.0  # for an answer of its vendor, counted from the moment at which it is asked
CAPTCHA_QUEUE_SECONDS = 5.0  # for a free thread, before that
CAPTCHA_THREADS = 16
CAPTCHA_FAILURES = 3  # in a row, before it is left alone
CAPTCHA_LEFT_ALONE = timedelta(seconds=30)

type Checked = Literal["passed", "unchecked"]
type Address = ipaddress.IPv4Address | ipaddress.IPv6Address


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


class Vendor:
    """Whether the captcha's vendor is asked: after several failures in a row it is left alone for a while.

    One failure is no outage, and nobody outside may be able to switch the captcha off by causing one. After the pause the
    first failure begins the next pause.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._until: datetime | None = None

    def is_left_alone(self) -> bool:
        """Whether it is not to be asked now."""
        return self._until is not None and clock.now() < self._until

    def answered(self) -> None:
        """Count an answer, whatever it says."""
        self._failures, self._until = 0, None

    def failed(self, error: Exception) -> None:
        """Count a failure."""
        self._failures += 1
        log.error("the captcha cannot be checked (%d in a row): %s", self._failures, error or type(error).__name__)
        if self._failures >= CAPTCHA_FAILURES:
            self._until = clock.now() + CAPTCHA_LEFT_ALONE


_pace, _vendor, _threads = Pace(), Vendor(), Threads("captcha", CAPTCHA_THREADS)


def forget() -> None:
    """Clear what this instance remembers (tests)."""
    global _pace, _vendor  # one memory for each instance
    _pace, _vendor = Pace(), Vendor()


def address_of(headers: Mapping[str, str], proxies: int = 0) -> str:
    """The address that a request comes from; "" where no header names one (on one machine).

    Each proxy adds the address it was called from at the end of X-Forwarded-For, Azure's front end last. What stands before
    was written by the sender and is not believed. `proxies` of our own, before Azure's, are stepped over, and so are private
    addresses at the end, which the platform adds on its inside.
    """
    hops = [hop for part in headers.get("x-forwarded-for", "").split(",") if (hop := _ip(part)) is not None]
    while len(hops) > 1 and not hops[-1].is_global:
        hops.pop()
    return str(hops[max(len(hops) - 1 - proxies, 0)]) if hops else ""


def sender_of(headers: Mapping[str, str], proxies: int = 0) -> str:
    """Whose pace a request counts in: its address, for IPv6 the /48 network; "" without the header, as on one machine.

    All requests with a header that names no address are one sender.
    """
    if not headers.get("x-forwarded-for", "").strip():
        return ""
    found = _ip(address_of(headers, proxies))
    if found is None:
        return UNREADABLE
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(ipaddress.ip_network((int(found), IPV6_NETWORK), strict=False))


def _ip(text: str) -> Address | None:
    """An address, with or without its port (`1.2.3.4:5678`, `[2001:db8::1]:5678`); IPv4 written as IPv6 is IPv4."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def keep_pace(sender: str, settings: LeadSettings) -> None:
    """Let so many forms of one sender through in a minute. Nothing where the sender is not known ("").

    Raises:
        RefusedError: 429, too many; its detail says how many seconds to wait.
    """
    if not sender:
        return
    wait = _pace.take(sender, settings.lead_posts_per_minute)
    if wait:
        raise RefusedError(429, "too-many", "Too many forms from this address.", detail=f"Come again in {wait:.0f} seconds.")


async def person(payload: Mapping[str, Any], address: str, settings: LeadSettings) -> Checked | None:
    """Whether the captcha's vendor says that a person filled in the form; None where no captcha is set up.

    Where the vendor cannot be asked (down, slow, our secret refused) the form is taken, and marked `unchecked`: a lost lead
    costs more than a false one. Nobody is called or written to for it (`functions.leads.services`).

    Where SHADOW covers Kommo it is not asked and the form is taken as passed: a token counts once, so a question of ours would
    make the replaced system, which gets the same form, refuse it; and nobody is called or written to either way.

    Raises:
        RefusedError: 403, it says that it was no person.
    """
    if settings.turnstile_secret is None and settings.recaptcha_secret is None:
        return None
    if shadow_mode.covers(SHADOWED_AS):
        return "passed"
    if _vendor.is_left_alone():
        return "unchecked"
    token = next((str(payload[name]) for name in TOKEN_FIELDS if payload.get(name)), "")
    try:
        # The call blocks, and this is the event loop that serves all webhooks.
        passed = await _threads.run(lambda: _ask(token, address, settings), CAPTCHA_SECONDS, CAPTCHA_QUEUE_SECONDS)
    except BusyError:
        log.warning("the captcha was not asked: every thread is busy")  # which says nothing about its vendor
        return "unchecked"
    except (PuenteError, TimeoutError) as error:
        _vendor.failed(error)
        return "unchecked"
    _vendor.answered()
    if not passed:
        raise RefusedError(403, "captcha-failed", "The captcha was not passed.")
    return "passed"


def _ask(token: str, address: str, settings: LeadSettings) -> bool:
    from functions.leads.captcha import Captcha, Rules

    return Captcha.from_settings(settings).is_person(token, address, Rules.of(settings))
