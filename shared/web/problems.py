"""What goes wrong in the API, as problem documents (RFC 9457) in the same shape as those of the webhooks."""

import json
import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from shared.errors import FieldError, RefusedError, RetryableError
from shared.intake.problem import CONTENT_TYPE, problem

log = logging.getLogger("puente.web")

RETRY_AFTER_SECONDS = 10
MAX_ERRORS_LISTED = 50
MAX_FIELD_NAME = 100
WHERE_TO_READ = "The API is described at /api/docs."


class FieldProblem(BaseModel):
    """One value that is not as it must be."""

    field: str
    message: str


class Problem(BaseModel):
    """Why a request was not done (RFC 9457)."""

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


def answer(error: RefusedError, headers: Mapping[str, str] | None = None) -> Response:
    """The HTTP answer for a refusal."""
    sent = dict(headers or {})
    if error.status == HTTPStatus.UNAUTHORIZED:
        sent["WWW-Authenticate"] = 'ApiKey realm="puente"'
    document = json.dumps(problem(error))  # as ASCII: the name of a wrong field may be no valid Unicode
    return Response(document, status_code=error.status, headers=sent, media_type=CONTENT_TYPE)


def unexpected(error: Exception) -> Response:
    """The answer for an error nobody foresaw. The caller learns nothing of it; the log has it whole."""
    log.error("a request failed unexpectedly", exc_info=error)
    return answer(RefusedError(500, "unexpected", "Something unexpected went wrong."))


def install(app: FastAPI) -> None:
    """Let `app` answer each of our errors with its problem document."""
    handlers: dict[Any, Any] = {
        RefusedError: _refused,
        RetryableError: _unavailable,
        PoolTimeoutError: _unavailable,
        RequestValidationError: _invalid,
        HTTPException: _http,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _refused(_request: Request, error: RefusedError) -> Response:
    return answer(error)


async def _unavailable(_request: Request, error: RetryableError | PoolTimeoutError) -> Response:
    log.warning("a request was put off: %s", error)
    asked = error.after_seconds if isinstance(error, RetryableError) else None
    seconds = math.ceil(asked or RETRY_AFTER_SECONDS)
    refusal = RefusedError(503, "unavailable", "Something this needs is not available at the moment; try again later.")
    return answer(refusal, {"Retry-After": str(seconds)})


async def _invalid(_request: Request, error: RequestValidationError) -> Response:
    faults = [
        FieldError(_field(fault["loc"]), str(fault["msg"]).removeprefix("Value error, "))
        for fault in error.errors()[:MAX_ERRORS_LISTED]
    ]
    return answer(RefusedError(422, "invalid-fields", "The request has values that are not as they must be.", errors=faults))


def _field(where: tuple[int | str, ...]) -> str:
    """The name of a wrong value: its place without "query" or "body", cut where the caller made it absurdly long."""
    name = ".".join(map(str, where[1:])) or f"({where[0]})"
    return name[:MAX_FIELD_NAME].encode(errors="replace").decode()


async def _http(request: Request, error: HTTPException) -> Response:
    """What FastAPI itself refuses: no route, a wrong method, a body it cannot read."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return answer(RefusedError(404, "not-found", "There is nothing at this address.", detail=WHERE_TO_READ))
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        methods = ", ".join(_methods_at(request))
        title = f"{request.method[:20]} is not done here; {methods} is."
        return answer(RefusedError(405, "method-not-allowed", title, detail=WHERE_TO_READ), {"Allow": methods})
    return answer(RefusedError(error.status_code, "refused", HTTPStatus(error.status_code).phrase), error.headers)


def _methods_at(request: Request) -> list[str]:
    """Every method that some route takes at this path; the framework names only those of the first route that fits."""
    routes = iter_route_contexts(request.app.routes)
    path = request.scope["path"]
    return sorted({method for route in routes if route.path_regex.match(path) for method in route.methods or ()})
