"""What a person finds in their inbox: mails, chat messages, calls. Vendors make them of their records for the inbox page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

type Kind = Literal["mail", "whatsapp", "sms", "chat", "call"]
_LINK = re.compile(r"""href\s*=\s*["'](https?://[^"']+)["']|(https?://[^\s<>"')]+)""", re.IGNORECASE)
MOST_LINKS = 12
MOST_ITEMS = 1000
"""So many of the latest does a vendor show; whoever tests more asks for its records."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person with the mail addresses and numbers (E.164) under which a vendor knows them."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Step:
    """What became of a message, and when (ISO 8601, UTC)."""

    word: str
    at: str


@dataclass(frozen=True, kw_only=True)
class Deed:
    """What the person can do with it: one of the vendor's actions, with what it is to be given beside the `id`.

    An `answer` is what the message itself offers; those with a `menu` stand in a list that opens by these words.
    """

    label: str
    action: str
    given: Mapping[str, Any] = field(default_factory=dict)
    answer: bool = False
    menu: str = ""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One message or call, as the person has it who got it (or, if `incoming`, who wrote it to us).

    `follows` says that the vendor hears of it when the person follows a link.
    """

    vendor: str
    id: str
    kind: Kind
    person: str
    at: str
    sender: str = ""
    name: str = ""
    incoming: bool = False
    title: str = ""
    text: str = ""
    html: str = ""
    status: str = ""
    trouble: str = ""
    unsubscribe: str = ""
    links: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    deeds: tuple[Deed, ...] = ()
    follows: bool = False


def links_in(text: str) -> tuple[str, ...]:
    """The addresses that a text or its HTML links to, each once."""
    found = (quoted or bare.rstrip(".,;") for quoted, bare in _LINK.findall(text))
    return tuple(dict.fromkeys(link.replace("&amp;", "&") for link in found))[:MOST_LINKS]
