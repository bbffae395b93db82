"""How a system gives out tokens (OAuth 2.0): by a client's secret, by a client's private key, or to a service account.

Each is said once, in the declaration of a client (`RestClient(credentials=...)`); what is named there are settings.
`shared.vendors.tokens` fetches the tokens, keeps and renews them.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, cast
from uuid import uuid4

from shared import clock

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE = timedelta(minutes=5)
ALGORITHM = "RS256"


class KeyFaultError(ValueError):
    """A private key that cannot be read; the text names the setting, never the key."""


@dataclass(frozen=True, kw_only=True)
class TokenSource(ABC):
    """Where a token is asked for, and with what.

    `path` is where; settings in braces are replaced by their values, such as `/{entra_tenant}/oauth2/v2.0/token`. `address`
    names the setting with the address in front of it: that of the system itself, where none is named.
    """

    hints: ClassVar[Mapping[str, str]] = {}
    """What an operator can do about a refusal, by the code of it."""

    path: str
    address: str = ""

    @property
    @abstractmethod
    def proofs(self) -> tuple[str, ...]:
        """The settings by which we prove who we are."""

    @property
    def settings(self) -> tuple[str, ...]:
        """All settings that are needed for a token."""
        named = [part.partition("}")[0] for part in self.path.split("{")[1:]]
        return (*self.proofs, *named, *([self.address] if self.address else []))

    @property
    def optional(self) -> frozenset[str]:
        """Those among them that may be left empty."""
        return frozenset()

    def where(self, values: Mapping[str, str]) -> str:
        """The path, with the values of settings in it."""
        return self.path.format_map(values)

    @abstractmethod
    def form(self, values: Mapping[str, str], url: str, subject: str) -> dict[str, str]:
        """The form with which a token is asked for at `url`, for the person `subject` where the source knows such.

        Raises:
            KeyFaultError: the private key in the settings is none.
        """


@dataclass(frozen=True, kw_only=True)
class ClientCredentials(TokenSource):
    """A client's id and secret (RFC 6749 section 4.4); `scope` is what is asked for, where the system wants to be told."""

    client_id: str
    client_secret: str
    scope: str = ""

    @property
    def proofs(self) -> tuple[str, ...]:
        """The id and the secret."""
        return self.client_id, self.client_secret

    def form(self, values: Mapping[str, str], url: str, subject: str) -> dict[str, str]:
        """Both in plain, as RFC 6749 section 2.3.1 has it."""
        del url, subject
        form = {
            "grant_type": "client_credentials",
            "client_id": values[self.client_id],
            "client_secret": values[self.client_secret],
        }
        return form | ({"scope": self.scope} if self.scope else {})


@dataclass(frozen=True, kw_only=True)
class PrivateKeyAssertion(TokenSource):
    """A client's id and an assertion that it signs with its private key (RFC 7523 section 2.2), as Okta wants it.

    The key is a PEM or a JWK; the number of the key (`kid`) is the JWK's own, else that of the setting `key_id`.
    """

    hints: ClassVar[Mapping[str, str]] = {
        "use_dpop_nonce": "the app demands DPoP, which is to be switched off for it",
        "invalid_dpop_proof": "the app demands DPoP, which is to be switched off for it",
        "invalid_scope": "the scope is not granted to the app",
        "invalid_client": "the app does not know the public half of the key",
    }

    client_id: str
    private_key: str
    key_id: str
    scope: str

    @property
    def proofs(self) -> tuple[str, ...]:
        """The id and the key."""
        return self.client_id, self.private_key

    @property
    def settings(self) -> tuple[str, ...]:
        """The number of the key besides."""
        return (*super().settings, self.key_id)

    @property
    def optional(self) -> frozenset[str]:
        """The number of the key: a JWK has its own."""
        return frozenset({self.key_id})

    def form(self, values: Mapping[str, str], url: str, subject: str) -> dict[str, str]:
        """A new assertion each time, good for some minutes."""
        del subject
        now, client_id = clock.now(), values[self.client_id]
        claims = {"iss": client_id, "sub": client_id, "aud": url, "iat": now, "exp": now + ASSERTION_LIFE, "jti": uuid4().hex}
        return {
            "grant_type": "client_credentials",
            "scope": self.scope,
            "client_assertion_type": CLIENT_ASSERTION,
            "client_assertion": _signed(claims, values[self.private_key], values[self.key_id], self.private_key),
        }


@dataclass(frozen=True, kw_only=True)
class ServiceAccount(TokenSource):
    """A service account of Google, which acts for people (RFC 7523 section 2.1, with domain-wide delegation).

    `account` names the setting with the account's key file (JSON). The person acted for is that of the call, else the one in
    the setting `subject`, else nobody: the account itself.
    """

    hints: ClassVar[Mapping[str, str]] = {
        "unauthorized_client": "domain-wide delegation is missing for this account, or one of the scopes in it",
        "invalid_grant": "the clock, the key, or the person acted for is not good",
    }

    account: str
    scopes: tuple[str, ...]
    subject: str = ""

    @property
    def proofs(self) -> tuple[str, ...]:
        """The key file, and the person acted for where one is named."""
        return (self.account, self.subject) if self.subject else (self.account,)

    def form(self, values: Mapping[str, str], url: str, subject: str) -> dict[str, str]:
        """A new assertion each time, good for some minutes."""
        account, now = self._account(values[self.account]), clock.now()
        claims = {
            "iss": account["client_email"],
            "scope": " ".join(self.scopes),
            "aud": url,
            "iat": now,
            "exp": now + ASSERTION_LIFE,
        }
        if person := subject or (values[self.subject] if self.subject else ""):
            claims["sub"] = person
        signed = _signed(claims, account["private_key"], account.get("private_key_id", ""), self.account)
        return {"grant_type": JWT_BEARER, "assertion": signed}

    def _account(self, text: str) -> Mapping[str, str]:
        try:
            account = json.loads(text)
        except (ValueError, RecursionError):
            account = None
        needed = ("client_email", "private_key")
        if not isinstance(account, dict) or not all(isinstance(account.get(name), str) for name in needed):
            raise KeyFaultError(f"{self.account.upper()} is not the key file of a service account") from None
        return account


def _signed(claims: Mapping[str, Any], key: str, key_id: str, setting: str) -> str:
    """A signed assertion. Raises KeyFaultError."""
    import jwt  # loaded at the first call only; with it comes a library of cryptography

    try:
        if key.lstrip().startswith("{"):
            jwk = jwt.PyJWK.from_json(key)
            return jwt.encode(dict(claims), jwk.key, ALGORITHM, {"kid": jwk.key_id or key_id})
        pem = key.replace("\\n", "\n")  # a PEM on one line, as an app setting has it
        return jwt.encode(dict(claims), _read(pem), ALGORITHM, {"kid": key_id} if key_id else None)
    except (jwt.PyJWTError, ValueError, TypeError):
        raise KeyFaultError(f"{setting.upper()} is no private RSA key that can be read") from None


@lru_cache(maxsize=8)
def _read(pem: str) -> RSAPrivateKey:
    """Kept, as reading a key proves its primes, which takes longer than all else that a token needs here."""
    from jwt.algorithms import RSAAlgorithm

    return cast("RSAPrivateKey", RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(pem))
