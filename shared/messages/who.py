"""Digests that stand for people and addresses in our tables and links: the same for the same one, readable by nobody."""

import hashlib

WHO_LENGTH = 32


def who_of_address(address: str) -> str:
    """The digest of an address; case and surrounding spaces do not matter, nor Twilio's `whatsapp:` before a number."""
    return _digest("address", address.strip().casefold().removeprefix("whatsapp:"))


def who_of_person(person: str) -> str:
    """The digest of a person's key."""
    return _digest("person", person)


def _digest(kind: str, text: str) -> str:
    return hashlib.sha256(f"{kind}:{text}".encode("utf-8", "surrogatepass")).hexdigest()[:WHO_LENGTH]
