"""The file of a ticket, from the provider of the message: downloaded by us, from that provider's hosts and from no other.

A model that is given an address could be sent anywhere by whoever writes the message, and the providers' need our key.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from functions.tickets import files
from functions.tickets.settings import TicketSettings
from shared.errors import PermanentError
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings, settings_of
from shared.vendors.rest_client import RestClient, kept

if TYPE_CHECKING:
    from functions.tickets.tables import Ticket

MEDIA = RestClient(name="Ticket-Media", address="tickets_media_hosts", read_seconds=45, calls=3)
"""What is asked at hosts that are no provider's (TICKETS_MEDIA_HOSTS)."""
_GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_FAULTS = {"media-gone": "gone", "media-too-large": "too-large", "media-wrong-type": "unknown-type"}
EVERYTHING = frozenset(("application/pdf", "image/jpeg", "image/png", "image/gif", "image/webp", "image/heic", "image/tiff"))


def fetch(ticket: Ticket) -> dict[str, Any]:
    """Fetch the ticket's file and keep it, for its row. Fetching again keeps the same under the same names.

    A file that the provider has no more, or that nobody can read, is noted as such: the sender is told, and it is not tried
    again.

    Raises:
        UnavailableError, RetryableError: not now.
        PermanentError: `media-wrong-host`, it lies where nothing is fetched from; `not-configured`.
    """
    try:
        content = download(ticket.media or {})
    except PermanentError as error:
        if error.reason not in _FAULTS:
            raise
        return {"file": {"fault": _FAULTS[error.reason], "names": []}}
    return {"file": files.keep(ticket, content)}


def download(media: Mapping[str, Any]) -> bytes:
    """The bytes of a file. Raises as `fetch`, and PermanentError for what is noted there."""
    from shared.messages import media as of_messages

    provider, url = str(media.get("provider") or ""), str(media.get("url") or "")
    if provider == "api" and _origin(url) == _origin(get_settings().twilio_base_url):
        provider = "twilio"  # a program passes on what Twilio has told it
    if provider == "api":
        return _from_known_host(url)
    known = {name: media.get(name) or "" for name in ("type", "url", "id", "name")}
    largest = settings_of(TicketSettings).tickets_largest_bytes
    return of_messages.fetch(provider, known, types=EVERYTHING, largest=largest).content


def _from_known_host(url: str) -> bytes:
    """A file of a host in TICKETS_MEDIA_HOSTS, over HTTPS and without a detour."""
    parts = urlsplit(url)
    is_known = parts.hostname in settings_of(TicketSettings).tickets_media_hosts and parts.port in (None, 443)
    if parts.scheme != "https" or not is_known or parts.username is not None:
        raise PermanentError("media-wrong-host", f"no file is fetched from {str(parts.hostname)[:100]!r}")
    http = kept(MEDIA.connect, f"https://{parts.hostname}")
    response = http.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, repeatable=True)
    if response.status_code in _GONE:
        raise PermanentError("media-gone", "the host has the file no more")
    if response.status_code != HTTPStatus.OK:
        raise http.refusal(response, "fetching a file", repeatable=True)
    content: bytes = response.content
    return content


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def described(ticket: Ticket) -> Mapping[str, Any]:
    """Which file is meant (shadow mode): its place, not its content."""
    return {"source": ticket.source, "message_id": ticket.message_id, "round": ticket.round}


def policy() -> TargetPolicy:
    """Some at a time: a telephone's photo has some megabytes."""
    return TargetPolicy(slots=3, batches_per_second=5)
