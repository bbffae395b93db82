"""The file of a ticket, from the provider of the message: downloaded by us, from that provider's hosts and from no other.

A model that is given an address could be sent anywhere by whoever writes the message, and Twilio's addresses need our password.
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
    import requests

    from functions.tickets.tables import Ticket

MEDIA = RestClient(name="TicketMedia", address="tickets_media_hosts", read_seconds=45, calls=3)
TWILIO_FILES = ".twiliocdn.com"  # where Twilio's own address of a file leads to
_GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
MOST_HOPS = 2


def fetch(ticket: Ticket) -> dict[str, Any]:
    """Fetch the ticket's file and keep it, for its row. Fetching again keeps the same under the same names.

    A file that the provider has no more, or that nobody can read, is noted as such: the sender is told, and it is not tried
    again.

    Raises:
        UnavailableError, RetryableError: not now. PermanentError: `media-elsewhere`, it lies where nothing is fetched from.
    """
    found = download(ticket.media or {})
    return {"file": {"fault": "gone", "names": []} if found is None else files.keep(ticket, found)}


def download(media: Mapping[str, Any]) -> bytes | None:
    """The bytes of a file; None where the provider has it no more. Raises as `fetch`."""
    response = _followed(str(media.get("url") or ""))
    if response.status_code in _GONE:
        return None
    if response.status_code != HTTPStatus.OK:
        raise kept(MEDIA.connect, "https://media.invalid").refusal(response, "fetching a file", repeatable=True)
    return response.content


def _followed(url: str) -> requests.Response:
    for _ in range(MOST_HOPS + 1):
        response = _get(url)
        if not response.is_redirect:
            return response
        url = response.headers["Location"]
    raise PermanentError("media-elsewhere", "the file's address leads from one place to the next")


def _get(url: str) -> requests.Response:
    """One request, with our password at Twilio alone. Raises PermanentError where nothing is fetched from that host."""
    parts, settings = urlsplit(url), get_settings()
    origin, path = f"{parts.scheme}://{parts.netloc}", f"{parts.path}?{parts.query}" if parts.query else parts.path
    if origin == _origin(settings.twilio_base_url) and settings.twilio_auth_token is not None:
        proof = (settings.twilio_account_sid, settings.twilio_auth_token.get_secret_value())
        return kept(_with_password, origin, proof).request("GET", path, repeatable=True)  # type: ignore[no-any-return]
    host = parts.hostname or ""
    is_known = host.endswith(TWILIO_FILES) or host in settings_of(TicketSettings).tickets_media_hosts
    if parts.scheme != "https" or not is_known or parts.username is not None:
        raise PermanentError("media-elsewhere", f"no file is fetched from {host or 'nowhere'}")
    return kept(MEDIA.connect, origin).request("GET", path, repeatable=True)


def _with_password(origin: str, proof: tuple[str, str]) -> Any:
    return MEDIA.connect(origin, auth=proof)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def described(ticket: Ticket) -> Mapping[str, Any]:
    """Which file is meant (shadow mode): its place, not its content."""
    return {"source": ticket.source, "message_id": ticket.message_id, "round": ticket.round}


def policy() -> TargetPolicy:
    """Some at a time: a telephone's photo has some megabytes."""
    return TargetPolicy(slots=3, batches_per_second=5)
