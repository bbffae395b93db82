"""OpenAI says how a payment stands in the revenue of its currency: stored with the payment, with what it cost.

Nothing of the person goes out: amount, currency, day, method, and the revenue of the last thirty days.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from functions.payments.settings import PaymentSettings
from shared import clock, model_use
from shared import openai as openai_target
from shared.money import Money
from shared.outbox.one_time_effect import OneTimeEffect
from shared.settings import settings_of
from shared.vendors import openai

if TYPE_CHECKING:
    from functions.payments.tables import Payment

WHAT = "the analysis"
MOST_TOKENS = 800
INSTRUCTIONS = (
    "Eres un analista de ingresos conciso. Recibes un pago y la serie de ingresos netos por día de su moneda, de los últimos "
    "treinta días. Responde en español: el contexto de este pago en una o dos frases; si la señal crece, es estable o cae; y "
    "un pronóstico de siete días, con el total y su rango, como números decimales sin signo de moneda."
)
_TEXT = {"type": "string"}
_FORECAST = {"total": _TEXT, "low": _TEXT, "high": _TEXT}
SCHEMA = openai.strict_object(
    {
        "context": _TEXT,
        "signal": {"type": "string", "enum": ["grows", "stable", "falls"]},
        "forecast": openai.strict_object(_FORECAST),
    }
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
    content = [{"type": "input_text", "text": text}]
    model = settings_of(PaymentSettings).payments_analysis_model
    return openai.request_of(model, INSTRUCTIONS, content, name="revenue_analysis", schema=SCHEMA, tokens=MOST_TOKENS)


def analyse(payment: Payment) -> dict[str, Any]:
    """Ask for the analysis of a payment, and return it for the row. Doing it twice costs tokens and nothing else.

    A refusal and an answer that was cut off are answers: they are stored as such and not asked for again.

    Raises:
        RetryableError: OpenAI failed while answering; as `RestClient.call`.
    """
    answer = model_use.ask(request_of(about(payment), series(payment)), f"asking for {WHAT}", "payments")
    outcome, text = openai.outcome_of(answer, WHAT)
    found = _read(text) if outcome == openai.DONE else {"reason": text}
    costs = openai.cost(answer, settings_of(PaymentSettings).payments_analysis_prices)
    return {"analysis": {"outcome": outcome} | found | costs | {"at": clock.now().isoformat()}}


def _read(text: str) -> dict[str, Any]:
    found = openai.parsed(text, WHAT)
    try:
        forecast = {name: str(found["forecast"][name])[:40] for name in _FORECAST}
        return {"context": str(found["context"])[: openai.LONGEST], "signal": str(found["signal"])[:20], "forecast": forecast}
    except (KeyError, TypeError) as error:
        raise openai.unreadable(WHAT) from error


def is_used() -> bool:
    """Whether a key is set up, and payments are to be analysed with it."""
    return openai_target.is_used() and settings_of(PaymentSettings).payments_analysis


ANALYSES = OneTimeEffect(
    target=openai_target.TARGET,
    name="analysis",
    table="functions.payments.tables:Payment",
    key="payment_id",
    subject_prefix="payment:",
    do=analyse,
    keep=("analysis",),
    harmless_to_repeat=True,
    is_used=is_used,
)
