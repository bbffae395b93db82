"""The API's description: `/api/openapi.json` for programs, `/api/docs` for people (plain HTML and JavaScript, no internet)."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.utils import get_openapi

from shared import flows
from shared.intake.endpoint import webhook_routes
from shared.problems import FieldProblem, Problem
from shared.web import webhook_paths

VERSION = "1.0.0"
TEXT = """What the operators and other programs may ask of Puente, and do with it.

Every call needs an API key in the header `X-API-KEY`; reading needs the scope `read`, everything else `write`, and `admin` has
both. Times are ISO 8601 in UTC. Lists come in pages: give `next` as `after` to get the following one. What is refused is
answered with a problem document (RFC 9457). A slash at the end of a path makes no difference.
"""

STATIC = Path(__file__).parent / "static"
# The page runs its own script only, and speaks to this host only.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

router = APIRouter(include_in_schema=False)


def describe(app: FastAPI) -> None:
    """Let `app` describe itself with our problem documents in place of FastAPI's own error bodies."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            schemas = document["components"]["schemas"]
            for model in (Problem, FieldProblem):
                schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schema.pop("$defs", None)
                schemas[model.__name__] = schema
            _forget_null_parameters(document)
            webhook_paths.describe(document, webhook_routes(flows.parts("functions")))
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the description


def _forget_null_parameters(document: dict[str, Any]) -> None:
    """A parameter is given or left out; it cannot be null, whatever the type of the variable that holds it here."""
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    for parameter in (parameter for operation in operations for parameter in operation.get("parameters", ())):
        schema = parameter["schema"]
        choices = [choice for choice in schema.pop("anyOf", ()) if choice != {"type": "null"}]
        if len(choices) == 1:
            schema |= choices[0]


@router.get("/api/docs")
def page() -> Response:
    """The description as a page on which calls can be tried."""
    return _file("docs.html", "text/html", {"Content-Security-Policy": POLICY})


@router.get("/api/docs/page.js")
def script() -> Response:
    """The page's script."""
    return _file("docs.js", "text/javascript")


@router.get("/api/docs/page.css")
def style() -> Response:
    """The page's style."""
    return _file("docs.css", "text/css")


def _file(name: str, media_type: str, headers: dict[str, str] | None = None) -> Response:
    return Response((STATIC / name).read_bytes(), media_type=media_type, headers=headers)
