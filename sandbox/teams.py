"""A workflow of Microsoft Teams: it takes any envelope with 202, and only good cards show up in the channel."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from sandbox.jsonapi import answer_json, body_of
from sandbox.shelf import Shelved
from sandbox.vendor import Answer, Call, Card, Column

PATH = "/powerautomate/automations/direct/workflows/sandbox/triggers/manual/paths/invoke"
SIGNATURE = "sandbox%2Fteams-signature"
CARDS = 20
LARGEST_BYTES = 28 * 1024
ELEMENTS = frozenset(("TextBlock", "FactSet", "Container", "ColumnSet", "Image", "ActionSet"))


class Teams(Shelved):
    """One channel with one workflow."""

    name = "teams"
    title = "Microsoft Teams"
    prefixes = ("/teams",)
    connection: Mapping[str, str] = {
        "TEAMS_WEBHOOK_URL": f"/teams{PATH}?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={SIGNATURE}"
    }
    board_title = "Channel"
    routes = ("/powerautomate/{rest:.*}",)
    kinds = ("runs", "messages")
    modes: Mapping[str, str] = {
        "off": "400 WorkflowTriggerIsNotEnabled: the workflow is switched off.",
        "signature": "401: the signature in the address is another one.",
    }

    def answer(self, call: Call) -> Answer:
        """Start the workflow; what is no good card is taken as well, and never shown."""
        if call.method != "POST" or call.path != PATH:
            return _refusal(404, "WorkflowNotFound")
        if call.query.get("sig") != SIGNATURE.replace("%2F", "/"):
            return _refusal(401, "DirectApiAuthorizationRequired")
        try:
            body = body_of(call)
        except ValueError:
            return _refusal(400, "InvalidRequestContent")
        number = uuid4().hex
        card = _card(body) if len(call.body) <= LARGEST_BYTES else None
        self.shelf.put("runs", number, {"id": number, "at": self.moment(), "posted": card is not None})
        if card is not None:
            self.shelf.put("messages", number, {"id": number, "at": self.moment(), "text": "\n".join(_texts(card))})
        return Answer(status=202, body=b"", outcome="ok" if card else "bad card")

    def fail(self, mode: str, call: Call) -> Answer:
        """One of `modes`."""
        del call
        return (
            _refusal(400, "WorkflowTriggerIsNotEnabled") if mode == "off" else _refusal(401, "DirectApiAuthorizationRequired")
        )

    def what(self, call: Call) -> str:
        """A card."""
        return f"{call.method} card"

    def shown_path(self, call: Call) -> str:
        """Whoever knows the address may post."""
        del call
        return "/powerautomate/***"

    def board(self) -> Sequence[Column]:
        """What the channel shows, the newest first; and how many workflows ran without posting."""
        rows, runs = self.shelf.rows("messages")[::-1], self.shelf.rows("runs")
        cards = tuple(
            Card(id=row["id"], title=row["text"].partition("\n")[0], lines=tuple(row["text"].split("\n")[1:]))
            for row in rows[:CARDS]
        )
        lost = [row for row in runs if not row["posted"]]
        return [Column(id=1, title="Shown", total=len(rows), cards=cards), Column(id=2, title="Failed unseen", total=len(lost))]


def _card(body: Any) -> Mapping[str, Any] | None:
    """The card in an envelope; None where Teams would show nothing."""
    attachments = body.get("attachments") if isinstance(body, dict) and body.get("type") == "message" else None
    if not isinstance(attachments, list) or len(attachments) != 1:
        return None
    content = attachments[0].get("content") if isinstance(attachments[0], dict) else None
    if not isinstance(content, dict) or attachments[0].get("contentType") != "application/vnd.microsoft.card.adaptive":
        return None
    is_card = content.get("type") == "AdaptiveCard" and content.get("version") in ("1.2", "1.3", "1.4", "1.5")
    elements = content.get("body")
    if not is_card or not isinstance(elements, list) or not all(one.get("type") in ELEMENTS for one in elements):
        return None
    return content


def _texts(card: Mapping[str, Any]) -> list[str]:
    found = []
    for element in card["body"]:
        if element["type"] == "TextBlock":
            found.append(str(element.get("text", "")))
        elif element["type"] == "FactSet":
            found += [f"{fact['title']}: {fact['value']}" for fact in element.get("facts", [])]
    return found


def _refusal(status: int, code: str) -> Answer:
    return answer_json({"error": {"code": code, "message": code}}, status, outcome=code)
