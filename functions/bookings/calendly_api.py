"""Calendly's API: what there is of our webhook subscription, and which meetings there are. Only reads.

Calendly gives a subscription up that was refused for a day, and then tells nothing any more: it must be deleted and made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from functions.bookings.calendly import TRIGGERS
from shared.errors import UnavailableError
from shared.settings import get_settings
from shared.vendors.rest_client import RestClient

if TYPE_CHECKING:
    from shared.vendors.connection import Connection

PAGE_SIZE = 100
MOST_PAGES = 100
MEETINGS_AT_ONCE = 25  # each is asked for its people besides, so that a page of them takes seconds and not minutes
MOST_MEETING_PAGES = 1000
OUR_PATHS = ("/api/calendly", "/api/v1/christmas/noshow-recovery-handler", "/api/v1/executions/webhook/christmas/noshow")
ACTIVE = "active"


def trouble(connection: Connection | None = None) -> str | None:
    """What is wrong with our webhook subscription, in words for people; None where Calendly tells us everything.

    Raises:
        PuenteError: Calendly cannot be asked.
    """
    ours = [one for one in _subscriptions(connection or CALENDLY_API.connected()) if _is_ours(str(one.get("callback_url")))]
    if not ours:
        return "it has no webhook subscription with our address, so it tells us of no booking"
    active = [one for one in ours if one.get("state") == ACTIVE]
    if not active:
        return "it has disabled our webhook subscription, so it tells us of no booking; delete it and make it anew"
    subscribed = {str(event) for one in active for event in one.get("events") or []}
    if missing := sorted(set(TRIGGERS) - subscribed):
        return f"our webhook subscription leaves out {', '.join(missing)}"
    return None


def meetings(since: datetime, until: datetime, token: str | None, page: int) -> tuple[list[Mapping[str, Any]], str | None]:
    """A page of the meetings that begin in that time, cancelled ones too, and the token of the next; None at the end.

    `token` is that of the page wanted, None for the first; `page` counts them from 0.

    Raises:
        PuenteError: as every call; UnavailableError after MOST_MEETING_PAGES, for then Calendly gives the same page for ever.
    """
    what = "listing meetings"
    if page >= MOST_MEETING_PAGES:
        raise UnavailableError(f"Calendly: {what}: more than {MOST_MEETING_PAGES} pages")
    connection = CALENDLY_API.connected()
    asked = {"organization": _organization(connection), "sort": "start_time:asc", "count": str(MEETINGS_AT_ONCE)}
    asked |= {"min_start_time": _instant(since), "max_start_time": _instant(until)} | ({"page_token": token} if token else {})
    return _page(connection, "/scheduled_events", asked, what)


def invitees(meeting: str) -> Iterator[Mapping[str, Any]]:
    """The people of a meeting, by its address. Raises PuenteError."""
    path = "/scheduled_events/" + meeting.rstrip("/").rpartition("/")[2] + "/invitees"
    yield from _pages(CALENDLY_API.connected(), path, {}, "listing a meeting's invitees")


def _subscriptions(connection: Connection) -> Iterator[Mapping[str, Any]]:
    asked = {"organization": _organization(connection), "scope": "organization"}
    yield from _pages(connection, "/webhook_subscriptions", asked, "listing webhook subscriptions")


def _organization(connection: Connection) -> str:
    answer = connection.call("GET", "/users/me", "asking who we are", repeatable=True)
    resource = answer.get("resource")
    return str(resource.get("current_organization") or "") if isinstance(resource, Mapping) else ""


def _pages(connection: Connection, path: str, asked: Mapping[str, str], what: str) -> Iterator[Mapping[str, Any]]:
    params = {**asked, "count": str(PAGE_SIZE)}
    for _ in range(MOST_PAGES):
        found, following = _page(connection, path, params, what)
        yield from found
        if following is None:
            return
        params["page_token"] = following
    raise UnavailableError(f"Calendly: {what}: more than {MOST_PAGES} pages")


def _page(
    connection: Connection, path: str, params: Mapping[str, str], what: str
) -> tuple[list[Mapping[str, Any]], str | None]:
    answer = connection.call("GET", path, what, repeatable=True, params=dict(params))
    found = [one for one in answer.get("collection") or [] if isinstance(one, Mapping)]
    following = (answer.get("pagination") or {}).get("next_page_token")
    return found, str(following) if following else None


def _is_ours(address: str) -> bool:
    """Whether webhooks to that address come to this app: one of its paths, at PUBLIC_BASE_URL where that is set."""
    parts, base = urlsplit(address), get_settings().public_base_url
    is_here = not base or parts.netloc == urlsplit(base).netloc
    return is_here and any(parts.path.rstrip("/").startswith(path) for path in OUR_PATHS)


def _instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _ping(connection: Connection) -> str:
    """That it lets us in and tells us of bookings. Raises PuenteError."""
    if found := trouble(connection):
        raise UnavailableError(f"Calendly: {found}")
    return "subscribed"


CALENDLY_API = RestClient(
    name="Calendly", address="calendly_base_url", key="calendly_token", ping_by=_ping, read_seconds=20, calls=3
)
