"""Digests of people and addresses for our tables and links: equal input gives an equal digest, and none can be read back."""

import hashlib

from shared.readers import UnreadableError, email, phone

DIGEST_LENGTH = 32


def digest_of_address(address: str) -> str:
    """The digest of an address: of the line for a phone number in any spelling, of the key for an e-mail address.

    Numbers are those with a plus; a ManyChat id of digits is none.
    """
    return _digest("address", _plain(address))


def digests_of_address(address: str) -> list[str]:
    """Every digest under which an address may be filed, today's first.

    A stored digest cannot be turned into another spelling, so whoever looks for an address asks for all that it had: a number
    with and without the 1 of Mexico's mobiles, and an e-mail address as earlier releases wrote it.
    """
    plain, written = _plain(address), _written(address)
    spellings = [plain, *phone.spellings(plain), *_dialled(written), written]
    return list(dict.fromkeys(_digest("address", spelling) for spelling in spellings))


def digest_of_person(person: str) -> str:
    """The digest of a person's key."""
    return _digest("person", person)


def _plain(address: str) -> str:
    written = _written(address)
    if "@" in written:
        return email.key(written)
    try:
        return phone.read(written).line if written.startswith("+") else written
    except UnreadableError:
        return written


def _dialled(written: str) -> tuple[str, ...]:
    found = phone.e164_or_none(written) if written.startswith("+") else None
    return phone.spellings(found) if found else ()


def _written(address: str) -> str:
    return address.strip().casefold().removeprefix("whatsapp:")


def _digest(kind: str, text: str) -> str:
    return hashlib.sha256(f"{kind}:{text}".encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]
