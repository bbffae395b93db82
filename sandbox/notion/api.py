"""The pages of Notion's API: which answer belongs to which method and path."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sandbox.jsonapi import Handler, RefusedError, Router, answer_json, body_of
from sandbox.notion import filters, values
from sandbox.notion.seed import DATABASES, SINCE, USER, Database
from sandbox.notion.values import BadValueError, compact
from sandbox.shelf import Row, Shelf
from sandbox.vendor import Answer, Call

ROOT = "/v1"
MOST = 100
MOST_ROWS = 10_000  # for one query, over all its pages
_PERSON = {"object": "user", "id": USER}


def error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """A refusal as Notion words it."""
    body = {"object": "error", "status": status, "code": code, "message": message, "request_id": str(uuid4())}
    return answer_json(body, status, outcome=code, headers=headers)


def invalid(message: str) -> RefusedError:
    """The refusal of what is not as it must be."""
    return RefusedError(error(400, "validation_error", message))


def not_found(what: str, identifier: str) -> RefusedError:
    """The refusal of an id that there is not, or that the integration may not see."""
    told = f"Could not find {what} with ID: {identifier}. Make sure it is shared with your integration."
    return RefusedError(error(404, "object_not_found", told))


class Api:
    """Answers for one workspace, whose pages stand on `shelf`."""

    def __init__(self, shelf: Shelf, now: Callable[[], datetime], databases: Sequence[Database] = DATABASES) -> None:
        self.shelf, self.now, self.databases = shelf, now, databases
        self.most_rows = MOST_ROWS
        pages: list[tuple[str, str, Handler]] = [
            ("GET", "/databases/{identifier}", self._database),
            ("GET", "/data_sources/{identifier}", self._source),
            ("POST", "/data_sources/{identifier}/query", self._query),
            ("POST", "/pages", self._create),
            ("GET", "/pages/{identifier}", self._page),
            ("PATCH", "/pages/{identifier}", self._update),
            ("GET", "/blocks/{identifier}/children", self._children),
            ("PATCH", "/blocks/{identifier}/children", self._append),
            ("GET", "/users/me", self._me),
        ]
        self.router = Router((method, ROOT + path, handler) for method, path, handler in pages)

    def answer(self, call: Call) -> Answer:
        """Serve one request."""
        found = self.router.find(call)
        if found is None:
            return error(400, "invalid_request_url", "Invalid request URL.")
        handler, parts = found
        try:
            return handler(call, **parts)
        except RefusedError as refused:
            return refused.answer
        except BadValueError as bad:
            return invalid(str(bad)).answer

    def stamp(self) -> str:
        """Now, to the minute: Notion keeps no more."""
        return self.now().strftime("%Y-%m-%dT%H:%M:00.000Z")

    def create(self, database: Database, properties: Mapping[str, Any], blocks: list[Any]) -> Row:
        """A new page. Raises BadValueError for properties that Notion does not take."""
        kept, now = self._taken(database, properties), self.stamp()
        row: Row = {"id": str(uuid4()), "source": database.source, "created_time": now, "last_edited_time": now}
        return self.shelf.put("pages", row["id"], row | {"archived": False, "properties": kept, "blocks": blocks})

    def change(self, row: Row, given: Mapping[str, Any]) -> None:
        """Set the properties that are given, and whether the page is archived. Raises BadValueError."""
        archived = given.get("archived", given.get("in_trash"))
        if row["archived"] and archived is not False:
            raise BadValueError("Can't edit block that is archived. You must unarchive the block before editing.")
        properties = given.get("properties", {})
        if not isinstance(properties, dict) or archived not in (None, True, False):
            raise BadValueError("body failed validation: body.properties should be an object.")
        row["properties"] |= self._taken(self.database(row["source"]), properties)
        row["archived"] = row["archived"] if archived is None else archived
        row["last_edited_time"] = self.stamp()
        self.shelf.touch()

    def database(self, source: str) -> Database:
        """The database of a data source that there is."""
        return next(one for one in self.databases if one.source == source)

    def pages(self, source: str) -> list[Row]:
        """The pages of a data source that are not archived, oldest first."""
        return [row for row in self.shelf.rows("pages") if row["source"] == source and not row["archived"]]

    @staticmethod
    def _taken(database: Database, properties: Mapping[str, Any]) -> dict[str, Any]:
        for name in properties:
            if name not in database.columns:
                raise BadValueError(f"{name} is not a property that exists.")
        return {name: values.taken(name, database.columns[name], given) for name, given in properties.items()}

    # --- databases ---

    def _database(self, _call: Call, identifier: str) -> Answer:
        database = next((one for one in self.databases if one.id == compact(identifier)), None)
        if database is None:
            raise not_found("database", identifier)
        sources = [{"id": database.source, "name": database.title}]
        return answer_json(
            self._head("database", database.id) | {"title": [values.piece(database.title)], "data_sources": sources}
        )

    def _source(self, _call: Call, identifier: str) -> Answer:
        database = self._by_source(identifier)
        columns = {name: _described(name, column) for name, column in database.columns.items()}
        parent = {"type": "database_id", "database_id": database.id}
        head = self._head("data_source", database.source) | {"title": [values.piece(database.title)]}
        return answer_json(head | {"parent": parent, "properties": columns})

    def _query(self, call: Call, identifier: str) -> Answer:
        database, body = self._by_source(identifier), self._body(call)
        rows = self.pages(database.source)
        if body.get("filter"):
            passes = filters.check(body["filter"], database.columns)
            rows = [row for row in rows if passes(row)]
        rows = filters.ordered(rows, body.get("sorts") or [], database.columns)
        size, cursor = body.get("page_size", MOST), body.get("start_cursor")
        is_whole = len(rows) <= self.most_rows
        here, following = _paged(rows[: self.most_rows], size, cursor)
        listed = {"results": [self._shown(row) for row in here], "type": "page_or_data_source", "page_or_data_source": {}}
        if not (is_whole or following):  # there are more, and that is all that says so
            listed["request_status"] = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
        return answer_json({"object": "list", "next_cursor": following, "has_more": following is not None, **listed})

    # --- pages ---

    def _create(self, call: Call) -> Answer:
        body = self._body(call)
        parent = body.get("parent")
        if not isinstance(parent, dict) or not isinstance(parent.get("data_source_id"), str):
            raise invalid("body failed validation: body.parent.data_source_id should be defined, instead was `undefined`.")
        properties = body.get("properties", {})
        if not isinstance(properties, dict):
            raise invalid("body failed validation: body.properties should be an object.")
        database = self._by_source(parent["data_source_id"])
        return answer_json(self._shown(self.create(database, properties, _blocks(body.get("children", [])))))

    def _page(self, _call: Call, identifier: str) -> Answer:
        return answer_json(self._shown(self._row(identifier)))

    def _update(self, call: Call, identifier: str) -> Answer:
        row = self._row(identifier)
        self.change(row, self._body(call))
        return answer_json(self._shown(row))

    def _children(self, call: Call, identifier: str) -> Answer:
        row, size = self._row(identifier, "block"), call.query.get("page_size", str(MOST))
        here, following = _paged(row["blocks"], int(size) if size.isdecimal() else 0, call.query.get("start_cursor"))
        more: Row = {"next_cursor": following, "has_more": following is not None, "type": "block", "block": {}}
        return answer_json({"object": "list", "results": here, **more})

    def _append(self, call: Call, identifier: str) -> Answer:
        row = self._row(identifier, "block")
        added = _blocks(self._body(call).get("children", []))
        row["blocks"] += added
        self.shelf.touch()
        return answer_json({"object": "list", "results": added, "next_cursor": None, "has_more": False})

    def _me(self, _call: Call) -> Answer:
        return answer_json({**_PERSON, "name": "Sandbox", "avatar_url": None, "type": "bot", "bot": {}})

    # --- what they share ---

    @staticmethod
    def _body(call: Call) -> dict[str, Any]:
        try:
            body = body_of(call)
        except ValueError as bad:
            raise RefusedError(error(400, "invalid_json", "Error parsing JSON body.")) from bad
        if not isinstance(body, dict):
            raise invalid("body failed validation: body should be an object.")
        return body

    def _row(self, identifier: str, what: str = "page") -> Row:
        row = self.shelf.get("pages", compact(identifier))
        if row is None:
            raise not_found(what, identifier)
        return row

    def _by_source(self, identifier: str) -> Database:
        found = next((one for one in self.databases if one.source == compact(identifier)), None)
        if found is None:
            raise not_found("data source", identifier)
        return found

    @staticmethod
    def _head(kind: str, identifier: str) -> dict[str, Any]:
        head = {"object": kind, "id": identifier, "created_time": SINCE, "last_edited_time": SINCE, "created_by": _PERSON}
        more: Row = {
            "last_edited_by": _PERSON,
            "icon": None,
            "cover": None,
            "archived": False,
            "in_trash": False,
            "description": [],
        }
        return head | more | {"is_inline": False, "public_url": None, "url": _url(identifier), "request_id": str(uuid4())}

    def _shown(self, row: Row) -> dict[str, Any]:
        database = self.database(row["source"])
        properties = {
            name: {"id": _short(name, column.type)} | values.shown(column, row["properties"].get(name))
            for name, column in database.columns.items()
        }
        parent = {"type": "data_source_id", "data_source_id": database.source, "database_id": database.id}
        head = {"object": "page", "id": row["id"], "created_time": row["created_time"], "created_by": _PERSON}
        head |= {"last_edited_time": row["last_edited_time"], "last_edited_by": _PERSON, "cover": None, "icon": None}
        head |= {"parent": parent, "archived": row["archived"], "in_trash": row["archived"], "is_locked": False}
        return head | {"properties": properties, "url": _url(row["id"]), "public_url": None, "request_id": str(uuid4())}


def _paged(rows: list[Row], size: Any, cursor: Any) -> tuple[list[Row], str | None]:
    """A page of the rows, and the id with which the next one begins. Raises RefusedError."""
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MOST:
        raise invalid(f"body failed validation: body.page_size should be ≤ `{MOST}`, instead was `{size}`.")
    start = 0
    if cursor is not None:
        start = next((place for place, row in enumerate(rows) if row["id"] == compact(cursor)), -1)
        if start < 0:
            raise invalid(f"The start_cursor provided is invalid: {cursor}")
    following = rows[start + size]["id"] if len(rows) > start + size else None
    return rows[start : start + size], following


def _blocks(given: Any) -> list[Row]:
    """Blocks of a page as they are kept. Raises BadValueError."""
    if not isinstance(given, list) or len(given) > MOST:
        raise BadValueError(f"body failed validation: body.children.length should be ≤ `{MOST}`.")
    return [_block(place, one) for place, one in enumerate(given)]


def _block(place: int, given: Any) -> Row:
    kind = given.get("type", next(iter(given), "")) if isinstance(given, dict) else ""
    content = given.get(kind) if isinstance(given, dict) else None
    if not isinstance(content, dict):
        raise BadValueError(f"body failed validation: body.children[{place}] should be a block.")
    path = f"body.children[{place}].{kind}.rich_text"
    texts = [values.piece(text) for text in values.pieces(path, content.get("rich_text", []))]
    return {"object": "block", "id": str(uuid4()), "type": kind, "has_children": False, kind: {**content, "rich_text": texts}}


def _described(name: str, column: Any) -> dict[str, Any]:
    options = [{"id": f"{place:04x}", "name": option, "color": "default"} for place, option in enumerate(column.options)]
    own = {"options": options} if column.type in ("select", "multi_select", "status") else {}
    return {"id": _short(name, column.type), "name": name, "type": column.type, column.type: own}


def _short(name: str, kind: str) -> str:
    return "title" if kind == "title" else f"{sum(ord(sign) * place for place, sign in enumerate(name, 1)) % 65536:04x}"


def _url(identifier: str) -> str:
    return f"https://www.notion.so/{identifier.replace('-', '')}"
