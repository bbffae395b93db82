"""What the senders of e-mail have in common: mails as their recipients get them, what becomes of each, by choice."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from email.utils import parseaddr
from typing import Any

from sandbox.items import MOST_ITEMS, Deed, Item, Step, links_in
from sandbox.shelf import Row, Shelved, one_of
from sandbox.vendor import Card, Column, Reply, UnknownActionError, Webhook

EVERYBODY = "*"
CARDS = 12
ONE_CLICK = "one-click:"
FORM = "application/x-www-form-urlencoded"

# What can become of a mail, and the words in which that is told.
OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "delivered": ("sent", "delivered"),
    "deferred": ("sent", "deferred"),
    "hard_bounce": ("sent", "hard_bounce"),
    "soft_bounce": ("sent", "soft_bounce"),
    "spam": ("sent", "delivered", "spam"),
    "silent": (),
}
_DEEDS = (
    Deed(label="Open", action="open"),
    Deed(label="Call it spam", action="complain"),
    Deed(label="Bounce", action="bounce"),
    Deed(label="Bounce softly", action="bounce", given={"soft": True}),
)
_WAY_OUT = Deed(label="Unsubscribe (one click)", action="unsubscribe")
_TROUBLE = frozenset({"deferred", "hard_bounce", "soft_bounce", "blocked", "spam"})


class MailSender(Shelved):
    """Keeps mails (`emails`), what is chosen for an address or for everybody (`choices`), and the `blocked` addresses.

    Nothing goes to an address after a hard bounce or a complaint, as with the real ones.
    Those that tell the app what became of a mail name their own words in `words`; our word to theirs.
    """

    kinds: Sequence[str] = ("emails", "choices", "blocked")
    board_title = "Mails"
    words: Mapping[str, str] = {}
    outcomes: Sequence[str] = tuple(OUTCOMES)
    actions: Mapping[str, str] = {
        "outcome": "What becomes of mails from now on: `outcome`, for one address (`to`) or all, `once` or until changed.",
        "open": "The recipient opens the mail `id`.",
        "click": "The recipient follows the `link` (the first, if none is given) in the mail `id`.",
        "bounce": "The mail `id` bounces, `soft` or hard.",
        "complain": "The recipient calls the mail `id` spam.",
        "unsubscribe": "The recipient uses the mail program's button for the way out (RFC 8058) of the mail `id`.",
        "unblock": "Mails to the address `to` are sent again.",
    }

    @abstractmethod
    def event(self, mail: Row, word: str, detail: Mapping[str, str]) -> Webhook | None:
        """The webhook that tells `word` of the mail; None where nobody is told."""

    def take(self, mail: Row) -> Row:
        """Keep a mail that was just accepted, and tell what becomes of it."""
        mail = {"status": "accepted", "at": self.moment(), "events": [], **mail}
        self.shelf.put("emails", mail["id"], mail)
        blocked = self.shelf.get("blocked", mail["to"].lower())
        if blocked:
            self.tell(mail, "blocked", reason=self.why_blocked(str(blocked["reason"])))
            return mail
        for word in OUTCOMES[self._chosen(mail["to"])]:
            self.tell(mail, word)
        return mail

    def why_blocked(self, before: str) -> str:
        """Why nothing goes to an address of which the vendor has heard `before`."""
        return f"{before} before"

    def tell(self, mail: Row, word: str, **detail: str) -> None:
        """Note what became of the mail, and tell the app."""
        mail["events"].append({"word": word, "at": self.moment(), **detail})
        mail["status"] = word
        if word in ("hard_bounce", "spam"):
            self.shelf.put("blocked", mail["to"].lower(), {"id": mail["to"].lower(), "reason": word})
        self.shelf.touch()
        webhook = self.event(mail, word, detail)
        if webhook is not None:
            self.send(webhook)

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of the actions; the mail as it is then."""
        if action not in self.actions:
            return super().act(action, given)
        if action == "outcome":
            return self._choose(given)
        if action == "unblock":
            return self.shelf.drop("blocked", str(given.get("to", "")).lower()) or {}
        mail = self.row("emails", given)
        deed: dict[str, Callable[[], None]] = {
            "open": lambda: self.tell(mail, "opened"),
            "click": lambda: self.tell(mail, "clicked", link=_link(mail, given)),
            "bounce": lambda: self.tell(mail, "soft_bounce" if given.get("soft") else "hard_bounce"),
            "complain": lambda: self.tell(mail, "spam"),
            "unsubscribe": lambda: self._leave(mail),
        }
        deed[action]()
        return mail

    def on_reply(self, webhook: Webhook, reply: Reply) -> None:
        """What the app said to the button of the mail program."""
        mail = self.shelf.get("emails", webhook.about.removeprefix(ONE_CLICK)) if webhook.about.startswith(ONE_CLICK) else None
        if mail is not None:
            mail["one_click"] = reply.status
            self.shelf.touch()

    def _choose(self, given: Mapping[str, Any]) -> Row:
        to = str(given.get("to") or EVERYBODY).lower()
        outcome = one_of(given, "outcome", self.outcomes)
        return self.shelf.put("choices", to, {"id": to, "outcome": outcome, "once": bool(given.get("once"))})

    def _chosen(self, to: str) -> str:
        choice = self.shelf.get("choices", to.lower()) or self.shelf.get("choices", EVERYBODY)
        if choice is None:
            return "delivered"
        if choice["once"]:
            self.shelf.drop("choices", choice["id"])
        return str(choice["outcome"])

    def _leave(self, mail: Row) -> None:
        """As RFC 8058 has it: a POST without cookies, and nothing but the words `List-Unsubscribe=One-Click`."""
        url = unsubscribe_url(mail)
        if not url:
            raise UnknownActionError("this mail offers no way out with one click")
        about = ONE_CLICK + mail["id"]
        self.send(
            Webhook(what="one-click unsubscribe", url=url, body=b"List-Unsubscribe=One-Click", content_type=FORM, about=about)
        )

    def inbox(self) -> Sequence[Item]:
        """The mails."""
        return [self._item(mail) for mail in self.shelf.latest("emails", MOST_ITEMS)]

    def _item(self, mail: Row) -> Item:
        heard = bool(self.words)  # else nobody would hear of what the recipient does
        way_out = unsubscribe_url(mail)
        return Item(
            vendor=self.name,
            id=mail["id"],
            kind="mail",
            person=mail["to"].lower(),
            name=mail.get("to_name", ""),
            at=mail["at"],
            sender=mail["from"],
            title=mail["subject"],
            text=mail["text"],
            html=mail["html"],
            status=mail["status"],
            trouble=mail["status"] if mail["status"] in _TROUBLE else "",
            unsubscribe=way_out,
            links=links_in(mail["html"] or mail["text"]),
            steps=tuple(Step(word=each["word"], at=each["at"]) for each in mail["events"]),
            facts=_facts(mail),
            deeds=(_DEEDS if heard else ()) + ((_WAY_OUT,) if way_out else ()),
            follows=heard,
        )

    def board(self) -> Sequence[Column]:
        """Mails by how far they are."""
        groups: dict[str, list[Row]] = {"On their way": [], "Delivered": [], "Trouble": []}
        for mail in reversed(self.shelf.rows("emails")):
            trouble = "Trouble" if mail["status"] in _TROUBLE else "Delivered"
            groups["On their way" if mail["status"] in ("accepted", "sent") else trouble].append(mail)
        return [
            Column(id=number, title=title, total=len(mails), cards=tuple(_card(mail) for mail in mails[:CARDS]))
            for number, (title, mails) in enumerate(groups.items(), start=1)
        ]

    def counters(self) -> Mapping[str, int]:
        """Mails and addresses that get none."""
        return {"Mails": len(self.shelf.rows("emails")), "Blocked addresses": len(self.shelf.rows("blocked"))}


