"""Everything that speaks HTTP and is no webhook: `/health`, and one FastAPI application behind one catch-all.

The host tries functions in the order of their names and takes the first whose route fits: the catch-all's must come last.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import azure.functions as func

from shared.flow import Flow
from shared.warming import imports, warming

if TYPE_CHECKING:
    from shared.web.app import FunctionsMiddleware

FLOW = Flow(
    name="web",
    title="The REST API",
    about="Everything that speaks HTTP and is no webhook: `/health`, and the REST API with its description.",
    functions=("functions.web:bp",),
    optional=False,
    routers=("shared.web.description:router", "shared.web.flow_catalogue:router", "shared.web.executions:router"),
)
bp = func.Blueprint()


@bp.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """Alive: the worker runs and answers. Asks nothing of any dependency."""
    with warming.under_way():
        return func.HttpResponse(json.dumps({"status": "alive"}), mimetype="application/json")


@bp.route("{*path}", auth_level=func.AuthLevel.ANONYMOUS)
async def zz_web(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The REST API. It is imported in a quiet moment after the first request, at the latest here, beside the event loop."""
    app = await asyncio.to_thread(_api)
    return await app.handle_async(req, context)


def _api() -> FunctionsMiddleware:
    from shared.web.app import asgi

    return asgi()


# The parts that take longest come one by one, so that webhooks may come between them.
HEAVY = ("pydantic.main", "sqlalchemy", "sqlalchemy.orm", "shared.store.models", "requests", "starlette.routing", "fastapi")
warming.prepare(*imports(*HEAVY), _api)
