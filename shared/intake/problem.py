"""Refusals as problem documents (RFC 9457): machine-readable errors that never contain the value that was sent."""

import json

import azure.functions as func

from shared.errors import RefusedError

CONTENT_TYPE = "application/problem+json"


def problem(error: RefusedError) -> dict[str, object]:
    """The members of the problem document for a refusal."""
    document: dict[str, object] = {
        "type": f"urn:puente:problem:{error.reason}",
        "title": error.title,
        "status": error.status,
    }
    if error.detail:
        document["detail"] = error.detail
    if error.errors:
        document["errors"] = [{"field": fault.field, "message": fault.message} for fault in error.errors]
    return document


def response(error: RefusedError) -> func.HttpResponse:
    """The HTTP answer for a refusal."""
    body = json.dumps(problem(error))  # as ASCII: the name of a wrong field may be no valid Unicode
    headers = {"WWW-Authenticate": 'ApiKey realm="puente"'} if error.status == 401 else None  # noqa: PLR2004
    return func.HttpResponse(body, status_code=error.status, headers=headers, mimetype=CONTENT_TYPE)
