"""Our number for a lead, made of what they sent, so that the answer to the form needs no database."""

import hashlib
from datetime import date

from shared.readers import name_key
from shared.readers.email import key as address_key

KEY = "lead:"
BITS = 53  # JavaScript, which booking pages are made of, keeps whole numbers up to here exactly


def lead_id(email: str, service: str, day: date) -> int:
    """The number of the lead who asked for `service` on that day: the same form sent twice on one day is one lead.

    That an address asks for the same service twice in a day is one wish is our decision (docs/decisions/0014); spellings that
    read the same are the same. Between 1 and 2**53 - 1. Two of a million leads get the same number with a
    chance of 1 in 18,000; whoever stores a lead checks that the number is not somebody else's.
    """
    address = address_key(email)
    text = "\n".join((address, name_key.key(service) or service.strip(), day.isoformat()))
    made = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8]) >> (64 - BITS)
    return made or 1


def key(lead_id: int) -> str:
    """The name of a lead, by which journeys, messages, events and deliveries know it."""
    return f"{KEY}{lead_id}"


def number(name: str) -> int | None:
    """The lead of that name; None where it names something else."""
    digits = name.removeprefix(KEY)
    return int(digits) if name.startswith(KEY) and digits.isdecimal() else None
