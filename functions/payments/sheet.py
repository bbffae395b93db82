"""A row in a Google Sheet for each payment, kept in step by the payment's id, through a script of our own (docs/payments.md).

Apps Script answers a POST with a redirect to the result, which is good for one look. Only JSON with `ok` and our id says that
the row is written. All else (a page of HTML with status 200, a lost answer) is unknown: then the script is asked for the row.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from functions.payments.settings import PaymentSettings
from shared.errors import PermanentError, PuenteError, RetryableError, UnavailableError
from shared.money import Money
from shared.outbox.policy import TargetPolicy
from shared.outbox.record_sync import RecordSync
from shared.settings import settings_of
from shared.vendors import answers
from shared.vendors.rest_client import RestClient, kept

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from functions.payments.tables import Payment
    from shared.vendors.connection import Connection

TARGET = "sheets"
RESULTS = "script.googleusercontent.com"
LOGIN = "accounts.google.com"
SCRIPTS = "script.google.com"
NUMBERS = ("amount", "refunded", "net")
STAMP = "puente"
_LATER = frozenset(("busy",))
_ACCOUNT = frozenset(("bad-token",))

SHEETS = RestClient(
    name="Sheets",
    address="sheets_webhook_url",
    needs=("sheets_token",),
    read_seconds=45,
    calls=4,  # the row and its result, then the question whether it is there and its result
)


def values(payment: Payment) -> dict[str, str]:
    """The columns of the row, in the order of the replaced flow's, with more behind them. All are text, amounts too."""
    row = {
        "payment_id": payment.payment_id,
        "amount": str(payment.amount),
        "currency": payment.currency,
        "customer": payment.customer_id or payment.email or "",
        "status": payment.status,
        "method": payment.method or "",
        "created_at": payment.began_at.isoformat(),
        "paid_on": payment.paid_on.isoformat() if payment.paid_on else "",
        "refunded": str(Money(payment.refunded_minor, payment.currency)),
        "net": str(payment.net),
    }
    return row | {STAMP: hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:16]}


def put_row(payment: Payment) -> dict[str, Any]:
    """Write the payment's row, or change the one that is there. The script finds it by its id: twice is as once.

    Raises:
        RetryableError: not now, or nobody knows; UnavailableError: the address or the token is not good.
        PermanentError: the script refuses the row.
    """
    row = values(payment)
    http = SHEETS.connected()
    try:
        _asked(http, {"action": "put", "id": payment.payment_id, "row": row, "numbers": list(NUMBERS)})
    except _UnknownError as error:
        if _is_there(http, payment.payment_id, row[STAMP]):
            return {}
        raise RetryableError(str(error)) from error
    return {}


class _UnknownError(RetryableError):
    """The script may have run or not."""


def _is_there(http: Connection, payment_id: str, stamp: str) -> bool:
    """Whether the sheet has the row as it is to be; False where that cannot be found out."""
    try:
        answer = _asked(http, {"action": "find", "id": payment_id})
    except (_UnknownError, PermanentError):
        return False
    return answer.get(STAMP) == stamp


def _asked(http: Connection, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the script answers, once it has said that it did what was asked. Raises PuenteError."""
    token = settings_of(PaymentSettings).sheets_token
    body = dict(request) | {"token": token.get_secret_value() if token else ""}
    what = f"asking for {request['action']}"
    try:
        response = http.request("POST", "", repeatable=True, json=body)
        if response.is_redirect:
            response = _result(http, response.headers["Location"])
    except (UnavailableError, PermanentError):
        raise
    except PuenteError as error:
        raise _UnknownError(f"Sheets: {what}: {error}") from error
    if not answers.is_good(response):
        raise http.refusal(response, what, repeatable=True)
    return _judged(answers.parsed(response), request.get("id"), what)


def _judged(answer: Any, wanted: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(answer, dict) or "ok" not in answer:
        raise _UnknownError(f"Sheets: {what}: the answer is not our script's")
    if answer["ok"] is not True:
        raise _refusal(str(answer.get("error") or ""), what)
    if wanted is not None and answer.get("id") != wanted:
        raise _UnknownError(f"Sheets: {what}: the answer is about something else")
    return answer


def _refusal(code: str, what: str) -> PuenteError:
    words = f"Sheets: {what}: {answers.clean(code)}"
    if code in _LATER:
        return RetryableError(words)
    if code in _ACCOUNT:
        return UnavailableError(words, account=True)
    return PermanentError(f"sheets-{answers.slug(code) or 'refused'}", words)


def _result(http: Connection, location: str) -> requests.Response:
    """The script's result, from where the redirect points; without our body and secrets. Raises PuenteError."""
    parts = urlsplit(location)
    if parts.hostname == LOGIN:
        raise UnavailableError("Sheets: a login is asked for: access to the script must be for anyone", account=True)
    if not _is_result(http, parts.scheme, parts.hostname or "", parts.netloc):
        raise PermanentError(
            "sheets-moved", f"Sheets: the answer points to {parts.hostname}, which is not Google's for results"
        )
    origin = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
    elsewhere: Connection = kept(SHEETS.connect, origin)
    path = urlunsplit(("", "", parts.path, parts.query, ""))
    return elsewhere.request("GET", path, repeatable=False)  # the address is good for one look


def _is_result(http: Connection, scheme: str, host: str, netloc: str) -> bool:
    """Google's address of results; for a script that is not at Google, its own address."""
    own = urlsplit(http.base_url)
    if own.hostname == SCRIPTS:
        return scheme == "https" and host == RESULTS
    return (scheme, netloc) == (own.scheme, own.netloc)


def is_used() -> bool:
    """Whether a sheet is set up."""
    return SHEETS.is_used()


def policy() -> TargetPolicy:
    """One row at a time: the script takes one lock for the whole sheet, and a run takes seconds."""
    return TargetPolicy(slots=1, batches_per_second=1)


ROWS = RecordSync(
    target=TARGET,
    name="payment",
    table="functions.payments.tables:Payment",
    key="payment_id",
    subject_prefix="payment:",
    prefix="sheet",
    put=put_row,
    is_used=is_used,
)
