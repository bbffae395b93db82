"""A Google Sheet behind an Apps Script web app, with the script of docs/payments.md.

A POST runs the script and answers with a redirect to its result, which is there for one look. What the script throws comes as
a page of HTML with status 200.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from sandbox.jsonapi import answer_json, body_of
from sandbox.shelf import Row, Shelved
from sandbox.vendor import Answer, Call, Card, Column

TOKEN = "sandbox-sheets-token"  # noqa: S105  # known to everybody, good for nothing
EXEC = "/macros/s/SANDBOX/exec"
ECHO = "/macros/echo"
VERSION = "1"
CARDS = 20
_PAGE = b"<!DOCTYPE html><html><head><title>Error</title></head><body>Exception: Service Spreadsheets failed</body></html>"
HTML = "text/html; charset=utf-8"


class Sheets(Shelved):
    """One sheet, by the ids of its rows."""

    name = "sheets"
    title = "Google Sheets"
    prefixes = ("/sheets",)
    connection: Mapping[str, str] = {"SHEETS_WEBHOOK_URL": f"/sheets{EXEC}", "SHEETS_TOKEN": TOKEN}
    board_title = "Sheet"
    routes = ("/{rest:.*}",)
    kinds = ("rows",)
    modes: Mapping[str, str] = {
        "exception": "The script has done its work and then throws: a page of HTML with status 200.",
        "login": "Asks for a login: access to the script is not for anyone.",
        "busy": "The script did not get its lock.",
    }

    def __init__(self) -> None:
        super().__init__()
        self._results: dict[str, Answer] = {}

    def answer(self, call: Call) -> Answer:
        """Run the script, or show a result once."""
        if call.method == "GET" and call.path == ECHO:
            found = self._results.pop(call.query.get("user_content_key", ""), None)
            return found or Answer(status=400, body=_PAGE, content_type=HTML, outcome="no such result")
        if call.method != "POST" or call.path != EXEC:
            return Answer(status=404, body=_PAGE, content_type=HTML, outcome="not found")
        return self._redirect(self._ran(call))

    def _ran(self, call: Call) -> Answer:
        try:
            asked = body_of(call)
        except ValueError:
            asked = {}
        if not isinstance(asked, dict) or asked.get("token") != TOKEN:
            return answer_json({"ok": False, "error": "bad-token", "version": VERSION}, outcome="bad-token")
        return answer_json(self._done(asked) | {"version": VERSION})

    def _done(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        action, number = asked.get("action"), str(asked.get("id") or "")
        if action not in ("put", "find") or not number:
            return {"ok": False, "error": "bad-request"}
        if action == "put":
            self.shelf.put("rows", number, {"id": number, **{name: str(value) for name, value in dict(asked["row"]).items()}})
        row = self.shelf.get("rows", number)
        found = {"ok": True, "id": number, "found": row is not None}
        return found | ({"puente": row.get("puente", "")} if row is not None else {})

    def _redirect(self, result: Answer) -> Answer:
        key = uuid4().hex
        self._results[key] = result
        there = f"{self.config.own_url}{self.prefixes[0]}{ECHO}?user_content_key={key}"
        return Answer(status=302, body=b"<HTML></HTML>", content_type=HTML, headers={"Location": there}, outcome=result.outcome)

    def fail(self, mode: str, call: Call) -> Answer:
        """A script or a page that is not as it should be."""
        if mode == "login":
            there = "https://accounts.google.com/ServiceLogin"
            return Answer(status=302, content_type=HTML, headers={"Location": there}, outcome="login")
        if mode == "busy":
            return self._redirect(answer_json({"ok": False, "error": "busy", "version": VERSION}, outcome="busy"))
        if call.path == EXEC:
            self._ran(call)
        return Answer(status=200, body=_PAGE, content_type=HTML, outcome="exception")

    def what(self, call: Call) -> str:
        """What the script is asked for, or a look at a result."""
        if call.path == ECHO:
            return "result"
        try:
            asked = body_of(call)
        except ValueError:
            return "POST exec"
        return f"{asked.get('action')} {asked.get('id') or ''}".strip() if isinstance(asked, dict) else "POST exec"

    def mask(self, body: Any) -> Any:
        """The token stands in the body, since Apps Script shows no headers."""
        return body | {"token": "***"} if isinstance(body, dict) and "token" in body else body

    def board(self) -> Sequence[Column]:
        """The rows, the newest first."""
        rows = self.shelf.rows("rows")[::-1]
        return [Column(id=1, title="Rows", total=len(rows), cards=tuple(map(_card, rows[:CARDS])))]


def _card(row: Row) -> Card:
    lines = tuple(f"{name}: {value}" for name, value in row.items() if name not in ("id", "puente", "payment_id") and value)
    return Card(id=row["id"], title=row["id"], lines=lines)


class TicketSheet(Sheets):
    """The sheet of the tickets, with a script of its own."""

    name = "ticketsheet"
    title = "Google Sheets, tickets"
    prefixes = ("/ticketsheet",)
    connection: Mapping[str, str] = {"TICKETS_SHEET_URL": f"/ticketsheet{EXEC}", "TICKETS_SHEET_TOKEN": TOKEN}
