"""`/api/v1/executions/trigger`: a flow is started by hand, at the address and with the body of the replaced system.

The inputs are the body that its webhook would get; they are read and queued as that is.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from shared import flows
from shared.errors import RefusedError
from shared.flow import Flow
from shared.intake import by_hand
from shared.intake.by_hand import Synchronous
from shared.intake.lenient import LeftOut
from shared.intake.webhook import Webhook
from shared.problems import documented
from shared.web import flow_catalogue
from shared.web.auth import BasicRoute, Caller

log = logging.getLogger("puente.web")
router = APIRouter(prefix="/api/v1", tags=["Flows"], route_class=BasicRoute)

CREATED = "CREATED"
MOST_NAMED, LONGEST_NAME = 50, 100
SECRETS = "Secrets are settings here. These inputs were neither used nor kept: "

JSON_OBJECT = {"application/json": {"schema": {"type": "object"}}}
AT_ONCE: dict[int | str, dict[str, Any]] = {
    200: {"description": "Done: a flow that answers at once.", "content": JSON_OBJECT},
    423: {"description": "Not now, by a flow that answers at once.", "content": JSON_OBJECT},
}
AT_ONCE |= {
    status: problem | {"content": problem["content"] | JSON_OBJECT}
    for status, problem in documented(400, 404, 409, 422, 502, 503).items()
}
"""What a flow answers that answers at once; its refusals are its own, or the problem documents of this page."""


class ExecutionIn(BaseModel):
    """What is to be started, with which inputs."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True)

    namespace: str = Field(min_length=1, max_length=100, description="Any: names here are unique.")
    flow_id: str = Field(
        alias="flowId", min_length=1, max_length=100, description="An id of `by_hand` in the flow's description, or its name."
    )
    inputs: dict[str, Any] = Field(
        default_factory=dict, description="The body that its webhook takes. What looks like a secret is left out."
    )


class ExecutionState(BaseModel):
    """How far an execution is."""

    current: str = Field(description="`CREATED`: it is on its queue.")


class LeftOutInput(BaseModel):
    """An optional input that could not be read."""

    field: str
    reason: str


class ExecutionOut(BaseModel):
    """A flow that was started. The id is the event's; the same inputs give the same one, and are applied once."""

    model_config = ConfigDict(validate_by_name=True)

    id: str
    namespace: str
    flow_id: str = Field(alias="flowId")
    state: ExecutionState
    warnings: list[str] = Field(description="Which inputs were ignored because they are secrets.")
    left_out: list[LeftOutInput] = Field(description="The optional inputs that could not be read.")


@router.post(
    "/executions/trigger",
    summary="Start a flow by hand",
    status_code=202,
    response_model=ExecutionOut,
    responses=AT_ONCE,
)
async def start(
    body: ExecutionIn,
    request: Request,
    caller: Caller,
    idempotency_key: Annotated[str | None, Header(description="The caller's own key of the event.")] = None,
) -> ExecutionOut | JSONResponse:
    """Queue an event of the inputs, as the flow's webhook would, whose sender need not sign it.

    A flow that answers its webhook with what it has done answers so here as well, with the status and body of its own page.
    """
    flow, webhook = _chosen(body.flow_id)
    inputs, secrets = by_hand.without_secrets(body.inputs, flow.secret_inputs)
    if isinstance(webhook, Synchronous):
        return await _answered(webhook, inputs, secrets)
    headers = {"traceparent": request.headers.get("traceparent", ""), "idempotency-key": idempotency_key or ""}
    envelope, payload = await webhook.start_by_hand(inputs, caller.name, headers)
    log.info("%s was started by hand with the key %s: %s", webhook.name, caller.name, envelope.id)
    return ExecutionOut(
        id=envelope.id,
        namespace=body.namespace,
        flow_id=body.flow_id,
        state=ExecutionState(current=CREATED),
        warnings=_warnings(secrets),
        left_out=[_shown(field) for field in payload.left_out],
    )


async def _answered(chosen: Synchronous, inputs: Mapping[str, Any], secrets: Sequence[str]) -> JSONResponse:
    """What it answers; a warning where inputs were ignored."""
    reply = await asyncio.to_thread(chosen.answer, inputs)
    return JSONResponse(dict(reply.body) | ({"warnings": _warnings(secrets)} if secrets else {}), reply.status)


def _warnings(secrets: Sequence[str]) -> list[str]:
    return [SECRETS + ", ".join(name[:LONGEST_NAME] for name in secrets[:MOST_NAMED])] if secrets else []


def _shown(field: LeftOut) -> LeftOutInput:
    return LeftOutInput.model_validate(field.as_json())


def _chosen(flow_id: str) -> tuple[Flow, Webhook | Synchronous]:
    """The flow and the webhook that an id stands for; a flow's own name where only one of its can be started.

    Raises:
        RefusedError: 404, or 409 where it is not started by hand.
    """
    for flow in flows.installed():
        webhooks = by_hand.webhooks_of(flow)
        if flow_id in webhooks:
            return flow, webhooks[flow_id]
        if flow_id == flow.name and len(webhooks) == 1:
            return flow, next(iter(webhooks.values()))
    ids = flow_catalogue.find(flow_id).by_hand
    detail = f"Name one of its parts: {', '.join(ids)}." if ids else "Its webhooks alone start it."
    raise RefusedError(409, "not-by-hand", "This flow is not started by hand.", detail=detail)
