"""A ticket read by Azure AI Document Intelligence (`prebuilt-receipt`): begun, asked for until it is done, and deleted there.

Each step is a delivery of its own, and where the result will be is stored before it is asked for: after a crash it is asked
for again, and nothing is begun anew.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from functions.tickets import files
from functions.tickets.reading import Reading
from functions.tickets.settings import TicketSettings
from shared.errors import DeferredError, PermanentError
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings, settings_of
from shared.vendors import answers
from shared.vendors.rest_client import RestClient

if TYPE_CHECKING:
    from functions.tickets.tables import Ticket

TARGET = "documentintelligence"
MODEL = "prebuilt-receipt"
LEAST_WAIT_SECONDS = 2.0
READER = "documentintelligence"
_UNDER_WAY = ("notStarted", "running")
_NAMES = {
    "supplier": ("MerchantName", "VendorName"),
    "address": ("MerchantAddress",),
    "number": ("InvoiceId",),
    "day": ("TransactionDate", "InvoiceDate", "DepartureDate"),
    "total": ("Total", "InvoiceTotal"),
    "subtotal": ("Subtotal", "SubTotal"),
    "tax": ("TotalTax",),
    "tip": ("Tip",),
}
_LINE_NAMES = {
    "description": ("Description",),
    "quantity": ("Quantity",),
    "price": ("Price", "UnitPrice"),
    "amount": ("TotalPrice", "Amount"),
}


def _key(key: str) -> Mapping[str, str]:
    return {"Ocp-Apim-Subscription-Key": key} if key else {}


def _error(body: Mapping[str, Any]) -> tuple[object, object]:
    """The innermost code says what is wrong with the file."""
    error = body.get("error")
    found: Mapping[str, Any] = error if isinstance(error, dict) else {}
    inner = found.get("innererror")
    code = inner.get("code") if isinstance(inner, dict) else None
    return code or found.get("code"), found.get("message")


def _asked(connection: Any) -> str:
    """That it lets us in: a result of nobody's is not found, which only one with a good key is told."""
    path = f"{_path()}/analyzeResults/00000000-0000-0000-0000-000000000000?{_version()}"
    response = connection.request("GET", path, repeatable=True)
    if response.status_code not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
        raise connection.refusal(response, "asking whether it is there", repeatable=True)
    return "there"


AZURE = RestClient(
    name="DocumentIntelligence",
    address="documentintelligence_endpoint",
    key="documentintelligence_key",
    used_by="documentintelligence_endpoint",
    ping_by=_asked,
    authorize=_key,
    error=_error,
    read_seconds=30,
    account_statuses=frozenset((403,)),
)


def _path() -> str:
    return f"/documentintelligence/documentModels/{MODEL}"


def _version() -> str:
    return f"api-version={settings_of(TicketSettings).documentintelligence_api_version}"


def begin(ticket: Ticket) -> dict[str, Any]:
    """Begin the analysis of the ticket's pages; where the result will be, for its row. Twice costs a page and nothing else.

    Raises:
        PermanentError: the file is refused, or the answer names no result of ours; as `RestClient.call`.
    """
    settings = settings_of(TicketSettings)
    body = {"base64Source": base64.b64encode(files.original(ticket)).decode()}
    path = f"{_path()}:analyze?{_version()}&locale={settings.documentintelligence_locale}"
    http = AZURE.connected()
    response = http.request("POST", path, repeatable=True, json=body)
    if response.status_code == HTTPStatus.BAD_REQUEST:
        code, _message = _error(_body(response))
        return {"operation": f"refused:{answers.slug(str(code or 'refused'))}"[:200]}
    if response.status_code != HTTPStatus.ACCEPTED:
        raise http.refusal(response, "beginning an analysis", repeatable=True)
    return {"operation": _of_ours(response.headers.get("Operation-Location", ""))}


def _of_ours(location: str) -> str:
    """The path of the result. Raises PermanentError: the address is not at our endpoint."""
    there, ours = urlsplit(location), urlsplit(str(settings_of(TicketSettings).documentintelligence_endpoint))
    if (there.scheme, there.netloc) != (ours.scheme, ours.netloc):
        raise PermanentError("documentintelligence-elsewhere", f"the result is to be at {there.hostname}, which is not ours")
    base = ours.path.rstrip("/")
    return f"{there.path.removeprefix(base)}?{there.query}"


def _body(response: Any) -> Mapping[str, Any]:
    found = answers.parsed(response)
    return found if isinstance(found, dict) else {}


