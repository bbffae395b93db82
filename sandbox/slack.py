"""Slack's incoming webhook of one channel: what is posted is kept and shown. Its answers are plain text."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

from sandbox.jsonapi import body_of
from sandbox.shelf import Shelved
from sandbox.vendor import Answer, Call, Card, Column

PATH = "/services/T0SANDBOX/B0SANDBOX/sandbox-slack-token"
TEXT = "text/html"
CARDS = 20


class Slack(Shelved):
    """One channel with one webhook."""

    name = "slack"
    title = "Slack"
    prefixes = ("/slack",)
    connection: Mapping[str, str] = {"SLACK_WEBHOOK_URL": f"/slack{PATH}"}
    board_title = "Channel"
    routes = ("/services/{rest:.*}",)
    kinds = ("messages",)
    modes: Mapping[str, str] = {
        "archived": "The channel is archived: 410 `channel_is_archived`.",
        "prohibited": "The webhook may not post any more: 500 `action_prohibited`.",
    }

    def answer(self, call: Call) -> Answer:
        """Take one message."""
        if call.path != PATH or call.method != "POST":
            return self._text(404, "no_service")
        try:
            body = body_of(call)
        except ValueError:
            return self._text(400, "invalid_payload")
        text = body.get("text") if isinstance(body, dict) else None
        if not isinstance(text, str) or not text.strip():
            return self._text(400, "no_text")
        number = uuid4().hex
        self.shelf.put("messages", number, {"id": number, "text": text, "at": self.moment()})
        return self._text(200, "ok")

    def fail(self, mode: str, call: Call) -> Answer:
        """The channel or the webhook is no more."""
        del call
        return self._text(410, "channel_is_archived") if mode == "archived" else self._text(500, "action_prohibited")

    def what(self, call: Call) -> str:
        """A message."""
        return f"{call.method} message"

    def shown_path(self, call: Call) -> str:
        """The last part of the path is the webhook's secret."""
        return call.path.rpartition("/")[0] + "/***"

    def board(self) -> Sequence[Column]:
        """The channel, the newest first."""
        rows = self.shelf.rows("messages")[::-1]
        cards = tuple(
            Card(id=row["id"], title=row["text"].partition("\n")[0], lines=tuple(row["text"].split("\n")[1:]))
            for row in rows[:CARDS]
        )
        return [Column(id=1, title="Messages", total=len(rows), cards=cards)]

    @staticmethod
    def _text(status: int, word: str) -> Answer:
        return Answer(status=status, body=word.encode(), content_type=TEXT, outcome=word)
