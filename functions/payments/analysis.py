"""OpenAI says how a payment stands in the revenue of its currency: stored with the payment, with what it cost.

Nothing of the person goes out: amount, currency, day, method, and the revenue of the last thirty days. `store` is off.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from functions.payments.settings import PaymentSettings
from shared import clock
from shared.errors import PermanentError, RetryableError, UnavailableError
from shared.money import Money
from shared.outbox.one_time_effect import OneTimeEffect
from shared.outbox.policy import TargetPolicy
from shared.settings import settings_of
from shared.vendors import answers
from shared.vendors.rest_client import RestClient

if TYPE_CHECKING:
    import requests

    from functions.payments.tables import Payment

TARGET = "openai"
DONE, REFUSED, INCOMPLETE = "done", "refused", "incomplete"
MOST_TOKENS = 800
LONGEST = 2000
MILLION = Decimal(1_000_000)
INSTRUCTIONS = (
    "Eres un analista de ingresos conciso. Recibes un pago y la serie de ingresos netos por día de su moneda, de los últimos "
    "treinta días. Responde en español: el contexto de este pago en una o dos frases; si la señal crece, es estable o cae; y "
    "un pronóstico de siete días, con el total y su rango, como números decimales sin signo de moneda."
)
_TEXT = {"type": "string"}
_FORECAST = {"total": _TEXT, "low": _TEXT, "high": _TEXT}


def _whole(properties: Mapping[str, Any]) -> dict[str, Any]:
    """A schema as strict outputs want it: every property is there, and no other."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


SCHEMA = _whole(
    {
        "context": _TEXT,
        "signal": {"type": "string", "enum": ["grows", "stable", "falls"]},
        "forecast": _whole(_FORECAST),
    }
)


def _error(body: Mapping[str, Any]) -> tuple[object, object]:
    error = body.get("error")
    found: Mapping[str, Any] = error if isinstance(error, dict) else {}
    return found.get("code") or found.get("type"), found.get("message")


def _no_quota(response: requests.Response) -> None:
    """An account without money answers 429 as one that is too fast does; that waits for a person. Names no wait."""
    body = answers.parsed(response)
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS and isinstance(body, dict):
        code, _message = _error(body)
        if code in ("insufficient_quota", "billing_hard_limit_reached"):
            raise UnavailableError(f"OpenAI: {code}", account=True)


OPENAI = RestClient(
    name="OpenAI",
    address="openai_base_url",
    key="openai_api_key",
    ping_by="/v1/models",
    shows="object",
    read_seconds=60,
    error=_error,
    account_codes=frozenset(("invalid_api_key", "account_deactivated", "billing_not_active")),
    named_wait=_no_quota,
)


def series(payment: Payment) -> list[dict[str, str]]:
    """The net revenue of each of the thirty days up to that of the payment, in its currency."""
    from functions.payments import revenue
    from shared.store.session import reading

    end = payment.paid_on or revenue.today()
    with reading() as session:
        found = revenue.days(
            session, end - timedelta(days=revenue.SERIES_DAYS - 1), end, live=payment.live, currency=payment.currency
        )
    return [{"day": one.day.isoformat(), "net": str(Money(one.net, one.currency))} for one in found]


def about(payment: Payment) -> dict[str, str | None]:
    """What may be known of a payment there: nothing of the person."""
    day = payment.paid_on.isoformat() if payment.paid_on else None
    return {"amount": str(payment.amount), "currency": payment.currency, "method": payment.method, "paid_on": day}


def request_of(payment: Mapping[str, Any], revenue_by_day: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The request about a payment."""
    text = json.dumps({"payment": payment, "revenue_by_day": revenue_by_day}, ensure_ascii=False)
    return {
        "model": settings_of(PaymentSettings).payments_analysis_model,
        "instructions": INSTRUCTIONS,
        "input": [{"role": "user", "content": [{"type": "input_text", "text": text}]}],
        "text": {"format": {"type": "json_schema", "name": "revenue_analysis", "strict": True, "schema": SCHEMA}},
        "max_output_tokens": MOST_TOKENS,
        "store": False,
    }


def analyse(payment: Payment) -> dict[str, Any]:
    """Ask for the analysis of a payment, and return it for the row. Doing it twice costs tokens and nothing else.

    A refusal and an answer that was cut off are answers: they are stored as such and not asked for again.

    Raises:
        RetryableError: OpenAI failed while answering; as `RestClient.call`.
    """
    body = request_of(about(payment), series(payment))
    answer = OPENAI.call("POST", "/v1/responses", repeatable=True, what="asking for an analysis", json=body)
    return {"analysis": _read(answer) | _cost(answer) | {"at": clock.now().isoformat()}}


def _read(answer: Mapping[str, Any]) -> dict[str, Any]:
    status = answer.get("status")
    if status == "incomplete":
        details = answer.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        return {"outcome": INCOMPLETE, "reason": answers.clean(reason or "unknown")}
    if status != "completed":
        code, message = _error(answer)
        raise RetryableError(f"OpenAI: the analysis is {answers.clean(status)} {answers.clean(code or message or '')}".strip())
    parts = [part for item in _items(answer, "output") for part in _items(item, "content")]
    if refusal := next((part for part in parts if part.get("type") == "refusal"), None):
        return {"outcome": REFUSED, "reason": str(refusal.get("refusal") or "")[:LONGEST]}
    return _parsed("".join(str(part.get("text") or "") for part in parts if part.get("type") == "output_text"))


def _items(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    given = value.get(name)
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
        forecast = {name: str(found["forecast"][name])[:40] for name in _FORECAST}
        return {
            "outcome": DONE,
            "context": str(found["context"])[:LONGEST],
            "signal": str(found["signal"])[:20],
            "forecast": forecast,
        }
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PermanentError("openai-unreadable", "OpenAI: the analysis is not of the form that was asked for") from error


def _cost(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The tokens that were used and their price in USD, by the prices of the settings."""
    usage = answer.get("usage")
    given: Mapping[str, Any] = usage if isinstance(usage, dict) else {}
    tokens = {name: given[name] if isinstance(given.get(name), int) else 0 for name in ("input_tokens", "output_tokens")}
    prices = settings_of(PaymentSettings).payments_analysis_prices
    usd = sum((tokens[f"{name}_tokens"] * prices.get(name, Decimal()) for name in ("input", "output")), Decimal()) / MILLION
    return tokens | {"model": str(answer.get("model") or ""), "cost_usd": format(usd, "f")}


def is_used() -> bool:
    """Whether a key is set up."""
    return OPENAI.is_used()


def policy() -> TargetPolicy:
    """Two at a time; an answer takes seconds, and nobody waits for it."""
    return TargetPolicy(slots=2, batches_per_second=1)


ANALYSES = OneTimeEffect(
    target=TARGET,
    name="analysis",
    table="functions.payments.tables:Payment",
    key="payment_id",
    subject_prefix="payment:",
    do=analyse,
    keep=("analysis",),
    harmless_to_repeat=True,
    is_used=is_used,
)
