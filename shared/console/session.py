"""The cookie of somebody who signed in with an API key, and the token that each of the console's forms carries.

Both are signed with keys made of LINK_SIGNING_SECRETS, so that every instance takes them and none keeps anything. The cookie
holds the key's name and a part of its digest, never the key: a key that was taken away or changed ends its sessions at once.
"""

import base64
import hashlib
import hmac
import json
import secrets as chance
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from pydantic import SecretStr

from shared.console.words import mark
from shared.errors import RefusedError
from shared.settings import ApiKey

SIGN_IN = "/console/sign-in"
COOKIE = "puente_console"
IDLE = timedelta(hours=1)
"""How long a session lives without a request."""
LONGEST = timedelta(hours=12)
"""How long it lives at most: a long working day."""
LONGEST_COOKIE = 1000
_PRINT = 16


@dataclass(frozen=True)
class Session:
    """Which key signed in, when, and when it was last seen. `id` is random: a token of one session is none of another."""

    id: str
    key: str
    print: str
    began: datetime
    seen: datetime

    @classmethod
    def begin(cls, key: ApiKey, now: datetime) -> Self:
        """A new one."""
        return cls(chance.token_urlsafe(12), key.name, key.digest.hex()[:_PRINT], now, now)

    def lives(self, now: datetime) -> bool:
        """Whether it still counts."""
        return now < self.seen + IDLE and now < self.began + LONGEST

    def key_of(self, keys: Iterable[ApiKey]) -> ApiKey | None:
        """Its key, if that is still one of `keys`."""
        of_name = (key for key in keys if key.name == self.key)
        return next((key for key in of_name if hmac.compare_digest(key.digest.hex()[:_PRINT], self.print)), None)

    def seen_at(self, now: datetime) -> "Session":
        """The same, seen now."""
        return Session(self.id, self.key, self.print, self.began, now)


def written(session: Session, signing: Sequence[SecretStr]) -> str:
    """The cookie's value.

    Raises:
        RefusedError: 503, no secret is configured.
    """
    facts = [session.id, session.key, session.print, *(int(at.timestamp()) for at in (session.began, session.seen))]
    text = base64.urlsafe_b64encode(json.dumps(facts).encode()).decode().rstrip("=")
    return f"{text}.{_signature(_first(signing), 'session', text)}"


def read(cookie: str, signing: Sequence[SecretStr], now: datetime) -> Session | None:
    """The session that a cookie names; None where it is not ours, was altered, or is over."""
    text, _, signature = cookie.partition(".")
    if len(cookie) > LONGEST_COOKIE or not cookie.isascii():
        return None
    if not any(hmac.compare_digest(_signature(secret, "session", text).encode(), signature.encode()) for secret in signing):
        return None
    identity, key, part, began, seen = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    session = Session(identity, key, part, datetime.fromtimestamp(began, UTC), datetime.fromtimestamp(seen, UTC))
    return session if session.lives(now) else None


def form_token(whose: str, signing: Sequence[SecretStr]) -> str:
    """What a form of `whose` session carries, so that no other site can post it (they cannot read our pages).

    Raises:
        RefusedError: 503, no secret is configured.
    """
    return _signature(_first(signing), "form", whose)


def is_form_token(token: str, whose: str, signing: Sequence[SecretStr]) -> bool:
    """Whether we gave that token to that session."""
    given = token.encode(errors="replace")
    return any(hmac.compare_digest(_signature(secret, "form", whose).encode(), given) for secret in signing)


def _first(signing: Sequence[SecretStr]) -> SecretStr:
    if not signing:
        raise RefusedError(503, "not-configured", mark("The console needs LINK_SIGNING_SECRETS to sign people in."))
    return signing[0]


def _signature(secret: SecretStr, purpose: str, text: str) -> str:
    key = hmac.digest(secret.get_secret_value().encode(), f"console-{purpose}".encode(), "sha256")
    return base64.urlsafe_b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode().rstrip("=")