def fetch(ticket: Ticket) -> dict[str, Any]:
    """The result of the analysis, for the ticket's row.

    Raises:
        DeferredError: it is not done yet. As `RestClient.call`.
    """
    operation = ticket.operation or ""
    if operation.startswith("refused:"):
        return _without("rejected", operation.removeprefix("refused:"))
    http = AZURE.connected()
    response = http.request("GET", operation, repeatable=True)
    if response.status_code == HTTPStatus.NOT_FOUND:
        return _without("rejected", "expired")
    if response.status_code != HTTPStatus.OK:
        raise http.refusal(response, "asking for a result", repeatable=True)
    body = _body(response)
    if (status := body.get("status")) in _UNDER_WAY:
        from shared.vendors.http import retry_after_seconds

        wait = retry_after_seconds(response) or LEAST_WAIT_SECONDS
        raise DeferredError(f"DocumentIntelligence: the analysis is {status}", after_seconds=max(wait, LEAST_WAIT_SECONDS))
    if status != "succeeded":
        return _without("rejected", answers.clean(_error(body)[0] or status or "unknown"))
    reading = of_result(body)
    return {"reading": {"reader": READER, "outcome": "done", "ticket": reading.as_json()}}


def _without(outcome: str, reason: str) -> dict[str, Any]:
    return {"reading": {"reader": READER, "outcome": outcome, "reason": reason}}


def forget(ticket: Ticket) -> dict[str, Any]:
    """Delete the result there. What is gone already is as good."""
    operation = ticket.operation or ""
    if operation and not operation.startswith("refused:"):
        http = AZURE.connected()
        response = http.request("DELETE", operation, repeatable=True)
        if response.status_code not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND):
            raise http.refusal(response, "deleting a result", repeatable=True)
    return {}


def of_result(body: Mapping[str, Any]) -> Reading:
    """The reading in a result. Texts are taken as printed (`content`), and what Azure made of them stands beside."""
    result = body.get("analyzeResult")
    documents = result.get("documents") if isinstance(result, dict) else None
    found = [one for one in documents if isinstance(one, dict)] if isinstance(documents, list) else []
    fields = found[0].get("fields") if found else None
    if not isinstance(fields, dict):
        return Reading(tickets=len(found))
    texts = {ours: _content(fields, names) for ours, names in _NAMES.items()}
    lines = [_line(one) for one in _list(fields.get("Items"))]
    least = settings_of(TicketSettings).tickets_least_confidence
    unsure = [ours for ours in ("total", "day", "supplier") if _confidence(fields, _NAMES[ours]) < least]
    more = {"tickets": len(found), "lines": lines, "understood": _understood(fields), "unsure": unsure}
    return Reading.from_json(texts | _paid(fields) | more)


def _field(fields: Mapping[str, Any], names: tuple[str, ...]) -> Mapping[str, Any]:
    return next((fields[name] for name in names if isinstance(fields.get(name), dict)), {})


def _content(fields: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """As printed; a value without a text (a sum that Azure has worked out) is its number."""
    field = _field(fields, names)
    content = field.get("content")
    if isinstance(content, str) and content.strip():
        return content
    value = field.get("valueString") or field.get("valueDate") or _amount(field)
    return None if value is None else str(value)


def _amount(field: Mapping[str, Any]) -> Any:
    money = field.get("valueCurrency")
    return money.get("amount") if isinstance(money, dict) else field.get("valueNumber")


def _confidence(fields: Mapping[str, Any], names: tuple[str, ...]) -> float:
    """How sure Azure says it is; sure where it does not say, or has seen nothing (which is asked anyway)."""
    value = _field(fields, names).get("confidence")
    return float(value) if isinstance(value, int | float) else 1.0


def _understood(fields: Mapping[str, Any]) -> dict[str, str]:
    total, day = _field(fields, _NAMES["total"]), _field(fields, _NAMES["day"])
    found = {"total": _amount(total), "day": day.get("valueDate")}
    return {name: str(value) for name, value in found.items() if value is not None}


def _list(field: Any) -> list[Mapping[str, Any]]:
    values = field.get("valueArray") if isinstance(field, dict) else None
    objects = [one.get("valueObject") for one in values if isinstance(one, dict)] if isinstance(values, list) else []
    return [one for one in objects if isinstance(one, dict)]


def _line(fields: Mapping[str, Any]) -> dict[str, str | None]:
    return {ours: _content(fields, names) for ours, names in _LINE_NAMES.items()}


def _paid(fields: Mapping[str, Any]) -> dict[str, str | None]:
    payments = _list(fields.get("Payments"))
    return {"method": _content(payments[0], ("Method",))} if len(payments) == 1 else {}


def is_used() -> bool:
    """Whether an endpoint is set up."""
    return AZURE.is_used(get_settings())


def policy() -> TargetPolicy:
    """Some at a time: the smallest tier takes one request a second."""
    return TargetPolicy(slots=2, batches_per_second=1)
