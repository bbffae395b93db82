"""Cards into a Teams channel through a workflow (Power Automate). Its 202 says that the workflow has begun, no more.

A card that Teams does not take fails there unseen, so whatever could be wrong with one is cut or refused here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shared.errors import PermanentError, PuenteError
from shared.vendors.rest_client import RestClient

if TYPE_CHECKING:
    import requests

GONE = frozenset(("workflowtriggerisnotenabled", "workflownotfound"))
OURS = frozenset(("triggerinputschemamismatch", "invalidrequestcontent"))
LARGEST_BYTES = 28 * 1024
_TITLE, _TEXT, _NAME, _VALUE, _FACTS = 200, 1000, 100, 500, 25


@dataclass(frozen=True, kw_only=True)
class Card:
    """A heading, named values, and a list of points. Whatever is too long is cut."""

    title: str
    facts: Sequence[tuple[str, str]] = ()
    points: Sequence[str] = ()

    def message(self) -> dict[str, Any]:
        """It as an Adaptive Card in the envelope that a workflow takes."""
        body: list[dict[str, Any]] = [_text(self.title[:_TITLE], weight="Bolder", size="Medium")]
        if facts := [{"title": name[:_NAME], "value": _plain(value[:_VALUE])} for name, value in self.facts[:_FACTS] if value]:
            body.append({"type": "FactSet", "facts": facts})
        body += [_text(f"• {point}"[:_TEXT]) for point in self.points]
        content = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": body,
        }
        return {
            "type": "message",
            "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": content}],
        }


def _text(text: str, **more: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": _plain(text), "wrap": True, **more}


def _plain(text: str) -> str:
    """A text in which nothing is a link or emphasis: cards read Markdown."""
    return "".join("\\" + sign if sign in "\\`*_[]<>" else sign for sign in text)


def _by_code(
    response: requests.Response,
    body: Mapping[str, Any],
    what: str,
    _repeatable: bool,  # noqa: FBT001  # a verdict is asked so
) -> PuenteError | None:
    code, _message = _code(body)
    if str(code or "").lower() in GONE or response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return PermanentError("teams-gone", f"{what}: the workflow is switched off or deleted")
    if str(code or "").lower() in OURS:
        return PermanentError("teams-refused", f"{what}: {code}")
    return None


def _code(body: Mapping[str, Any]) -> tuple[object, object]:
    error = body.get("error")
    return (error.get("code"), error.get("message")) if isinstance(error, Mapping) else (None, None)


# Its address is its key: the last part of the query is a signature.
TEAMS = RestClient(
    name="Teams",
    address="teams_webhook_url",
    read_seconds=10,
    verdict=_by_code,
    error=_code,
    account_statuses=frozenset({HTTPStatus.FORBIDDEN}),
)


def post(card: Card) -> None:
    """Have a card posted; "accepted" is all that is known then. There is no key and no look-up: an UncertainError stays one.

    Raises:
        PermanentError: `teams-gone`, the workflow is no more; `teams-refused`, `teams-too-large`.
    """
    message = card.message()
    if len(json.dumps(message, ensure_ascii=False).encode()) > LARGEST_BYTES:
        raise PermanentError("teams-too-large", f"Teams: the card has more than {LARGEST_BYTES} bytes")
    TEAMS.connected().answer("POST", what="posting", json=message, repeatable=False)
