"""What clients of Google's APIs have in common: tokens of the service account, and what a refusal means."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shared.errors import PuenteError, ThrottledError, UnavailableError
from shared.vendors.rest_client import RestClient
from shared.vendors.token_sources import ServiceAccount

if TYPE_CHECKING:
    import requests

BUSY = frozenset(("rateLimitExceeded", "userRateLimitExceeded"))


def google_client(*, name: str, address: str, scopes: tuple[str, ...], subject: str = "", **more: Any) -> RestClient:
    """A client of one API of Google.

    `name` in lower case is the target's; `address` and `subject` name settings, the latter the person acted for where a call
    names nobody (`call(..., subject="ana@example.com")`).
    """
    source = ServiceAccount(
        path="/token", address="google_token_base_url", account="google_service_account", scopes=scopes, subject=subject
    )
    return RestClient(
        name=name,
        address=address,
        used_by="google_service_account",
        credentials=source,
        error=reason_and_message,
        verdict=_by_reason,
        account_codes=frozenset({"quotaexceeded", "autherror", "accessnotconfigured"}),
        **more,
    )


def reason_and_message(body: Mapping[str, Any]) -> tuple[object, object]:
    """Google's own word for a refusal, and its text."""
    error = body.get("error")
    if not isinstance(error, Mapping):
        return error, body.get("error_description")
    errors = error.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], Mapping) else {}
    return first.get("reason") or error.get("status"), error.get("message")


def _by_reason(
    response: requests.Response,
    body: Mapping[str, Any],
    what: str,
    _repeatable: bool,  # noqa: FBT001  # a verdict is asked so
) -> PuenteError | None:
    """A 403 for too many calls is no refusal of the call."""
    if response.status_code != HTTPStatus.FORBIDDEN:
        return None
    reason, _message = reason_and_message(body)
    if reason in BUSY:
        return ThrottledError(f"{what} answered 403 {reason}")
    if reason == "dailyLimitExceeded":
        return UnavailableError(f"{what} answered 403 {reason}", account=True)
    return None
