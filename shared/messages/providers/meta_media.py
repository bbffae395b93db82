"""Files at Meta: by their id where they lie, and then from there; both with our token, within five minutes of each other."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shared.errors import PermanentError, RetryableError, UnavailableError
from shared.messages.providers.meta import META, NO_SUCH_OBJECT
from shared.vendors.rest_client import secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.messages.events import Media
    from shared.settings import Settings
    from shared.vendors.http import Download

HOSTS = ("fbsbx.com", "fbcdn.net", "whatsapp.net")  # today lookaside.fbsbx.com
EXPIRED = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.FORBIDDEN)
TRIES = 2


def fetch(media: Media, largest: int, settings: Settings) -> bytes:
    """The bytes of a file. An address that has expired is asked for again, once.

    Raises:
        PermanentError: `media-gone`, `media-too-large`, `media-wrong-host`, `not-configured`.
        RetryableError: what came is not what Meta described. UnavailableError: Meta is away, or refuses our account.
    """
    for _again in range(TRIES):
        place = _place(media.id, settings)
        _check_size(place.get("file_size"), largest)
        got = _download(str(place.get("url") or ""), largest, settings)
        if got.status not in EXPIRED:
            return _checked(got, place)
    raise PermanentError("media-gone", "Meta names an address of the file, and there is nothing")


def _place(media_id: str, settings: Settings) -> Mapping[str, Any]:
    if not (media_id.isascii() and media_id.isalnum()):
        raise PermanentError("media-gone", "Meta's id of a file has digits and letters")
    try:
        return META.connected(settings).call("GET", f"/{media_id}", "asking for a file", repeatable=True)
    except PermanentError as error:
        if error.reason in (NO_SUCH_OBJECT, "meta-not-found", "meta-invalid-parameter"):
            raise PermanentError("media-gone", "Meta has no such file (any more): it keeps them for a week") from error
        raise


def _check_size(size: object, largest: int) -> None:
    """Meta writes it as a number or as text."""
    if str(size or "").isdecimal() and int(str(size)) > largest:
        raise PermanentError("media-too-large", f"the file has {size} bytes; {largest} are taken")


def _download(url: str, largest: int, settings: Settings) -> Download:
    from shared.messages.media import check_host

    base = check_host(url, HOSTS, near=settings.meta_base_url)
    connection = META.connect(base, secret(settings, "meta_access_token"))
    return connection.download(url.removeprefix(base), most_bytes=largest)


def _checked(got: Download, place: Mapping[str, Any]) -> bytes:
    if got.status == HTTPStatus.UNAUTHORIZED:
        raise UnavailableError("Meta: fetching a file answered 401", account=True)
    if got.status != HTTPStatus.OK:
        raise RetryableError(f"Meta: fetching a file answered {got.status}")
    digest = str(place.get("sha256") or "").lower()  # hex here, base64 in the webhook
    if len(digest) == hashlib.sha256().digest_size * 2 and hashlib.sha256(got.content).hexdigest() != digest:
        raise RetryableError("Meta: fetching a file: what came is not what was described")
    return got.content
