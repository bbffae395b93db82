"""Flowable's REST API: processes that wait for a user task or a message event, with their history.

Two definitions are deployed. `businessApproval` waits at the task `waitForRobot`, `robotByMessage` for the message
`robotAnswered` (or `robotFailed`). As Flowable does, it starts a second process for a business key that it has already,
answers 500 to a message that nobody waits for, and 404 to a task that is completed.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from sandbox.jsonapi import Router, answer_json, bearer, body_of, header
from sandbox.shelf import Row, Shelved, one_of
from sandbox.vendor import Answer, Call, Card, Column

TOKEN = "sandbox-flowable-token"  # noqa: S105  # known to everybody, good for nothing
BASIC = "Basic cmVzdC1hZG1pbjp0ZXN0"  # rest-admin:test, as a new Flowable has it
TASK = "waitForRobot"
MESSAGES = ("robotAnswered", "robotFailed")
DEFINITIONS: Mapping[str, str | None] = {"businessApproval": TASK, "robotByMessage": None}
CARDS = 20


class Flowable(Shelved):
    """One engine."""

    name = "flowable"
    title = "Flowable"
    prefixes = ("/flowable",)
    connection: Mapping[str, str] = {
        "FLOWABLE_BASE_URL": "/flowable/service",
        "FLOWABLE_TOKEN": TOKEN,
        "COORDINATIONS_TASK": TASK,
    }
    board_title = "Processes"
    routes = ("/service/{rest:.*}",)
    kinds = ("processes", "tasks", "settings")
    actions: Mapping[str, str] = {
        "advance": "A process reaches what it waits for (`id`); see `hold`.",
        "end": "A process ends without the robot (`id`).",
        "hold": "Processes that are started from now on do not reach it by themselves: `holds` yes or no.",
    }

    def __init__(self) -> None:
        super().__init__()
        self._router = Router(
            [
                ("GET", "/service/management/engine", self._engine),
                ("POST", "/service/runtime/process-instances", self._start),
                ("GET", "/service/runtime/process-instances", self._running),
                ("DELETE", "/service/runtime/process-instances/{number}", self._delete),
                ("GET", "/service/history/historic-process-instances", self._history),
                ("GET", "/service/runtime/tasks", self._tasks),
                ("POST", "/service/runtime/tasks/{number}", self._act_on_task),
                ("GET", "/service/history/historic-task-instances", self._old_tasks),
                ("GET", "/service/runtime/executions", self._executions),
                ("PUT", "/service/runtime/executions/{number}", self._act_on_execution),
            ]
        )

    def answer(self, call: Call) -> Answer:
        """Do what is asked, for whoever has the token or the user's password."""
        if bearer(call) != TOKEN and header(call, "authorization") != BASIC:
            return answer_json({"message": "Unauthorized"}, 401, outcome="unauthorized")
        found = self._router.find(call)
        if found is None:
            return _error(404, "Not found", f"No endpoint {call.method} {call.path}.")
        try:
            body = body_of(call)
        except ValueError:
            return _error(400, "Bad request", "JSON parse error")
        take, parts = found
        return take(call, body if isinstance(body, dict) else {}, **parts)

    def what(self, call: Call) -> str:
        """Such as `POST process-instances`."""
        return f"{call.method} {call.path.removeprefix('/service/').partition('/')[2] or call.path}"

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """Move a process, as its own time would."""
        if action == "hold":
            holds = one_of(given, "holds", ("yes", "no"))
            return self.shelf.put("settings", "hold", {"id": "hold", "holds": holds})
        if action not in self.actions:
            return super().act(action, given)
        row = self.row("processes", given)
        if action == "advance":
            self._arrive(row)
        else:
            self._end(row)
        self.shelf.touch()
        return row

    def board(self) -> Sequence[Column]:
        """The processes, the newest first."""
        rows = self.shelf.rows("processes")[::-1]
        open_ones, over = [row for row in rows if not row["ended"]], [row for row in rows if row["ended"]]
        columns = ((1, "Running", open_ones), (2, "Ended", over))
        return [
            Column(id=number, title=title, total=len(found), cards=tuple(map(_card, found[:CARDS])))
            for number, title, found in columns
        ]

    def _engine(self, _call: Call, _body: Mapping[str, Any]) -> Answer:
        return answer_json(
            {"name": "default", "resourceUrl": "jar:file:/flowable.cfg.xml", "exception": None, "version": "7.1.0.1"}
        )

    def _start(self, _call: Call, body: Mapping[str, Any]) -> Answer:
        named = [name for name in ("processDefinitionId", "processDefinitionKey", "message") if body.get(name)]
        if len(named) != 1:
            text = "Only one of processDefinitionId, processDefinitionKey or message should be set."
            return _error(400, "Bad request", text)
        key, variables = body.get("processDefinitionKey"), _variables(body)
        if not isinstance(key, str) or key not in DEFINITIONS:
            return _error(400, "Bad request", f"no processes deployed with key '{key}'")
        if variables is None:
            return _error(400, "Bad request", "JSON parse error: variables")
        number = str(uuid4())
        row = {
            "id": number,
            "key": key,
            "business_key": body.get("businessKey"),
            "tenant": body.get("tenantId") or "",
            "variables": variables,
            "waits": False,
            "ended": None,
            "delete_reason": None,
            "at": self.moment(),
        }
        self.shelf.put("processes", number, row)
        if (self.shelf.get("settings", "hold") or {}).get("holds") != "yes":
            self._arrive(row)
        return answer_json(self._instance(row), 201)

    def _arrive(self, row: Row) -> None:
        row["waits"] = True
        if task := DEFINITIONS[row["key"]]:
            number = str(uuid4())
            self.shelf.put(
                "tasks", number, {"id": number, "process": row["id"], "key": task, "ended": None, "at": self.moment()}
            )

    def _end(self, row: Row, reason: str | None = None) -> None:
        row["ended"], row["waits"], row["delete_reason"] = self.moment(), False, reason
        for task in self.shelf.rows("tasks"):
            if task["process"] == row["id"] and not task["ended"]:
                task["ended"] = self.moment()
                task["delete_reason"] = reason or "deleted"
        self.shelf.touch()

    def _running(self, call: Call, _body: Mapping[str, Any]) -> Answer:
        found = [row for row in self._matching(call, number="id") if not row["ended"]]
        return _page([self._instance(row) for row in found])

    def _history(self, call: Call, _body: Mapping[str, Any]) -> Answer:
        shows = call.query.get("includeProcessVariables") == "true"
        return _page([self._historic(row, shows=shows) for row in self._matching(call, number="processInstanceId")])

    def _delete(self, call: Call, _body: Mapping[str, Any], number: str) -> Answer:
        row = self.shelf.get("processes", number)
        if row is None or row["ended"]:
            return _error(404, "Not found", f"Could not find a process instance with id '{number}'.")
        self._end(row, call.query.get("deleteReason"))
        return Answer(status=204)

    def _tasks(self, call: Call, _body: Mapping[str, Any]) -> Answer:
        return _page([self._task(row) for row in self._matching_tasks(call) if not row["ended"]])

    def _old_tasks(self, call: Call, _body: Mapping[str, Any]) -> Answer:
        rows = [row for row in self._matching_tasks(call) if row["ended"] and not row.get("delete_reason")]
        return _page([self._historic_task(row) for row in rows])

    def _act_on_task(self, _call: Call, body: Mapping[str, Any], number: str) -> Answer:
        row = self.shelf.get("tasks", number)
        if row is None or row["ended"]:
            return _error(404, "Not found", f"Could not find a task with id '{number}'.")
        if body.get("action") != "complete" or _variables(body) is None:
            return _error(400, "Bad request", f"Invalid action: '{body.get('action')}'.")
        row["ended"] = self.moment()
        process = self.shelf.get("processes", row["process"])
        if process is not None:
            self._take_variables(process, body)
            self._end(process)
        return Answer(status=200)

    def _executions(self, call: Call, _body: Mapping[str, Any]) -> Answer:
        name, whose = call.query.get("messageEventSubscriptionName"), call.query.get("processInstanceId")
        rows = [
            row
            for row in self.shelf.rows("processes")
            if row["waits"]
            and DEFINITIONS[row["key"]] is None
            and whose in (None, row["id"])
            and (name is None or name in MESSAGES)
        ]
        return _page([_execution(row) for row in rows])

    def _act_on_execution(self, _call: Call, body: Mapping[str, Any], number: str) -> Answer:
        row = next((row for row in self.shelf.rows("processes") if _execution(row)["id"] == number), None)
        if row is None or row["ended"]:
            return _error(404, "Not found", f"Could not find an execution with id '{number}'.")
        if body.get("action") != "messageEventReceived":
            return _error(400, "Bad request", f"Invalid action: '{body.get('action')}'.")
        if not row["waits"] or DEFINITIONS[row["key"]] is not None or str(body.get("messageName")) not in MESSAGES:
            return _error(500, "Internal server error", "Error with ID: sandbox")
        self._take_variables(row, body)
        self._end(row)
        return Answer(status=204)

    def _take_variables(self, row: Row, body: Mapping[str, Any]) -> None:
        row["variables"] |= _variables(body) or {}
        self.shelf.touch()

    def _matching(self, call: Call, number: str) -> list[Row]:
        wanted = {"business_key": "businessKey", "key": "processDefinitionKey", "id": number}
        asked = {field: call.query[name] for field, name in wanted.items() if name in call.query}
        return [row for row in self.shelf.rows("processes") if all(row[name] == value for name, value in asked.items())]

    def _matching_tasks(self, call: Call) -> list[Row]:
        wanted = {"process": "processInstanceId", "key": "taskDefinitionKey"}
        asked = {field: call.query[name] for field, name in wanted.items() if name in call.query}
        return [row for row in self.shelf.rows("tasks") if all(row[name] == value for name, value in asked.items())]

    @staticmethod
    def _instance(row: Row) -> dict[str, Any]:
        return {
            "id": row["id"],
            "url": f"http://localhost:8080/flowable-rest/service/runtime/process-instances/{row['id']}",
            "businessKey": row["business_key"],
            "suspended": False,
            "ended": bool(row["ended"]),
            "processDefinitionId": f"{row['key']}:1:4",
            "processDefinitionUrl": f"http://localhost:8080/flowable-rest/service/repository/process-definitions/{row['key']}:1:4",
            "activityId": None,
            "variables": [],
            "tenantId": row["tenant"],
            "completed": bool(row["ended"]),
        }

    @staticmethod
    def _historic(row: Row, *, shows: bool) -> dict[str, Any]:
        variables = [
            {"name": name, "type": "string", "value": value, "scope": "local"} for name, value in row["variables"].items()
        ]
        return {
            "id": row["id"],
            "businessKey": row["business_key"],
            "processDefinitionId": f"{row['key']}:1:4",
            "startTime": row["at"],
            "endTime": row["ended"],
            "deleteReason": row["delete_reason"],
            "variables": variables if shows else [],
            "tenantId": row["tenant"],
        }

    @staticmethod
    def _task(row: Row) -> dict[str, Any]:
        return {
            "id": row["id"],
            "name": row["key"],
            "createTime": row["at"],
            "taskDefinitionKey": row["key"],
            "processInstanceId": row["process"],
            "suspended": False,
            "variables": [],
        }

    @staticmethod
    def _historic_task(row: Row) -> dict[str, Any]:
        return {
            "id": row["id"],
            "name": row["key"],
            "startTime": row["at"],
            "endTime": row["ended"],
            "taskDefinitionKey": row["key"],
            "processInstanceId": row["process"],
        }


def _variables(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The variables of a body, which are a list there; None where they are something else."""
    given = body.get("variables") or []
    if not isinstance(given, list) or not all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in given):
        return None
    return {one["name"]: one.get("value") for one in given}


def _execution(row: Row) -> dict[str, Any]:
    return {"id": f"e-{row['id']}", "processInstanceId": row["id"], "suspended": False, "activityId": "robot", "tenantId": ""}


def _page(rows: list[dict[str, Any]]) -> Answer:
    return answer_json({"data": rows, "total": len(rows), "start": 0, "sort": "id", "order": "asc", "size": len(rows)})


def _error(status: int, message: str, exception: str) -> Answer:
    return answer_json({"message": message, "exception": exception}, status, outcome=message.lower())


def _card(row: Row) -> Card:
    lines = (str(row["business_key"]), *(f"{name}: {value}"[:120] for name, value in row["variables"].items()))
    return Card(
        id=row["id"], title=row["key"], lines=lines, tag=row["delete_reason"] or ("ended" if row["ended"] else "running")
    )
