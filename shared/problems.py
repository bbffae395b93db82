"""Refusals as problem documents (RFC 9457): machine-readable errors that never contain the value that was sent.

The webhooks and the API answer with the same document.
"""

import json
from http import HTTPStatus
from typing import Any

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field

from shared.errors import RefusedError

CONTENT_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """One value that is not as it must be."""

    model_config = ConfigDict(defer_build=True)

    field: str
    message: str


class Problem(BaseModel):
    """Why a request was not done (RFC 9457)."""

    model_config = ConfigDict(defer_build=True)  # at the first refusal, not at the start

    type: str = Field(description="Stable name of the kind of problem, `urn:puente:problem:<reason>`.")
    title: str
    status: int
    detail: str | None = None
    errors: list[FieldProblem] | None = Field(default=None, description="Each wrong value and why it is wrong.")


MEANINGS = {
    400: "The body is not a JSON object.",
    401: "There is no valid API key in the header X-API-KEY.",
    403: "The API key does not have the scope that is needed.",
    404: "There is no such thing.",
    409: "What is asked for does not fit the present state; `detail` says why.",
    412: "The row is not the one that If-Match stands for; somebody has changed it meanwhile.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "A value is not as it must be; `errors` names each.",
    500: "Something unexpected went wrong; the log has the reason.",
    502: "Odoo does not let us, or answered with what makes no sense; the settings or Odoo need attention.",
    503: "The database, the storage account or Odoo is not available; try again after `Retry-After` seconds.",
    504: "Odoo did not answer in time. What was to be changed may have been changed all the same; look before trying again.",
}
HEADERS = {
    401: {"WWW-Authenticate": {"description": "Which kind of key is asked for.", "schema": {"type": "string"}}},
    503: {"Retry-After": {"description": "Seconds to wait at least.", "schema": {"type": "integer"}}},
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These problems as `responses` of a route, for the OpenAPI description."""
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": MEANINGS[status], "content": content, "headers": HEADERS.get(status, {})} for status in statuses
    }


def document(error: RefusedError) -> dict[str, Any]:
    """The problem document for a refusal."""
    faults = [FieldProblem(field=fault.field, message=fault.message) for fault in error.errors]
    problem = Problem(
        type=f"urn:puente:problem:{error.reason}",
        title=error.title,
        status=error.status,
        detail=error.detail or None,
        errors=faults or None,
    )
    return problem.model_dump(exclude_none=True)


def body(error: RefusedError) -> str:
    """The document as JSON; in ASCII, as the name of a wrong field may be no valid Unicode."""
    return json.dumps(document(error))


def headers(error: RefusedError) -> dict[str, str]:
    """The headers that the status of a refusal asks for."""
    return {"WWW-Authenticate": 'ApiKey realm="puente"'} if error.status == HTTPStatus.UNAUTHORIZED else {}


def response(error: RefusedError) -> func.HttpResponse:
    """The HTTP answer for a refusal, outside of the API."""
    return func.HttpResponse(body(error), status_code=error.status, headers=headers(error), mimetype=CONTENT_TYPE)
