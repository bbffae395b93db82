"""Whatever takes in accounting documents over a webhook: each is kept by its id, a newer revision in the place of it."""

from collections.abc import Mapping, Sequence

from sandbox.jsonapi import answer_json, body_of
from sandbox.shelf import Shelved
from sandbox.vendor import Answer, Call, Card, Column

CARDS = 20


class Docs(Shelved):
    """One folder of documents."""

    name = "docs"
    title = "Documents"
    prefixes = ("/docs",)
    connection: Mapping[str, str] = {"DOCS_WEBHOOK_URL": "/docs/inbox"}
    board_title = "Documents"
    routes = ("/{rest:.*}",)
    kinds = ("documents",)

    def answer(self, call: Call) -> Answer:
        """Keep a document."""
        if call.method != "POST" or call.path != "/inbox":
            return answer_json({"error": "not-found"}, 404, outcome="not found")
        try:
            body = body_of(call)
        except ValueError:
            body = None
        if not isinstance(body, dict) or not body.get("id") or not body.get("content"):
            return answer_json({"error": "id and content are needed"}, 400, outcome="bad request")
        row = {name: body.get(name) for name in ("revision", "title", "content_type", "content", "metadata")}
        number = str(body["id"])
        self.shelf.put("documents", number, {"id": number} | row)
        return answer_json({"ok": True, "id": number})

    def what(self, call: Call) -> str:
        """`POST document`."""
        return f"{call.method} document"

    def board(self) -> Sequence[Column]:
        """The documents, the newest first."""
        rows = self.shelf.rows("documents")[::-1]
        cards = tuple(Card(id=row["id"], title=row["title"], lines=(row["content"][:300],)) for row in rows[:CARDS])
        return [Column(id=1, title="Documents", total=len(rows), cards=cards)]
