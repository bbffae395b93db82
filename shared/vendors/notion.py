"""Notion, in the version of its API that keeps a database's rows in data sources.

Creating a page is not repeatable and Notion takes no idempotency key: keep an id of ours in a property, and `query` for it
before creating. Setting properties is repeatable. About three requests a second are taken; whoever calls keeps to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from shared.errors import PermanentError, PuenteError, ThrottledError
from shared.vendors.notion_values import plain_text
from shared.vendors.rest_client import RestClient, kept

if TYPE_CHECKING:
    import requests
    from requests.adapters import BaseAdapter

    from shared.settings import Settings
    from shared.vendors.connection import Connection

VERSION = "2025-09-03"
READ_SECONDS = 20.0
PAGE_SIZE = 100
DEEPEST = 10
OVERLOADED = 529

type Page = dict[str, Any]


class QueryPage(NamedTuple):
    """A page of rows; `cursor` is that of the next one. `incomplete`: there are more, and Notion gives no more of them; why."""

    rows: list[Page]
    cursor: str | None
    incomplete: str | None


class Notion:
    """One workspace, seen by one integration. Shared by the process's threads."""

    def __init__(self, url: str, token: str, adapter: BaseAdapter | None = None) -> None:
        self._http = NOTION.connect(url, token, adapter=adapter)
        self._sources: dict[str, str] = {}

    @staticmethod
    def from_settings(settings: Settings) -> Notion:
        """The process's client. Raises PermanentError `not-configured`."""
        NOTION.require(settings)
        token = settings.notion_token.get_secret_value() if settings.notion_token else ""
        return kept(Notion, settings.notion_base_url, token)

    def ping(self) -> str:
        """The integration's name, as a sign that Notion answers us."""
        return self._http.ping()

    def data_source(self, database_id: str) -> str:
        """The data source that holds the database's rows; asked once per process.

        Raises:
            PermanentError: `not-configured` without an id, `notion-data-sources` when the database has none or several,
                `notion-not-found` when it does not exist or was not shared with the integration.
        """
        if not database_id:
            raise PermanentError("not-configured", "Notion: the id of the database is not set")
        if database_id not in self._sources:
            database = self._call("GET", f"/databases/{_segment(database_id)}", "reading a database", repeatable=True)
            ids = [str(source["id"]) for source in database.get("data_sources") or []]
            if len(ids) != 1:
                raise PermanentError(
                    "notion-data-sources", f"Notion: the database has {len(ids)} data sources; one was expected"
                )
            self._sources[database_id] = ids[0]
        return self._sources[database_id]

    def properties(self, database_id: str) -> dict[str, dict[str, Any]]:
        """The properties of the database's rows by name, each with its `type` and what belongs to that."""
        source = self.data_source(database_id)
        answer = self._call("GET", f"/data_sources/{_segment(source)}", "reading properties", repeatable=True)
        return {str(name): dict(value) for name, value in (answer.get("properties") or {}).items()}

    def query(
        self,
        database_id: str,
        where: Mapping[str, Any] | None = None,
        *,
        sorts: Sequence[Mapping[str, str]] = (),
        limit: int | None = None,
    ) -> list[Page]:
        """The rows that `where` (a filter of Notion's) lets through, all of them or the first `limit`.

        Raises:
            PermanentError: `notion-incomplete`, there are more than Notion gives for one question (10,000); ask for fewer.
        """
        rows: list[Page] = []
        cursor: str | None = None
        while True:
            found = self.query_page(database_id, where, sorts=sorts, cursor=cursor, size=min(limit or PAGE_SIZE, PAGE_SIZE))
            rows, cursor = rows + found.rows, found.cursor
            if limit is not None and len(rows) >= limit:
                return rows[:limit]
            if found.incomplete is not None:
                raise PermanentError("notion-incomplete", f"Notion: the answer to a query is not whole ({found.incomplete})")
            if cursor is None:
                return rows

    def query_page(
        self,
        database_id: str,
        where: Mapping[str, Any] | None = None,
        *,
        sorts: Sequence[Mapping[str, str]] = (),
        cursor: str | None = None,
        size: int = PAGE_SIZE,
    ) -> QueryPage:
        """Up to `size` of the rows that `where` lets through, behind the `cursor` of the page before."""
        source = self.data_source(database_id)
        body: dict[str, Any] = {"page_size": size}
        if where:
            body["filter"] = dict(where)
        if sorts:
            body["sorts"] = [dict(one) for one in sorts]
        if cursor:
            body["start_cursor"] = cursor
        answer = self._call("POST", f"/data_sources/{source}/query", "querying", json=body, repeatable=True, reads=True)
        following = str(answer["next_cursor"]) if answer.get("has_more") else None
        return QueryPage(list(answer.get("results") or []), following, _incomplete(answer))

    def create_page(self, database_id: str, properties: Mapping[str, Any]) -> Page:
        """A new row. Not repeatable: after an UncertainError look for it first."""
        parent = {"type": "data_source_id", "data_source_id": self.data_source(database_id)}
        body = {"parent": parent, "properties": dict(properties)}
        return self._call("POST", "/pages", "creating a page", json=body, repeatable=False)

    def update_page(self, page_id: str, properties: Mapping[str, Any]) -> Page:
        """Set these properties and leave the others; doing it twice is doing it once."""
        body = {"properties": dict(properties)}
        return self._call("PATCH", f"/pages/{_segment(page_id)}", "updating a page", json=body, repeatable=True)

    def page(self, page_id: str) -> Page:
        """One page with its properties."""
        return self._call("GET", f"/pages/{_segment(page_id)}", "reading a page", repeatable=True)

    def page_text(self, page_id: str) -> str:
        """The text of the page's content, a line for each block that has any, nested ones in their place.

        Pages and databases inside it are not entered. Ten levels are read.
        """
        return "\n".join(self._lines(page_id, 0))

    def _lines(self, block_id: str, depth: int) -> Iterator[str]:
        for block in self._children(block_id):
            kind = str(block.get("type"))
            content = block.get(kind) or {}
            pieces = content.get("rich_text")
            if pieces is not None:
                yield plain_text(pieces)
            for cell in content.get("cells") or []:
                yield plain_text(cell)
            if block.get("has_children") and depth < DEEPEST and kind not in ("child_page", "child_database"):
                yield from self._lines(str(block["id"]), depth + 1)

    def _children(self, block_id: str) -> Iterator[dict[str, Any]]:
        params = {"page_size": str(PAGE_SIZE)}
        while True:
            answer = self._call(
                "GET", f"/blocks/{_segment(block_id)}/children", "reading blocks", params=params, repeatable=True
            )
            yield from answer.get("results") or []
            if not answer.get("has_more"):
                return
            params["start_cursor"] = str(answer["next_cursor"])

    def _call(
        self,
        method: str,
        path: str,
        what: str,
        *,
        repeatable: bool,
        reads: bool = False,
        params: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> dict[str, Any]:
        request = {"params": params, "json": json, "reads": reads}
        return dict(self._http.call(method, f"/v1{path}", what, repeatable=repeatable, **request))


def _incomplete(answer: Mapping[str, Any]) -> str | None:
    """After 10,000 rows Notion says that there are no more, and only here that this is not so; why."""
    status = answer.get("request_status")
    if isinstance(status, dict) and status.get("type") == "incomplete":
        return str(status.get("incomplete_reason") or "no reason given")
    return None


def _segment(identifier: str) -> str:
    """An id as one part of a path, whatever it holds."""
    return quote(identifier, safe="")


def _overloaded(
    response: requests.Response,
    _body: Mapping[str, Any],
    what: str,
    _repeatable: bool,  # noqa: FBT001  # a verdict is asked so
) -> PuenteError | None:
    """529 asks for a wait, as 429 does."""
    from shared.vendors.http import retry_after_seconds

    if response.status_code != OVERLOADED:
        return None
    return ThrottledError(f"{what} answered {OVERLOADED}", after_seconds=retry_after_seconds(response))


def _asked(http: Connection) -> str:
    """The integration's name (GET /v1/users/me, developers.notion.com/reference)."""
    return str(http.call("GET", "/v1/users/me", "asking who we are", repeatable=True).get("name") or "")


# For one page: the database and its properties, again when they have changed meanwhile, looking for the page, reading it,
# making or updating it, and once more what a change of the properties has refused.
NOTION = RestClient(
    name="Notion",
    address="notion_base_url",
    key="notion_token",
    ping_by=_asked,
    read_seconds=READ_SECONDS,
    calls=10,
    headers={"Notion-Version": VERSION},
    verdict=_overloaded,
)
