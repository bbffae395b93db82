"""A Notion that a test holds in its hand: the sandbox's workspace behind our own client, without a network."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import requests

from functions.christmas import notion_facts, notion_pages
from sandbox.notion import Notion as Workspace
from sandbox.notion import seed
from sandbox.notion.seed import Column, Database
from sandbox.notion.values import seeded
from shared import clock
from shared.store.session import get_engine
from shared.vendors.notion import Notion
from tests.support.sandbox import SandboxAdapter, refused

SETTINGS = {
    "NOTION_BASE_URL": "https://notion.invalid",
    "NOTION_TOKEN": seed.TOKEN,
    "NOTION_CONTACTS_DB_ID": seed.CONTACTS,
    "NOTION_EMAIL_SEQUENCE_DB_ID": seed.TRACKER,
}
_TYPES = {
    "email": "email",
    "Email": "email",
    "first_name": "title",
    "First Name": "title",
    "Unsubscribed": "checkbox",
    "Assessment Score": "number",
    "Sequence Completed": "date",
    "Last Email Sent": "number",
    "Payment Amount": "number",
    "Objections": "multi_select",
    "Calendly Event URI": "url",
}
_NAMES = {"contacts": "contacts", "sequences": "tracker"}


def columns(names: Mapping[str, str]) -> dict[str, Column]:
    """A database as the replaced system's users have it, with a property for each fact."""
    return {name: Column(_type(name)) for name in names.values()}


def _type(name: str) -> str:
    if name in _TYPES:
        return _TYPES[name]
    if name.endswith((" Systems",)):
        return "number"
    if name.endswith((" Sent", " At", " Date", " Time", " Created")) or name == "Assessment Completed":
        return "date"
    is_choice = name.endswith((" Status", " Type", " By", "Segment", "Campaign"))
    return "select" if is_choice else "rich_text"


class NotionInHand(SandboxAdapter):
    """The workspace on the clock of the test.

    `databases` are the properties of each, to be changed as people do. `calls` are the requests with their time; `during` is
    called with each. `before` are failures of the next requests, which take no effect, and `after` are those of the next that
    write, whose answer is lost after they took effect; None lets one pass. A failure is raised, or answered by its status.
    """

    def __init__(self) -> None:
        self.databases = {"contacts": columns(notion_facts.CONTACT), "sequences": columns(notion_facts.SEQUENCE)}
        workspace = Workspace(
            (
                Database(seed.CONTACTS, seed.CONTACTS_SOURCE, "Contactos", self.databases["contacts"]),
                Database(seed.TRACKER, seed.TRACKER_SOURCE, "Secuencias", self.databases["sequences"]),
            )
        )
        super().__init__(workspace)
        workspace.now = clock.now  # type: ignore[method-assign]
        workspace.act("limit", {"per_second": 0})
        self.workspace = workspace
        self.times: list[tuple[str, datetime]] = []
        self.before: list[Exception | int | None] = []
        self.after: list[Exception | None] = []
        self.during: Callable[[str], None] = lambda _what: None

    def send(self, request: requests.PreparedRequest, **more: object) -> requests.Response:
        """One exchange."""
        assert not get_engine().pool.checkedout(), "Notion is called while a transaction is open (law 4)"
        what = f"{request.method} {request.path_url.removeprefix('/v1').partition('?')[0]}"
        self.times.append((what, clock.now()))
        self.during(what)
        trouble = self.before.pop(0) if self.before else None
        if isinstance(trouble, Exception):
            raise trouble
        if trouble is not None:
            return refused(request, trouble)
        response = super().send(request, **more)
        lost = self.after.pop(0) if self.after and (what == "POST /pages" or what.startswith("PATCH")) else None
        if lost is not None:
            raise lost
        return response

    def created(self) -> int:
        """How many pages have been asked for."""
        return [what for what, _at in self.times].count("POST /pages")

    def rows(self, database: str) -> list[dict[str, Any]]:
        """What the pages of a database say, oldest first, those in the trash and what is empty left out."""
        found, _count = self.workspace.records(_NAMES[database], {}, None)
        return [{name: value for name, value in row.items() if name != "id" and value not in (None, "")} for row in found]

    def page_ids(self) -> list[str]:
        """The pages that are not in the trash, oldest first."""
        return [row["id"] for row in self.workspace.shelf.rows("pages") if not row["archived"]]

    def add(self, database: str, page: Mapping[str, Any]) -> None:
        """A page that a person makes."""
        found = next(one for one in self.workspace.api.databases if one.columns is self.databases[database])
        self.workspace.api.create(found, {}, [])["properties"] = seeded(found.columns, page)

    def archive(self, page_id: str) -> None:
        """Somebody moves a page to the trash."""
        self.workspace.act("archive", {"id": page_id})

    def remove(self, page_id: str) -> None:
        """Somebody empties the trash."""
        self.workspace.shelf.drop("pages", page_id)

    def client(self) -> Notion:
        """Our own client, connected to it; what is kept of databases is forgotten."""
        notion_pages.forget()
        return Notion(SETTINGS["NOTION_BASE_URL"], seed.TOKEN, self)
