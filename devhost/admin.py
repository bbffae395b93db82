"""The host's own endpoints: `/admin/host/ping`, `/admin/host/status`, `/admin/functions`."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from devhost.functions import Function, HttpTrigger, QueueTrigger
from devhost.invoker import Invoker
from devhost.queues import message_by_hand, trigger_input
from devhost.rpc import RpcHttp, TypedData
from devhost.timers import TimerListener


class Admin:
    """Answers requests below `/admin/`."""

    def __init__(
        self,
        functions: list[Function],
        invoker: Invoker,
        *,
        base_url: str,
        status: Callable[[], Mapping[str, Any]],
        timers: Mapping[str, TimerListener],
    ) -> None:
        self.functions = {function.name.lower(): function for function in functions}
        self.invoker, self.base_url, self.status, self.timers = invoker, base_url, status, timers
        self._by_hand: set[asyncio.Task[Any]] = set()

    async def handle(self, request: web.BaseRequest, path: str) -> web.Response:
        """The answer for `path`, or 404."""
        place = path.rstrip("/").lower()
        if place == "/admin/host/ping":
            return web.Response(status=200)
        if place == "/admin/host/status" and request.method == "GET":
            return web.json_response(dict(self.status()))
        if place == "/admin/functions" and request.method == "GET":
            return web.json_response([self._describe(function) for function in self.functions.values()])
        function = self.functions.get(place.removeprefix("/admin/functions/"))
        if function is None:
            return web.Response(status=404)
        if request.method == "GET":
            return web.json_response(self._describe(function))
        return await self._run_by_hand(request, function) if request.method == "POST" else web.Response(status=404)

    def _describe(self, function: Function) -> dict[str, Any]:
        trigger = function.trigger
        route = f"{self.base_url}/{trigger.route}" if isinstance(trigger, HttpTrigger) else None
        return {
            "name": function.name,
            "language": "python",
            "isDisabled": function.disabled,
            "invoke_url_template": route,
            "config": {"bindings": list(function.bindings)},
        }

    async def _run_by_hand(self, request: web.BaseRequest, function: Function) -> web.Response:
        """Start it and answer 202 without waiting for the result. 400 unless the body is a JSON object."""
        try:
            document = json.loads(await request.read())
        except ValueError:
            return web.Response(status=400)
        if not isinstance(document, dict):
            return web.Response(status=400)
        given = document.get("input")
        text = given if isinstance(given, str) else "" if given is None else json.dumps(given)
        task: asyncio.Task[Any] = asyncio.ensure_future(self._invocation(function, text))
        self._by_hand.add(task)
        task.add_done_callback(self._by_hand.discard)
        return web.Response(status=202)

    def _invocation(self, function: Function, text: str) -> Awaitable[Any]:
        if function.name in self.timers:
            return self.timers[function.name].invoke_by_hand()
        if isinstance(function.trigger, QueueTrigger):
            argument, metadata = trigger_input(message_by_hand(text), text.encode(), binary=function.trigger.binary)
            return self.invoker.run(function, argument, metadata)
        body = TypedData(bytes=text.encode())
        url = f"{self.base_url}/{function.name}"
        http = RpcHttp(method="POST", url=url, headers={}, query={}, params={}, body=body)
        return self.invoker.run(function, TypedData(http=http))