def unsubscribe_url(mail: Row) -> str:
    """The address for one click, if the mail offers it (RFC 8058 wants both header fields)."""
    headers = {name.lower(): value for name, value in mail["headers"].items()}
    if headers.get("list-unsubscribe-post", "").replace(" ", "") != "List-Unsubscribe=One-Click":
        return ""
    offered = [part.strip().strip("<>") for part in headers.get("list-unsubscribe", "").split(",")]
    return next((url for url in offered if url.startswith(("http://", "https://"))), "")


def is_address(text: Any) -> bool:
    """Whether it is a mail address, perhaps with a name before it."""
    found = parseaddr(text)[1] if isinstance(text, str) else ""
    name, at, host = found.rpartition("@")
    return bool(at and name and host) and not any(sign.isspace() for sign in found)


def _link(mail: Row, given: Mapping[str, Any]) -> str:
    links = links_in(mail["html"] or mail["text"])
    link = given.get("link") or (links[0] if links else None)
    if link not in links:
        raise ValueError(f"the mail has no link {link!r}; it has {', '.join(links) or 'none'}")
    return str(link)


def _facts(mail: Row) -> dict[str, str]:
    facts = dict(mail["headers"])
    if mail.get("reply_to"):
        facts["Reply-To"] = mail["reply_to"]
    if mail.get("tags"):
        facts["Tags"] = ", ".join(mail["tags"])
    if mail.get("files"):
        facts["Files"] = ", ".join(mail["files"])
    if "one_click" in mail:
        facts["Answer to one click"] = str(mail["one_click"] or "none")
    return facts


def _card(mail: Row) -> Card:
    return Card(id=mail["id"], title=mail["subject"], lines=(mail["to"], mail["at"][11:19]), tag=mail["status"])
