"""Digests of people and addresses for our tables and links: equal input gives an equal digest, and none can be read back.

A digest is a keyed hash (HMAC-SHA256 with DIGEST_SECRETS) of the digest without a key that earlier releases stored, so that a
stored one is made into a keyed one without knowing whose it is (`shared.messages.rekey`). Without a key a phone number is found
by trying all numbers, which takes seconds. A keyed digest begins with `k`. Where no secret is set, digests have no key.
"""

import hashlib
import hmac
import os
from functools import lru_cache

from shared.readers import UnreadableError, email, phone

DIGEST_LENGTH = 32
MARK = "k"
"""How a keyed digest begins: behind every digit of a digest without a key, in the order of texts."""
PATTERN = "[0-9a-fk][0-9a-f]{31}"
SECRETS = "DIGEST_SECRETS"


def digest_of_address(address: str) -> str:
    """The digest of an address: of the line for a phone number in any spelling, of the key for an e-mail address.

    Numbers are those with a plus; a ManyChat id of digits is none.
    """
    return _digest("address", _plain(address))


def digests_of_address(address: str) -> list[str]:
    """Every digest under which an address may be filed, today's first.

    A stored digest cannot be turned into another spelling, so whoever looks for an address asks for all that it had: a number
    with and without the 1 of Mexico's mobiles, and an e-mail address as earlier releases wrote it; each under every secret,
    and as it was stored before there was one.
    """
    plain, written = _plain(address), _written(address)
    spellings = [plain, *phone.spellings(plain), *_dialled(written), written]
    return list(dict.fromkeys(form for each in dict.fromkeys(spellings) for form in _forms(_unkeyed("address", each))))


def digest_of_person(person: str) -> str:
    """The digest of a person's key."""
    return _digest("person", person)


def digests_of_person(person: str) -> list[str]:
    """Every digest under which a person may be filed, today's first."""
    return list(_forms(_unkeyed("person", person)))


def stored(digest: str) -> str:
    """A digest as it is stored today: one without a key (of an old link, event or row) is keyed, a keyed one stays."""
    return digest if digest.startswith(MARK) else _forms(digest)[0]


def is_keyed() -> bool:
    """Whether there is a secret, so that what is stored has a key."""
    return bool(_secrets(os.environ.get(SECRETS, "")))


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
    return _forms(_unkeyed(kind, text))[0]


def _unkeyed(kind: str, text: str) -> str:
    return hashlib.sha256(f"{kind}:{text}".encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]


def _forms(unkeyed: str) -> tuple[str, ...]:
    """A digest under each secret, and without one."""
    text, secrets = unkeyed.encode(), _secrets(os.environ.get(SECRETS, ""))
    keyed = (hmac.digest(secret, text, "sha256").hex() for secret in secrets)  # at once: several for each person of a broadcast
    return (*(MARK + digest[: DIGEST_LENGTH - 1] for digest in keyed), unkeyed)


@lru_cache(maxsize=4)
def _secrets(setting: str) -> tuple[bytes, ...]:
    """The secrets of the setting, read without the other settings: digests are made where those are not complete."""
    return tuple(part.strip().encode() for part in setting.split(",") if part.strip())
