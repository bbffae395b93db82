"""Somebody wants a process with its robot; a robot reports what has become of its run.

POST /api/v1/coordinations/requests
POST /api/v1/executions/webhook/{namespace}/bpm_rpa_example/{key}, as the replaced flow had it
  -> events-queue
  -> coordinations; flowable.start, then openrpa.run (or openflow.push)
POST /api/v1/coordinations/result, by the robot
  -> events-queue
  -> coordinations; flowable.report, or flowable.cancel and openrpa.undo
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import azure.functions as func

from shared.intake.endpoint import EVENTS_QUEUE, accepting, webhook
from shared.intake.inbox import Event
from shared.intake.webhook import Webhook

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from functions.coordinations.payloads import CoordinationRequest, RobotResult

bp = func.Blueprint()


def apply_request(session: Session, event: Event[CoordinationRequest]) -> str:
    """Keep the wish and have its process started: "applied", or "duplicate" (see `services.take`)."""
    from functions.coordinations import services

    return services.take(session, event.payload, event.key)


def apply_result(session: Session, event: Event[RobotResult]) -> str:
    """Take the robot's result: "applied", "repeated", "late" or "unknown" (see `services.take_result`)."""
    from functions.coordinations import services

    return services.take_result(session, event.payload)


REQUEST = Webhook(
    name="coordinations.request",
    queue=EVENTS_QUEUE,
    payload="functions.coordinations.payloads:CoordinationRequest",
    authenticate="functions.coordinations.payloads:by_key",
    read="functions.coordinations.payloads:read_request",
)
RESULT = Webhook(
    name="coordinations.result",
    queue=EVENTS_QUEUE,
    payload="functions.coordinations.payloads:RobotResult",
    authenticate="functions.coordinations.payloads:by_token_or_key",
    read="functions.coordinations.payloads:read_result",
)
REQUEST_HANDLER = webhook(bp, "coordinations_request", "api/v1/coordinations/requests", REQUEST, apply_request)
RESULT_HANDLER = webhook(bp, "coordinations_result", "api/v1/coordinations/result", RESULT, apply_result)
OLD_ID = "bpm_rpa_example"
OLD_ROUTE = f"api/v1/executions/webhook/{{namespace}}/{OLD_ID}/{{key?}}"
accepting(bp, "coordinations_old_webhook", OLD_ROUTE, REQUEST)
BY_HAND = MappingProxyType({OLD_ID: REQUEST})
"""Started by hand as the replaced flow was: `payload` is an object, or a text of JSON."""
