"""Tokens of the stand-ins: assertions are checked as the real systems check them, tokens are kept and run out."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import jwt

from sandbox.jsonapi import bearer
from sandbox.keys import KEY_ID, public_key
from sandbox.shelf import Row, Shelved
from sandbox.vendor import Call

KIND = "tokens"
HOUR = timedelta(hours=1)
SKEW = timedelta(minutes=5)
SECONDS = 3600


class AssertionFaultError(Exception):
    """An assertion that no system would take; the text says why."""


def form_of(call: Call) -> dict[str, str]:
    """The fields of a form, the first value of each."""
    return {name: values[0] for name, values in parse_qs(call.body.decode(errors="replace")).items()}


def claims_of(assertion: str, path: str, now: datetime) -> Mapping[str, Any]:
    """What an assertion claims, signed by the one key that is known, for this path, at this time, for an hour at most.

    Raises:
        AssertionFaultError: a signature of another key, another algorithm or address, or a time that is past or too far away.
    """
    checks = {"verify_exp": False, "verify_aud": False, "verify_iat": False, "require": ["iss", "aud", "exp", "iat"]}
    try:
        if jwt.get_unverified_header(assertion).get("kid") != KEY_ID:
            raise AssertionFaultError("the key's number is unknown")
        claims: Mapping[str, Any] = jwt.decode(assertion, public_key(), algorithms=["RS256"], options=checks)  # type: ignore[arg-type]
    except jwt.PyJWTError as error:
        raise AssertionFaultError(type(error).__name__) from error
    issued, ends = (datetime.fromtimestamp(int(claims[name]), UTC) for name in ("iat", "exp"))
    if urlsplit(str(claims["aud"])).path != path:
        raise AssertionFaultError("it is meant for another address")
    if not (issued - SKEW <= now < ends) or ends - issued > HOUR:
        raise AssertionFaultError("its times are not good")
    return claims


def issue(vendor: Shelved, prefix: str, **facts: Any) -> dict[str, Any]:
    """A new token with what is known of its holder: the members of the answer that gives it out."""
    token = f"{prefix}{uuid4().hex}"
    until = (vendor.now() + timedelta(seconds=SECONDS)).isoformat()
    vendor.shelf.put(KIND, token, {"id": token, "until": until, **facts})
    return {"access_token": token, "token_type": "Bearer", "expires_in": SECONDS}


def holder(vendor: Shelved, call: Call) -> Row | None:
    """What is known of the token that a call presents; None where it is none, or has run out."""
    token = vendor.shelf.get(KIND, bearer(call))
    return token if token and datetime.fromisoformat(token["until"]) > vendor.now() else None


def revoke_all(vendor: Shelved) -> int:
    """Every token is good no more; how many there were."""
    rows = vendor.shelf.rows(KIND)
    for row in rows:
        vendor.shelf.drop(KIND, row["id"])
    return len(rows)
