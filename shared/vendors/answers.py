"""What most vendors' answers have in common: JSON in a good one, and what a bad one means when the vendor says nothing better.

    status                  | safe to repeat  | not safe to repeat
    ------------------------|-----------------|------------------------------
    2xx that is no JSON     | RetryableError  | UncertainError
    401, 402                | UnavailableError, `account`: not let in, or not paid; a matter of all calls, not of this one
    403, 404                | PermanentError `<vendor>-forbidden`, `-not-found`
    408, 409, 423, 425      | RetryableError
    3xx, other 4xx          | PermanentError `<vendor>-<the vendor's own code>`, or `-refused`
    5xx                     | RetryableError  | UncertainError

429, 502, 503 and 504 never come here: `http.py` has judged them. Redirects are not followed: nothing was done at the address
that answers with one, so it is no success.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared.errors import PermanentError, PuenteError, RetryableError, UnavailableError, UncertainError

if TYPE_CHECKING:
    import requests

LONGEST_MESSAGE = 200

_ACCOUNT = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED})
_REASONS = {
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not-found",
}
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.LOCKED, HTTPStatus.TOO_EARLY})
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,38}")
_PERSONAL = re.compile(r"""\S+@\S+|\+?\d[\d .()-]{5,}\d|"[^"]*"|`[^`]*`|'[^']*'""")


def is_good(response: requests.Response) -> bool:
    """Whether the call has succeeded: 200 to 299 and nothing else."""
    return HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES


def mapping(response: requests.Response, what: str, *, repeatable: bool) -> Mapping[str, Any]:
    """The JSON object in a good answer, `{}` for one without content.

    Raises:
        RetryableError, UncertainError: it holds something else, such as a proxy's page.
    """
    if not response.content:
        return {}
    value = parsed(response)
    if not isinstance(value, dict):
        raise unknown(f"{what} answered {response.status_code} with something else than a JSON object", repeatable=repeatable)
    return value


def parsed(response: requests.Response) -> Any:
    """The JSON in any answer; None where there is none."""
    try:
        return response.json()
    except ValueError:
        return None


def failure(
    response: requests.Response,
    vendor: str,
    what: str,
    *,
    repeatable: bool,
    code: object = None,
    message: object = None,
    account: bool = False,
) -> PuenteError:
    """Our error for an answer that is not good, by the table above. `code` and `message` are the vendor's own.

    `account`: the vendor's client knows that our account is refused, whatever the status.
    """
    status = response.status_code
    words = f"{what} answered {status}" + "".join(f" {clean(word)}" for word in (code, message, _elsewhere(response)) if word)
    if account or status in _ACCOUNT:
        return UnavailableError(words, account=True)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return unknown(words, repeatable=repeatable)
    if status in _LATER:
        return RetryableError(words)
    reason = _REASONS.get(HTTPStatus(status)) if status in _REASONS else None
    return PermanentError(f"{vendor}-{reason or slug(code) or 'refused'}", words)


def _elsewhere(response: requests.Response) -> str:
    """Whereto a redirect points: the host alone, since paths may hold secrets."""
    host = urlsplit(response.headers.get("Location", "")).hostname if response.is_redirect else None
    return f"and points to {host}" if host else ""


def unknown(words: str, *, repeatable: bool) -> PuenteError:
    """The error for a call of which nobody knows whether it took effect."""
    return RetryableError(words) if repeatable else UncertainError(words)


def slug(code: object) -> str:
    """A vendor's code as part of a reason of ours (`invalid_parameter` becomes `invalid-parameter`); "" where it is no code."""
    text = str(code or "")
    return re.sub(r"[ _.]+", "-", text).lower() if _CODE.fullmatch(text) else ""


def clean(message: object) -> str:
    """A vendor's text without addresses, long numbers and anything quoted (it may name a person), on one line, shortened."""
    text = " ".join(_PERSONAL.sub("…", str(message)).split())
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"
