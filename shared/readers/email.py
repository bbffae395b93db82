"""E-mail addresses: who an address is, what a carrier is given, and what is shown to a person when it cannot be read."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from shared.readers import UnreadableError
from shared.readers.email_words import BIG, REAL, STAND_INS, WRONG_ENDS
from shared.readers.regex import regex
from shared.readers.signs import one_line, straight_quotes, visible

GMAIL = ("gmail.com", "googlemail.com")
LONGEST, LONGEST_LOCAL, LONGEST_LABEL = 254, 64, 63  # octets, RFC 5321

_LOCAL = regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]+")
_LABEL = regex(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_NAMED = regex(r".*<\s*([^<>]+?)\s*>\s*[.,;]?")
_SPLIT = regex(r"[;,/|\s]+")
_CONTROL = regex(r"[\r\n\v\f\u2028\u2029\x85\x00]")
_SPOKEN_AT = regex(r"\s*[\[({]\s*(?:at|arroba|@)\s*[\])}]\s*|\s+(?:at|arroba)\s+", re.IGNORECASE)
_SPOKEN_DOT = regex(r"\s*[\[({]\s*(?:dot|punto|ponto)\s*[\])}]\s*|\s+(?:dot|punto|ponto)\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Email:
    """A readable address. `propose` is a likelier one for the sender to confirm; we never change an address by ourselves."""

    key: str
    """Who it is: lower case, the domain as A-label (IDNA 2008, UTS 46). Plus and dots are not folded: two addresses are two
    people.
    """
    deliver: str
    """What a carrier is given: the local part as written, the domain as A-label."""
    propose: str | None = None


def read(value: Any) -> Email:
    """The one address in a field, also inside a `mailto:` link or behind a name; the same address twice is one.

    Raises:
        UnreadableError: with the reason; `found` holds two addresses, `propose` what was probably meant.
    """
    if not isinstance(value, str):
        raise UnreadableError("not an address")
    if len(value) > 2 * LONGEST:
        raise UnreadableError("too long")
    stripped = value.strip().strip("\ufeff")
    if _CONTROL.search(visible(stripped).strip()) or "\x00" in stripped:
        raise UnreadableError("line end inside")
    text = _unwrapped(one_line(stripped))
    if several := _several(text):
        return several
    return _one(text)


def key_or_none(value: Any) -> str | None:
    """The key of an address, or None for what is none. For look-ups: what cannot be read finds nobody."""
    try:
        return read(value).key
    except UnreadableError:
        return None


def mailbox(key: str) -> str:
    """The mailbox that an address leads to, as far as its spelling tells: without what follows a plus; Gmail's without dots.

    For limits alone, where several addresses of one person must count as one; who somebody is stays the whole key.
    """
    local, _, domain = key.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in GMAIL:
        local, domain = local.replace(".", "") or local, GMAIL[0]
    return f"{local}@{domain}"


def key(text: str) -> str:
    """The key by which an address is known; a text that is no address is known by itself, in lower case."""
    return key_or_none(text) or text.strip().casefold()


def _unwrapped(text: str) -> str:
    if text.lower().startswith("mailto:"):
        text = unquote(text[len("mailto:") :].partition("?")[0])
    if text.count("<") == 1 and (named := _NAMED.fullmatch(text)):
        text = named[1]
        text = text.removeprefix("mailto:")
    text = text.rstrip(" .,;:)>!").lstrip(" <")
    return text[1:] if text.startswith("(") and ")" not in text else text


def _several(text: str) -> Email | None:
    """The one address that a text with several words says more than once; None where it holds one word only."""
    if text.count("@") < 2:  # noqa: PLR2004
        return None
    words = [_unwrapped(word) for word in _SPLIT.split(text) if "@" in word]
    found = [address for word in words if (address := _valid(word))]
    keys = list(dict.fromkeys(address.key for address in found))
    if len(keys) > 1:
        raise UnreadableError("two addresses", found=[address.deliver for address in found], ask=True)
    return found[0] if len(found) > 1 else None


def _valid(text: str) -> Email | None:
    try:
        return _one(text)
    except UnreadableError:
        return None


def _one(text: str) -> Email:
    if "@" not in text or _SPOKEN_AT.search(text):
        raise _not_written(text)
    if text.startswith('"'):
        raise UnreadableError("quoted local part")
    if " " in text:
        joined = re.sub(r"\s*@\s*", "@", text)
        raise UnreadableError("blank inside", propose=joined if " " not in joined and _valid(joined) else None)
    local, _, domain = text.rpartition("@")
    if text.count("@") > 1:
        raise UnreadableError("two @")
    _check_local(local, domain)
    if not domain:
        raise UnreadableError("no domain")
    label = _domain(local, domain)
    if len(local) + 1 + len(label) > LONGEST:
        raise UnreadableError("too long")
    if any(label == stand_in or label.endswith(f".{stand_in}") for stand_in in STAND_INS):
        raise UnreadableError("not a mailbox")
    meant = _meant(label)
    return Email(f"{local.lower()}@{label}", f"{local}@{label}", f"{local}@{meant}" if meant else None)


def _not_written(text: str) -> UnreadableError:
    """Why a text without an `@` is no address, with the address that it says in words."""
    spoken = _SPOKEN_DOT.sub(".", _SPOKEN_AT.sub("@", f" {text} ")).strip()
    if spoken != text and _valid(spoken.replace(" ", "")) and "@" in spoken and _SPOKEN_AT.search(spoken) is None:
        return UnreadableError("not an address", propose=spoken.replace(" ", ""))
    decoded = unquote(text)
    return UnreadableError("no @", propose=decoded if decoded != text and "@" in decoded and _valid(decoded) else None)


def _check_local(local: str, domain: str) -> None:
    if not local:
        raise UnreadableError("no local part")
    if "(" in local or ")" in local:
        raise UnreadableError("comment")
    if not local.isascii():
        straight = straight_quotes(local)
        meant = f"{straight}@{domain}" if straight.isascii() else None
        raise UnreadableError("local part beyond ASCII", propose=meant if meant and _valid(meant) else None)
    if len(local) > LONGEST_LOCAL:
        raise UnreadableError("local part too long")
    if local.startswith(".") or local.endswith("."):
        raise UnreadableError("dot at the edge")
    if ".." in local:
        raise UnreadableError("two dots")
    if not _LOCAL.fullmatch(local):
        raise UnreadableError("a sign that no address holds")


def _domain(local: str, domain: str) -> str:
    """The domain as A-label. Raises UnreadableError."""
    text = domain.lower() if domain.isascii() else _a_label(domain)
    if "," in text:
        raise UnreadableError("bad domain", propose=_proposal(local, text.replace(",", ".")))
    labels = text.split(".")
    if len(text) > LONGEST - 2:
        raise UnreadableError("too long")
    if any(len(label) > LONGEST_LABEL or not _LABEL.fullmatch(label) for label in labels):
        raise UnreadableError("bad domain")
    if len(labels) == 1:
        raise UnreadableError("bad domain", propose=_proposal(local, f"{text}.com") if f"{text}.com" in BIG else None)
    end = labels[-1]
    if end in WRONG_ENDS:
        raise UnreadableError("no such domain", propose=_proposal(local, ".".join([*labels[:-1], WRONG_ENDS[end]])))
    if not (end.isalpha() or end.startswith("xn--")) or len(end) < 2:  # noqa: PLR2004
        raise UnreadableError("bad domain")
    return text


def _a_label(domain: str) -> str:
    import idna  # loaded on first use: few addresses need it

    try:
        return idna.encode(domain, uts46=True, transitional=False).decode().lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise UnreadableError("bad domain") from error


def _proposal(local: str, domain: str) -> str | None:
    return f"{local}@{domain}" if _valid(f"{local}@{domain}") else None


def _meant(domain: str) -> str | None:
    """The big provider of which this domain is one slip away, where it is no provider itself."""
    if domain in REAL:
        return None
    close = [name for name in sorted(BIG) if is_one_slip(domain, name)]
    return close[0] if close else None


def is_one_slip(one: str, other: str) -> bool:
    """Whether one text becomes the other by one letter left out, put in, replaced or swapped with its neighbour."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    return other in _slips_of_length(one, other)


def _slips_of_length(one: str, other: str) -> Iterable[str]:
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    yield one[:start] + one[start + 1 :]
    yield one[:start] + other[start : start + 1] + one[start:]
    yield one[:start] + other[start : start + 1] + one[start + 1 :]
    yield one[:start] + one[start + 1 : start + 2] + one[start : start + 1] + one[start + 2 :]
