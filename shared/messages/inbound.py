"""Unsubscribe link of our mails: signed, used in a browser or by a mail program (RFC 8058)."""

from typing import Any

import azure.functions as func

from shared.intake.webhook import BEARER, Sender
from shared.messages import links
from shared.settings import Settings, get_settings


def signed_by_us(request: func.HttpRequest, _raw: bytes, settings: Settings) -> Sender:
    """The link is one of ours. Raises RefusedError, 403."""
    links.read(request.params.get("t", ""), settings.link_signing_secrets)
    return BEARER


def read_link(request: func.HttpRequest, _raw: bytes) -> dict[str, Any]:
    """The signed link of a mail. The body, whatever a mail program puts there (RFC 8058), does not matter."""
    link = links.read(request.params.get("t", ""), get_settings().link_signing_secrets)
    return {"delivery": link.delivery_id, "address": link.address, "person": link.person}
