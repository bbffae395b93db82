"""What one outside system has to bring to take part in the sandbox. Those that do are named in the flows' `stand_ins`.

A vendor answers calls without any network: it is given a `Call` and returns an `Answer`. Reading requests, faults, latency,
recording and the page are shared, so that a new vendor is one module (or package) and one line in the list.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.config import Config

if TYPE_CHECKING:
    from sandbox.items import Item, Person


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request as it came in. `path` is relative to the vendor's prefix and starts with a slash."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the vendor says. `outcome` is "ok" or a short name of what went wrong, for the list of calls."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    outcome: str = "ok"


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A request that the vendor makes of the app.

    `url` is the address as the vendor was given it, which some vendors sign; a path means the app's own. It never leaves this
    machine: another host than this one is replaced by the app's address (`sandbox/webhooks.py`).
    `about` is the vendor's own reference to what it is about, for `on_reply`.
    Those of one `line` go one after another, in the order in which they were handed over; others at the same time.
    One that `asks` is there for the app's answer, not to tell something: it is neither held back nor sent twice.
    """

    what: str
    url: str
    body: bytes = b""
    method: str = "POST"
    asks: bool = False
    line: str = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    after_seconds: float = 0.0
    about: str = ""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the app said to a webhook; `status` is None when it could not be reached."""

    status: int | None
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One record on the page's board. `actions` are those of the vendor's that a button on it starts, with the card's `id`."""

    id: int | str
    title: str
    lines: tuple[str, ...] = ()
    tag: str = ""
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the board; `cards` are the latest, `total` counts all."""

    id: int
    title: str
    total: int
    cards: tuple[Card, ...] = ()


class UnknownKindError(LookupError):
    """The vendor keeps no records of the kind asked for; the text names those it keeps."""


class UnknownActionError(LookupError):
    """The vendor cannot be made to do this, or has no record with this id; the text says what there is."""


class Vendor(ABC):
    """An outside system: how it answers, what it remembers, what of it a person sees."""

    name: str
    title: str
    prefixes: Sequence[str]
    """Where it stands under the sandbox's address, such as `/odoo`; the empty prefix is the root."""
    connection: Mapping[str, str]
    """What a person gives a client to reach it: label to value; a value that begins with a slash is an address."""
    board_title: str
    """What its board shows."""
    routes: Sequence[str]
    """aiohttp path patterns below each prefix; all HTTP methods on them reach `answer`."""
    options: AbstractSet[str] = frozenset()
    """What a reset can leave out: names that may be given as false."""
    modes: Mapping[str, str] = {}
    """Faults of its own beyond the shared ones: name to what happens."""
    actions: Mapping[str, str] = {}
    """What a person or a test can make it do: name to what happens."""
    links: Mapping[str, str] = {}
    """Pages of its own that a person may want to open: label to address."""
    default_secret: str = ""
    """What it signs its webhooks with, unless the configuration says something else."""
    config: Config = Config()
    """Where the app is, and the secrets; the sandbox puts its own here."""
    courier: Callable[[Webhook], object] | None = None
    """Takes the webhooks; the sandbox puts its own here, and a test whatever it likes."""

    @property
    @abstractmethod
    def revision(self) -> int:
        """Grows with every change of its records, so that the page and the snapshot see whether anything is new."""

    @abstractmethod
    def answer(self, call: Call) -> Answer:
        """Do what the call asks and answer as the vendor would; never raises for bad input."""

    @abstractmethod
    def what(self, call: Call) -> str:
        """The call in a few readable words, such as `crm.lead.load (100 rows)`."""

    def shown_path(self, call: Call) -> str:
        """The path as people may see it. A vendor that has secrets there hides them here."""
        return call.path

    def fail(self, mode: str, call: Call) -> Answer:
        """The answer to `call` under a fault of its own; one of `modes`."""
        raise NotImplementedError(f"{self.name} has no fault {mode} for {call.path}")

    @property
    def secret(self) -> str:
        """What it signs its webhooks with."""
        return self.config.secrets.get(self.name, self.default_secret)

    def send(self, webhook: Webhook) -> None:
        """Have a webhook delivered; without a courier nothing is."""
        if self.courier:
            self.courier(webhook)

    def signature(self, webhook: Webhook) -> Mapping[str, str]:
        """The headers that prove where the webhook comes from; asked for at each try, since some contain the time."""
        del webhook
        return {}

    def on_reply(self, webhook: Webhook, reply: Reply) -> None:
        """Go on after the app's reply to a webhook; most vendors have nothing to do then."""
        del webhook, reply

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """Do one of `actions`, and say as JSON what came of it. Raises UnknownActionError, ValueError."""
        del given
        raise UnknownActionError(f"{self.title} has no action {action}; it has {', '.join(self.actions) or 'none'}")

    def mask(self, body: Any) -> Any:
        """`body` (parsed JSON) with its secrets hidden. A vendor that takes secrets at places of its own hides them here."""
        return body

    @abstractmethod
    def reset(self, options: Mapping[str, bool]) -> None:
        """Forget everything and start as new; `options` are among its own."""

    @abstractmethod
    def records(self, kind: str, filters: Mapping[str, str], limit: int | None) -> tuple[list[dict[str, Any]], int]:
        """Records of `kind` that match all `filters`, and their count before `limit`. Raises UnknownKindError, ValueError."""

    @abstractmethod
    def board(self) -> Sequence[Column]:
        """Its records as a person would want to watch them."""

    def people(self) -> "Iterable[Person]":
        """Whom it knows by more than one address: by these the inbox page brings a person's mails and calls together."""
        return ()

    def inbox(self) -> "Sequence[Item]":
        """What of it people find in their inboxes, in any order."""
        return ()

    def counters(self) -> Mapping[str, int]:
        """A few numbers for the page: label to count."""
        return {}

    @abstractmethod
    def dump(self) -> Any:
        """All its records as JSON, for the snapshot."""

    @abstractmethod
    def restore(self, saved: Any) -> None:
        """Continue with what `dump` gave."""
