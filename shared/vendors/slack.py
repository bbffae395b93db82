"""Messages into a Slack channel through its incoming webhook. Its answers are plain text: `ok`, or what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.errors import PermanentError, PuenteError, UncertainError
from shared.vendors.rest_client import RestClient

if TYPE_CHECKING:
    import requests

GONE = frozenset(
    (
        "action_prohibited",
        "invalid_token",
        "channel_not_found",
        "no_service",
        "No service",
        "channel_is_archived",
        "team_disabled",
    )
)
OURS = frozenset(("invalid_payload", "no_text", "no_text_or_fallback"))
LONGEST = 3000


def _by_text(
    response: requests.Response,
    _body: Mapping[str, Any],
    what: str,
    _repeatable: bool,  # noqa: FBT001  # a verdict is asked so
) -> PuenteError | None:
    """The text decides before the status: a channel that is closed was seen with 500."""
    word = response.text.strip()[:60]
    if word in GONE:
        return PermanentError("slack-gone", f"{what}: {word}")
    if word in OURS:
        return PermanentError("slack-refused", f"{what}: {word}")
    return None


SLACK = RestClient(name="Slack", address="slack_webhook_url", read_seconds=10, verdict=_by_text)


def post(text: str) -> None:
    """Post a text; nothing in it pings anybody.

    Slack has no idempotency key and a webhook cannot look at what it posted: an UncertainError stays one.

    Raises:
        PermanentError: `slack-gone`, the webhook or its channel is no more; `slack-refused`.
    """
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")[:LONGEST]
    answer = SLACK.connected().answer("POST", what="posting", json={"text": plain}, repeatable=False)
    if answer.text.strip() != "ok":
        raise UncertainError("Slack: posting: the answer is not Slack's")
