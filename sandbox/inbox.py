"""The inbox page: what people got by mail, WhatsApp, SMS, chat and phone, as they see it; and what they do then.

The page asks `/_sandbox/inbox` for everything and shows each mail's HTML in a frame of its own, in which nothing can run
and nothing is loaded from elsewhere.
"""

from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.items import MOST_ITEMS, Item, Person
from sandbox.page import HEADERS, STATIC

if TYPE_CHECKING:
    from sandbox.app import Sandbox

# What a mail may do in its frame: show text, styles and pictures that it brings along; follow links in a new tab.
MAIL_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def add_inbox(app: web.Application, sandbox: "Sandbox") -> None:
    """Put the page and what it asks for on `app`."""
    inbox = Inbox(sandbox)
    app.router.add_get("/inbox", inbox.page)
    app.router.add_get("/_sandbox/inbox", inbox.overview)
    app.router.add_get("/_sandbox/inbox/{vendor}/{id}", inbox.mail)


class Inbox:
    """The handlers."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self.sandbox = sandbox

    async def page(self, _request: web.Request) -> web.FileResponse:
        """The page itself; a mail's frame is on the same origin."""
        policy = HEADERS["Content-Security-Policy"] + "; frame-src 'self'"
        return web.FileResponse(STATIC / "inbox.html", headers=HEADERS | {"Content-Security-Policy": policy})

    async def overview(self, request: web.Request) -> web.Response:
        """People with their latest messages, oldest first; short when nothing is new."""
        state = self._state()
        if request.query.get("state") == state:
            return web.json_response({"state": state, "unchanged": True})
        lost = [{"id": each.id, "what": each.webhook.what} for each in self.sandbox.webhooks.since(state="failed")]
        news = {"state": state, "people": self._people(), "choices": self._choices(), "undelivered": lost}
        return web.json_response(news)

    async def mail(self, request: web.Request) -> web.Response:
        """The HTML of one mail, for its frame."""
        wanted = (request.match_info["vendor"], request.match_info["id"])
        vendor = self.sandbox.vendors.get(wanted[0])
        found = next((item for item in vendor.inbox() if item.id == wanted[1]), None) if vendor else None
        if found is None:
            return web.Response(status=404, text="There is no such mail.", headers=MAIL_HEADERS)
        # A link that opens inside the frame would be caught there.
        page = '<base target="_blank">' + found.html if found.html else ""
        return web.Response(text=page, content_type="text/html", charset="utf-8", headers=MAIL_HEADERS)

    def _state(self) -> str:
        revisions = "-".join(str(vendor.revision) for vendor in self.sandbox.vendors.values())
        return f"{revisions}/{self.sandbox.webhooks.revision}"

    def _people(self) -> list[dict[str, Any]]:
        items = [item for vendor in self.sandbox.vendors.values() for item in vendor.inbox()]
        latest = sorted(items, key=lambda item: item.at)[-MOST_ITEMS:]
        known = self._known()
        grouped: defaultdict[str, list[Item]] = defaultdict(list)
        for item in latest:
            grouped[known[item.person].addresses[0] if item.person in known else item.person].append(item)
        people = [
            {
                "id": key,
                "addresses": list(dict.fromkeys(item.person for item in found)),
                "name": next((item.name for item in reversed(found) if item.name), known[key].name if key in known else ""),
                "at": found[-1].at,
                "items": [_shown(item) for item in found],
            }
            for key, found in grouped.items()
        ]
        return sorted(people, key=lambda person: str(person["at"]), reverse=True)

    def _known(self) -> dict[str, Person]:
        """By address the person who has it; whoever is named first keeps it."""
        known: dict[str, Person] = {}
        for vendor in self.sandbox.vendors.values():
            for person in vendor.people():
                whose = next((known[address] for address in person.addresses if address in known), person)
                for address in person.addresses:
                    known.setdefault(address, whose)
        return known

    def _choices(self) -> dict[str, list[dict[str, Any]]]:
        """What was chosen to become of calls, messages and mails, by vendor."""
        chosen = {}
        for name, vendor in self.sandbox.vendors.items():
            if "outcome" in vendor.actions or "answer" in vendor.actions:
                chosen[name] = vendor.records("choices", {}, None)[0]
        return chosen


def _shown(item: Item) -> dict[str, Any]:
    """As JSON; of the HTML only that there is some."""
    return {**asdict(item), "html": bool(item.html)}
