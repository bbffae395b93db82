"""Each error of the API is answered with its problem document."""

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from shared import problems
from shared.errors import FieldError, RefusedError, RetryableError

log = logging.getLogger("puente.web")

RETRY_AFTER_SECONDS = 10
MAX_ERRORS_LISTED = 50
MAX_FIELD_NAME = 100
WHERE_TO_READ = "The API is described at /api/docs."


def answer(error: RefusedError, headers: Mapping[str, str] | None = None) -> Response:
    """The HTTP answer for a refusal."""
    sent = problems.headers(error) | dict(headers or {})
    return Response(problems.body(error), status_code=error.status, headers=sent, media_type=problems.CONTENT_TYPE)


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
        title = f"{request.method[:20]} is not done here{f'; {methods} is' if methods else ''}."
        return answer(RefusedError(405, "method-not-allowed", title, detail=WHERE_TO_READ), {"Allow": methods})
    return answer(RefusedError(error.status_code, "refused", HTTPStatus(error.status_code).phrase), error.headers)


def _methods_at(request: Request) -> list[str]:
    """Every method that some route takes at this path; the framework names only those of the first route that fits.

    A route that only says why it is not done (its status is 405) takes none.
    """
    here = [route for route in iter_route_contexts(request.app.routes) if route.path_regex.match(request.scope["path"])]
    doing = [route for route in here if getattr(route, "status_code", None) != HTTPStatus.METHOD_NOT_ALLOWED]
    return sorted({method for route in doing for method in route.methods or ()})
