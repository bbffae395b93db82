"""Files at Twilio: at the address that the message gave, with our account; it may point to a store, which gets no key."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from shared.errors import PermanentError, RetryableError, UnavailableError
from shared.messages.providers.twilio_client import TWILIO
from shared.vendors.rest_client import secret

if TYPE_CHECKING:
    from shared.messages.events import Media
    from shared.settings import Settings

HOSTS = ("api.twilio.com",)
STORES = ("twiliocdn.com", "amazonaws.com")
POINTS_ELSEWHERE = (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND, HTTPStatus.SEE_OTHER, HTTPStatus.TEMPORARY_REDIRECT)


def fetch(media: Media, largest: int, settings: Settings) -> bytes:
    """The bytes of a file.

    Raises:
        PermanentError: `media-gone`, `media-too-large`, `media-wrong-host`, `not-configured`.
        UnavailableError: Twilio is away, or refuses our account. RetryableError: it answers with something else.
    """
    from shared.messages.media import check_host

    TWILIO.require(settings)
    base = check_host(media.url, HOSTS, near=settings.twilio_base_url)
    account = (settings.twilio_account_sid, secret(settings, "twilio_auth_token"))
    got = TWILIO.connect(base, auth=account).download(media.url.removeprefix(base), most_bytes=largest)
    if got.status in POINTS_ELSEWHERE:
        store = check_host(got.location, STORES, near=settings.twilio_base_url)
        got = TWILIO.connect(store).download(got.location.removeprefix(store), most_bytes=largest)
    if got.status == HTTPStatus.UNAUTHORIZED:
        raise UnavailableError("Twilio: fetching a file answered 401", account=True)
    if got.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.FORBIDDEN):
        raise PermanentError("media-gone", f"Twilio: fetching a file answered {got.status}")
    if got.status != HTTPStatus.OK:
        raise RetryableError(f"Twilio: fetching a file answered {got.status}")
    return got.content
