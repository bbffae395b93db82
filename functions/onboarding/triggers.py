"""An HR system reports a contract and is answered at once; what follows are deliveries.

POST /api/v1/onboarding, signed or with a key
POST /api/v1/executions/webhook/{namespace}/employee_onboarding/{key}, as the replaced flow had it
POST /api/v1/onboarding/cancellations
  -> onboardings, onboarding_steps; the journey employee_followup
  -> onboarding.advance, which begins the steps: hris, okta, entra, workspace, slack, teams, the welcome mail,
     onboarding-calendar and onboarding-callback

The routes stand in `contracts_api`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import azure.functions as func

from functions.onboarding.flow import CANCEL_ID, OLD_ID
from shared.errors import RefusedError
from shared.intake.by_hand import Reply, Synchronous

if TYPE_CHECKING:
    from functions.onboarding.services import Result

bp = func.Blueprint()
ROUTE, CANCELLATIONS = "api/v1/onboarding", "api/v1/onboarding/cancellations"
OLD_ROUTE = f"api/v1/executions/webhook/{{namespace}}/{OLD_ID}/{{key}}"


def answer_contract(inputs: Mapping[str, Any]) -> Reply:
    """Take a contract (see `services.take`)."""
    from functions.onboarding import services

    return _answered(services.take, inputs)


def answer_cancellation(inputs: Mapping[str, Any]) -> Reply:
    """Take a cancellation (see `services.cancel`)."""
    from functions.onboarding import services

    return _answered(services.cancel, inputs)


def _answered(work: Callable[[Mapping[str, Any]], Result], inputs: Mapping[str, Any]) -> Reply:
    """The answer; a refusal in the members of the replaced flow beside those of a problem document."""
    try:
        result = work(inputs)
    except RefusedError as error:
        faults = [{"field": one.field, "message": one.message} for one in error.errors]
        body = {
            "status": error.status,
            "reason": error.reason,
            "message": error.title,
            "details": error.detail,
            "errors": faults,
        }
        return Reply(error.status, body)
    is_new = result.outcome in ("accepted", "cancelled", "noted")
    body = {
        "status": result.outcome,
        "id": str(result.number),
        "namespace": "workflows",
        "flowId": OLD_ID,
        "url": f"/api/v1/onboarding/{result.number}",
        "warnings": list(result.warnings),
    }
    return Reply(HTTPStatus.ACCEPTED if is_new else HTTPStatus.OK, body)


BY_HAND = MappingProxyType(
    {
        OLD_ID: Synchronous(routes=(ROUTE, OLD_ROUTE), answer=answer_contract),
        CANCEL_ID: Synchronous(routes=(CANCELLATIONS,), answer=answer_cancellation),
    }
)
"""Started by hand, with the contract as the inputs; secrets among them are settings here."""
