"""OpenRPA's robots behind two flows of OpenFlow's: one that starts a robot, one that makes a work item; and OpenFlow's query.

A robot reports by the address that it was given, a second after it was started. It may be offline, die, report twice, or late;
and it may work its item without a report, well or not.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from sandbox.jsonapi import answer_json, bearer, body_of, header
from sandbox.shelf import Row, Shelved, one_of
from sandbox.vendor import Answer, Call, Card, Column, Webhook

WORD = "sandbox-robots-word"
JWT = "sandbox-openflow-token"
RUN_PATH, PUSH_PATH, QUERY_PATH = "/robot/run", "/robot/push", "/api/v1/query/workitems"
ONLINE, OFFLINE, DIES, TWICE, FAILS = "online", "offline", "dies", "twice", "fails"
SILENT, RAISES = "silent", "raises"
STATES = ("new", "processing", "successful", "failed", "abandoned")
URL = re.compile(r"https?://[\w.:-]+/[\w./?=-]*")
MOODS = (ONLINE, OFFLINE, DIES, TWICE, FAILS, SILENT, RAISES)
CARDS = 20
MOST_FOUND = 100


class Robots(Shelved):
    """A few robots of one OpenFlow."""

    name = "robots"
    title = "OpenRPA"
    prefixes = ("/robots",)
    connection: Mapping[str, str] = {
        "OPENRPA_WEBHOOK_URL": f"/robots{RUN_PATH}",
        "OPENRPA_TOKEN": WORD,
        "OPENFLOW_PUSH_URL": f"/robots{PUSH_PATH}",
        "OPENFLOW_BASE_URL": "/robots",
        "OPENFLOW_TOKEN": JWT,
    }
    board_title = "Runs"
    routes = ("/robot/{rest:.*}", "/api/v1/{rest:.*}")
    kinds = ("runs", "moods")
    actions: Mapping[str, str] = {
        "mood": f"How robots are from now on: `mood` is one of {', '.join(MOODS)}.",
        "report": "A run reports (`id`): `status` completed or failed, `result`, `error`.",
        "item": f"The work item `id` is in another state: `state` is one of {', '.join(STATES)}; `error` is its message.",
    }

    def answer(self, call: Call) -> Answer:
        """Start a robot, make a work item, or look for one."""
        try:
            body = body_of(call)
        except ValueError:
            return _plain(400, "bad json")
        if call.path == QUERY_PATH and call.method == "POST":
            return self._found(call, body)
        if call.method != "POST" or call.path not in (RUN_PATH, PUSH_PATH):
            return _plain(404, "Cannot find the flow")
        if header(call, "x-puente-token") != WORD:
            return _plain(401, "unknown caller")
        return self._pushed(body) if call.path == PUSH_PATH else self._run(body)

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """Change how robots are, or have a run report."""
        if action == "mood":
            return self.shelf.put("moods", "mood", {"id": "mood", "mood": one_of(given, "mood", MOODS)})
        if action == "item":
            row = self.row("runs", given)
            self._worked(row, one_of(given, "state", STATES), str(given.get("error") or "") or None)
            return row
        if action != "report":
            return super().act(action, given)
        row = self.row("runs", given)
        status = one_of(given, "status", ("completed", "failed"), "completed")
        self._report(row, {"status": status, "result": given.get("result"), "error": given.get("error")})
        return row

    def what(self, call: Call) -> str:
        """Such as `run` or `push`."""
        return call.path.rpartition("/")[2]

    def mask(self, body: Any) -> Any:
        """The callback's address holds a token."""
        if isinstance(body, dict) and isinstance(body.get("context"), dict):
            return body | {"context": body["context"] | {"callbackUrl": "***"}}
        return body | {"payload": "***"} if isinstance(body, dict) and isinstance(body.get("payload"), str) else body

    def board(self) -> Sequence[Column]:
        """The runs, the newest first."""
        rows = self.shelf.rows("runs")[::-1]
        return [Column(id=1, title="Runs", total=len(rows), cards=tuple(map(_card, rows[:CARDS])))]

    def _run(self, body: Any) -> Answer:
        if not isinstance(body, dict) or not body.get("bot") or not isinstance(body.get("context"), dict):
            return _plain(400, "bot and context are needed")
        row = self._new(str(body["bot"]), body["context"], "run")
        return answer_json({"executionId": row["id"], "status": "queued"}, 202)

    def _pushed(self, body: Any) -> Answer:
        try:
            payload = json.loads(body["payload"])
        except (TypeError, KeyError, ValueError, RecursionError):
            payload = None
        if not isinstance(payload, dict):
            return _plain(400, "queue, name and payload (a text of JSON) are needed")
        row = self._new(str(payload.get("bot")), payload, "item")
        return answer_json({"id": row["id"], "status": row["state"]})

    def _found(self, call: Call, body: Any) -> Answer:
        if bearer(call) != JWT:
            return answer_json({"error": "Access denied"}, 401, outcome="unauthorized")
        query = body.get("query") if isinstance(body, dict) else None
        number = query.get("payload.coordinationId") if isinstance(query, dict) else None
        rows = [
            row for row in self.shelf.rows("runs") if row["kind"] == "item" and row["context"].get("coordinationId") == number
        ]
        return answer_json([_item(row) for row in rows[:MOST_FOUND]])

    def _new(self, bot: str, context: Mapping[str, Any], kind: str) -> Row:
        mood = (self.shelf.get("moods", "mood") or {"mood": ONLINE})["mood"]
        number = str(uuid4())
        state = {ONLINE: "new", OFFLINE: "new", DIES: "processing"}.get(mood, "new")
        row: Row = {
            "id": number,
            "bot": bot,
            "kind": kind,
            "context": dict(context),
            "state": state,
            "at": self.moment(),
            "reports": 0,
        }
        self.shelf.put("runs", number, row)
        if mood in (ONLINE, TWICE):
            for _ in range(2 if mood == TWICE else 1):
                self._report(row, {"status": "completed", "result": {"bot": bot}})
        elif mood == FAILS:
            self._report(row, {"status": "failed", "error": "Robot: the order is unknown"})
        elif mood == SILENT:
            row["context"]["result"] = {"bot": bot}
            self._worked(row, "successful", None)
        elif mood == RAISES:
            self._worked(row, "failed", "Selector not found")
        return row

    def _worked(self, row: Row, state: str, error: str | None) -> None:
        """The robot has brought its item into a state, and reports nothing."""
        row["state"], row["errormessage"] = state, error
        self.shelf.touch()

    def _report(self, row: Row, word: Mapping[str, Any]) -> None:
        row["state"], row["reports"] = "successful" if word["status"] == "completed" else "failed", row["reports"] + 1
        self.shelf.touch()
        url = str(row["context"].get("callbackUrl") or "")
        if URL.fullmatch(url):
            body = {name: value for name, value in word.items() if value is not None} | {"executionId": row["id"]}
            self.send(Webhook(what=f"result {word['status']}", url=url, body=json.dumps(body).encode(), after_seconds=1))


def _item(row: Row) -> dict[str, Any]:
    """A work item as OpenFlow keeps it: what the robot has made of it stands in its payload."""
    found = {"_id": row["id"], "state": row["state"], "payload": row["context"]}
    return found | ({"errormessage": row["errormessage"], "errortype": "application"} if row.get("errormessage") else {})


def _plain(status: int, text: str) -> Answer:
    return Answer(status=status, body=text.encode(), content_type="text/html; charset=utf-8", outcome=text)


def _card(row: Row) -> Card:
    context = row["context"]
    return Card(id=row["id"], title=row["bot"], lines=(str(context.get("businessKey")),), tag=row["state"], actions=("report",))
