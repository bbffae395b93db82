"""Files that people send: fetched from the provider that took them, whoever that is, and checked before anybody opens them.

    file = media.fetch("meta", row.media[0], types=media.IMAGES | {media.PDF})

Fetch within days: Meta keeps a file for a week, Twilio until it is deleted. Everything may be fetched again.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from shared.errors import PermanentError
from shared.messages.events import Media
from shared.messages.file_types import IMAGES, PDF, type_of
from shared.settings import Settings, get_settings

LARGEST_BYTES = 20 * 1024 * 1024
GONE, TOO_LARGE, WRONG_TYPE, WRONG_HOST = "media-gone", "media-too-large", "media-wrong-type", "media-wrong-host"

__all__ = ["GONE", "IMAGES", "LARGEST_BYTES", "PDF", "TOO_LARGE", "WRONG_HOST", "WRONG_TYPE", "FetchedFile", "fetch"]


@dataclass(frozen=True, kw_only=True)
class FetchedFile:
    """A file with its bytes. `type` is what the bytes are, whatever the sender called it; `sha256` is hex; `name` may be ""."""

    content: bytes
    type: str
    sha256: str
    name: str = ""


def fetch(
    provider: str,
    media: Mapping[str, Any],
    *,
    types: Collection[str] = IMAGES | {PDF},
    largest: int = LARGEST_BYTES,
    settings: Settings | None = None,
) -> FetchedFile:
    """A file of an inbound message, an entry of its `media`, from the provider that the message came by.

    `types` are those that the caller takes, by content; `largest` is in bytes, and no more is read.

    Raises:
        PermanentError: `media-gone`, `media-too-large`, `media-wrong-type`, `media-wrong-host`; `not-configured`.
        PuenteError: it cannot be had now, as the provider's client says.
    """
    known = Media.model_validate(dict(media))
    content = import_module(f"shared.messages.providers.{provider}_media").fetch(known, largest, settings or get_settings())
    found = type_of(content)
    if found is None or found not in types:
        raise PermanentError(WRONG_TYPE, f"the file is {found or 'of no known type'}; {', '.join(sorted(types))} are taken")
    return FetchedFile(content=content, type=found, sha256=hashlib.sha256(content).hexdigest(), name=known.name)


def check_host(url: str, hosts: Iterable[str], *, near: str) -> str:
    """The beginning of an address (`https://host`) whose host is one of these, below one of these, or that of `near`.

    Raises:
        PermanentError: `media-wrong-host`; our key goes nowhere else.
    """
    parts, own = urlsplit(url), urlsplit(near)
    if (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
        return f"{parts.scheme}://{parts.netloc}"
    host = (parts.hostname or "").lower()
    is_theirs = any(host == one or host.endswith(f".{one}") for one in hosts)
    if parts.scheme != "https" or not is_theirs or parts.port not in (None, 443) or parts.username is not None:
        raise PermanentError(WRONG_HOST, f"the file lies at {host[:100]!r}, which is none of the provider's hosts")
    return f"https://{parts.netloc}"
