"""Notion as a vendor of the sandbox: three databases, one integration."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.jsonapi import bearer, header
from sandbox.limits import Bucket
from sandbox.notion import seed, values
from sandbox.notion.api import Api, error
from sandbox.notion.seed import DATABASES, Database
from sandbox.shelf import Row, Shelved
from sandbox.vendor import Answer, Call, Card, Column, UnknownKindError

VERSION = "2025-09-03"
PER_SECOND, AT_ONCE = 3.0, 10.0
OVERLOADED = 529
CARDS_PER_COLUMN = 12
LINES, LONGEST_LINE = 7, 90
_NAMES: Mapping[str, str] = {"contacts": seed.CONTACTS, "templates": seed.TEMPLATES, "tracker": seed.TRACKER}
_KINDS = {identifier: name for name, identifier in _NAMES.items()}
_FAILURES: Mapping[str, tuple[int, str, str]] = {
    "conflict": (409, "conflict_error", "Conflict occurred while saving. Please try again."),
    "overloaded": (OVERLOADED, "service_overload", "Notion is overloaded. Please try again later."),
    "internal": (500, "internal_server_error", "Unexpected error occurred."),
}


class Notion(Shelved):
    """One workspace with the databases of `seed`, all of them shared with the one integration."""

    name = "notion"
    title = "Notion"
    prefixes = ("/notion",)
    connection: Mapping[str, str] = {
        "NOTION_BASE_URL": "/notion",
        "NOTION_TOKEN": seed.TOKEN,
        "NOTION_CONTACTS_DB_ID": seed.CONTACTS,
        "NOTION_TEMPLATES_DB_ID": seed.TEMPLATES,
        "NOTION_EMAIL_SEQUENCE_DB_ID": seed.TRACKER,
    }
    board_title = "Databases"
    routes = ("/v1/{rest:.*}",)
    kinds = ("pages",)
    modes: Mapping[str, str] = {
        "conflict": "Answers 409 `conflict_error`, as when two write at once; does nothing.",
        "overloaded": "Answers 529 `service_overload` with `Retry-After: 2`; does nothing.",
        "internal": "Answers 500; does nothing.",
    }
    actions: Mapping[str, str] = {
        "edit": "Sets `properties` of the page `id`, as somebody in Notion does.",
        "archive": "Moves the page `id` to the trash.",
        "limit": "Takes so many requests a second on average (`per_second`; 0 for any number).",
    }

    def __init__(self, databases: Sequence[Database] = DATABASES) -> None:
        super().__init__()
        self.api = Api(self.shelf, self._time, databases)
        self.bucket = Bucket(PER_SECOND, AT_ONCE)
        self._seed()

    def _time(self) -> datetime:
        return self.now()

    def _seed(self) -> None:
        for database in self.api.databases:
            for row in database.rows:
                page = self.api.create(database, {}, [])
                page["properties"] = values.seeded(database.columns, row)

    def answer(self, call: Call) -> Answer:
        """Serve one request."""
        if bearer(call) != seed.TOKEN:
            return error(401, "unauthorized", "API token is invalid.")
        wait = self.bucket.take()
        if wait:
            headers = {"Retry-After": str(math.ceil(wait))}
            return error(429, "rate_limited", "You have been rate limited. Please try again in a few minutes.", headers)
        version = header(call, "Notion-Version")
        if not version:
            told = "Notion-Version header failed validation: Notion-Version header should be defined, instead was `undefined`."
            return error(400, "missing_version", told)
        if version != VERSION:
            return error(400, "validation_error", f"Notion-Version header failed validation: here it is `{VERSION}`.")
        return self.api.answer(call)

    def fail(self, mode: str, call: Call) -> Answer:
        """One of the own faults."""
        del call
        return error(*_FAILURES[mode], {"Retry-After": "2"} if mode == "overloaded" else None)

    def what(self, call: Call) -> str:
        """Such as `POST pages`, `POST data_sources/… (tracker) query`."""
        path = call.path.removeprefix("/v1/")
        for database in self.api.databases:
            name = _KINDS.get(database.id, database.title)
            path = path.replace(database.id, name).replace(database.source, name)
        return f"{call.method} {path}"

    def reset(self, options: Mapping[str, bool]) -> None:
        """The rows that it starts with; the limit is as at first."""
        super().reset(options)
        self.bucket.set(PER_SECOND, AT_ONCE)
        self._seed()

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of `actions`."""
        if action == "limit":
            self.bucket.set(float(given.get("per_second", PER_SECOND)), None if "per_second" in given else AT_ONCE)
            return {"per_second": self.bucket.per_second}
        if action not in self.actions:
            return super().act(action, given)
        row = self.row("pages", given)
        change = {"archived": True} if action == "archive" else {"properties": given.get("properties", {})}
        self.api.change(row, change)
        return self._flat(row)

    def records(self, kind: str, filters: Mapping[str, str], limit: int | None) -> tuple[list[Row], int]:
        """The rows of `contacts`, `templates` or `tracker`, oldest first, their properties as plain values."""
        if kind not in _NAMES:
            raise UnknownKindError(f"Notion has no database {kind}; it has {', '.join(_NAMES)}")
        database = next(one for one in self.api.databases if one.id == _NAMES[kind])
        if unknown := set(filters) - set(database.columns) - {"id"}:
            raise ValueError(f"{kind} has no property {', '.join(sorted(unknown))}")
        rows = [self._flat(row) for row in self.api.pages(database.source)]
        found = [row for row in rows if all(str(row.get(name)) == text for name, text in filters.items())]
        return found if limit is None else found[:limit], len(found)

    def board(self) -> Sequence[Column]:
        """The databases with their newest rows."""
        return [self._column(place, database) for place, database in enumerate(self.api.databases)]

    def counters(self) -> Mapping[str, int]:
        """How many rows each database has."""
        return {database.title: len(self.api.pages(database.source)) for database in self.api.databases}

    def _column(self, place: int, database: Database) -> Column:
        rows = self.api.pages(database.source)
        cards = tuple(self._card(row) for row in rows[: -CARDS_PER_COLUMN - 1 : -1])
        return Column(id=place, title=database.title, total=len(rows), cards=cards)

    def _card(self, row: Row) -> Card:
        flat = self._flat(row)
        del flat["id"]
        database = self.api.database(row["source"])
        heading = next(name for name, column in database.columns.items() if column.type == "title")
        title = str(flat.pop(heading) or flat.get("Email") or flat.get("email") or "Sin título")
        # What says something, and the latest of it: the columns of later e-mails stand further behind.
        told = [f"{name}: {_cut(value)}" for name, value in flat.items() if value not in (None, "", [], False)]
        lines = told if len(told) <= LINES else [*told[: LINES // 2], "…", *told[-(LINES // 2) :]]
        return Card(id=row["id"], title=title, lines=tuple(lines), actions=("archive",))

    def _flat(self, row: Row) -> Row:
        columns = self.api.database(row["source"]).columns
        return {"id": row["id"]} | {name: values.plain(column, row["properties"].get(name)) for name, column in columns.items()}


def _cut(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 1] + "…"
