"""The application: its routers, its errors, and the way in from Azure Functions."""

import logging
import threading
from functools import cache

import azure.functions as func
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import flows, page_headers, problems
from shared.errors import RefusedError
from shared.web import description, error_handlers

log = logging.getLogger("puente.web")

HEADERS = {name.lower().encode(): value.encode() for name, value in (page_headers.EVERYWHERE | page_headers.API).items()}


def build() -> FastAPI:
    """The application, complete."""
    app = FastAPI(
        title="Puente",
        version=description.VERSION,
        description=description.TEXT,
        openapi_url="/api/openapi.json",
        docs_url=None,  # FastAPI's own pages load their scripts from the internet
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    for router in flows.parts("routers"):
        app.include_router(router)
    error_handlers.install(app)
    app.add_middleware(Front)
    description.describe(app)
    return app


class Front:
    """Stands before everything else: what no handler has foreseen becomes a problem document, never a broken connection.

    Takes a slash at the end of a path for the same address as without it, and tells caches to keep nothing (the answers hold
    personal data).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and answer for what goes wrong."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def send_on(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                given = {name.lower() for name, _value in message["headers"]}
                message["headers"] = [*message["headers"], *((n, v) for n, v in HEADERS.items() if n not in given)]
            await send(message)

        path = scope["path"]
        scope["path"] = path.removesuffix("/") or "/"
        try:
            await self.app(scope, receive, send_on)
        except Exception as error:
            if begun:
                raise
            await error_handlers.unexpected(error)(scope, receive, send_on)


class FunctionsMiddleware(func.AsgiMiddleware):
    """Azure's bridge to ASGI, except that an address it cannot decode is refused and not a failure."""

    async def handle_async(self, req: func.HttpRequest, context: func.Context | None = None) -> func.HttpResponse:
        """The application's answer to a request."""
        try:
            answer: func.HttpResponse = await super().handle_async(req, context)
        except ValueError:  # not UTF-8 behind the percent signs, or a port that is no number
            log.warning("a request was refused: its address cannot be read")
            return problems.response(RefusedError(400, "bad-address", "The address of the request cannot be read."))
        return answer


_building = threading.Lock()


def asgi() -> FunctionsMiddleware:
    """The way in for Azure Functions, built on first use, once."""
    with _building:
        return _built()


@cache
def _built() -> FunctionsMiddleware:
    return FunctionsMiddleware(build())  # type: ignore[no-untyped-call]  # azure.functions has not typed it
