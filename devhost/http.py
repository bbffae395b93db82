"""HTTP triggers: find the function for a request, hand it over as the host does, turn what comes back into a response."""

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from devhost.functions import Function, HttpTrigger
from devhost.invoker import Invoker
from devhost.routes import decode_path
from devhost.rpc import RpcHttp, RpcHttpCookie, TypedData

logger = logging.getLogger("devhost")

MAX_BODY_BYTES = 104_857_600
BODY_LIMIT_SETTING = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
HOME_PAGE = "<!doctype html><title>Function App</title><h1>Your Function App is up and running</h1>"
_OWN_HEADERS = frozenset({"content-length", "transfer-encoding", "connection"})  # the server's to set


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The keys to ask for with --enable-auth."""

    function: str
    master: str

    def admit(self, request: web.BaseRequest, level: str) -> bool:
        """Whether a request may call a function of this level: header `x-functions-key`, else `?code=`."""
        if level == "anonymous":
            return True
        given = (request.headers.get("x-functions-key") or request.query.get("code", "")).encode()
        accepted = [self.master] if level == "admin" else [self.master, self.function]
        return any(hmac.compare_digest(given, key.encode()) for key in accepted)


class HttpFront:
    """Answers every request: the admin endpoints, the functions, the home page."""

    def __init__(
        self,
        functions: list[Function],
        invoker: Invoker,
        *,
        route_prefix: str,
        keys: Keys | None,
        home_page: bool,
        admin: Callable[[web.BaseRequest, str], Awaitable[web.Response]],
        body_limit: int = MAX_BODY_BYTES,
    ) -> None:
        self.routes = [(function, function.trigger) for function in functions if isinstance(function.trigger, HttpTrigger)]
        self.invoker, self.keys, self.home_page, self.admin = invoker, keys, home_page, admin
        self.prefix = f"/{route_prefix}" if route_prefix else ""
        self.body_limit = body_limit

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """The answer to a request. Whatever goes wrong inside is a 500 with an empty body; the log has the reason."""
        try:
            return await self._handle(request)
        except web.HTTPRequestEntityTooLarge:
            response = web.Response(status=413)
            response.force_close()  # rather than take in what nobody will read
            return response
        except Exception:
            logger.exception("%s %s could not be answered", request.method, request.rel_url.raw_path)
            return web.Response(status=500)

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        path = decode_path(request.rel_url.raw_path)
        if path.lower().startswith(("/admin/", "/runtime/")):
            if self.keys and not self.keys.admit(request, "admin"):
                return web.Response(status=401)
            return await self.admin(request, path)
        found = self.find(request.method, path)
        if found is None:
            return self._home_page() if path == "/" and request.method == "GET" else web.Response(status=404)
        function, trigger, route_values = found
        if function.disabled:
            return web.Response(status=404)
        if self.keys and not self.keys.admit(request, trigger.auth_level):
            return web.Response(status=401)
        argument = TypedData(http=await _to_rpc(request, route_values, self.body_limit))
        outcome = await self.invoker.run(function, argument, trace_parent=request.headers.get("traceparent"))
        return web.Response(status=500) if outcome.failure is not None else to_response(outcome.return_value)

    def find(self, method: str, path: str) -> tuple[Function, HttpTrigger, dict[str, str]] | None:
        """The first function, by name, whose template and methods fit. A wrong method is no match, hence 404 and not 405."""
        if self.prefix:
            if not f"{path}/".lower().startswith(f"{self.prefix}/".lower()):
                return None
            path = path[len(self.prefix) :] or "/"
        for function, trigger in self.routes:
            if trigger.methods is None or method in trigger.methods:
                values = trigger.template.match(path)
                if values is not None:
                    return function, trigger, values
        return None

    def _home_page(self) -> web.Response:
        return web.Response(text=HOME_PAGE, content_type="text/html") if self.home_page else web.Response(status=204)


async def _to_rpc(request: web.BaseRequest, route_values: dict[str, str], limit: int) -> RpcHttp:
    raw_target = request.raw_path
    target = raw_target if raw_target.startswith("/") else str(request.rel_url.relative())
    return RpcHttp(
        method=request.method,
        url=f"{request.scheme}://{request.host}{target}",
        headers=joined_headers(request),
        query=joined_query(request.rel_url.raw_query_string),
        params=route_values,
        body=TypedData(bytes=await _read_body(request, limit)),
    )


def body_limit(value: str | None) -> int:
    """How many bytes of a body the host takes, by FUNCTIONS_REQUEST_BODY_SIZE_LIMIT; 100 MiB where that is no number."""
    try:
        return int(value or "")
    except ValueError:
        return MAX_BODY_BYTES


async def _read_body(request: web.BaseRequest, limit: int) -> bytes:
    """The body. The host reads one only if its length was announced: a chunked request arrives empty."""
    length = request.content_length or 0
    if length > limit:
        raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=length)
    if length <= 0:
        return b""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the interim answer is no part of the real one
    return await request.read()


def joined_headers(request: web.BaseRequest) -> dict[str, str]:
    """Names in lower case, repeated ones joined by a comma."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    return headers


def joined_query(query_string: str) -> dict[str, str]:
    """Repeated names (whatever their case) joined by a comma under the first spelling; names left without a value dropped."""
    if not query_string:
        return {}
    spelt: dict[str, str] = {}
    values: dict[str, str] = {}
    for name, value in parse_qsl(query_string, keep_blank_values=True):
        key = spelt.setdefault(name.lower(), name)
        values[key] = f"{values[key]},{value}" if key in values else value
    return {name: value for name, value in values.items() if value}


def to_response(value: TypedData | None) -> web.Response:
    """What the function returned, as a response. A bare text goes through the host's guessing; see `_guessed`."""
    if value is None:
        return web.Response(status=200)
    if value.kind != "http":
        return _guessed(str(value.value))
    http: RpcHttp = value.value
    response = web.Response(
        status=int(http.status_code),
        headers={name: text for name, text in http.headers.items() if name.lower() not in _OWN_HEADERS},
        body=http.body.value,
    )
    for cookie in http.cookies or ():
        response.headers.add("Set-Cookie", set_cookie(cookie))
    return response


def _guessed(text: str) -> web.Response:
    """What a bare `str` becomes: JSON is written anew, and an object with a `body` is taken for a whole response."""
    try:
        content = json.loads(text)
    except ValueError:
        content = text
    status, headers = 200, {}
    fields = {key.lower(): value for key, value in content.items()} if isinstance(content, dict) else {}
    if "body" in fields:
        content = fields["body"]
        given = str(fields.get("statuscode", fields.get("status", status)))
        status = int(given) if given.isdecimal() else status
        headers = {str(name): str(header) for name, header in (fields.get("headers") or {}).items()}
    is_text = isinstance(content, str)
    body = content if is_text else json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "text/plain; charset=utf-8" if is_text else "application/json; charset=utf-8"
    return web.Response(status=status, headers=headers, body=str(body).encode())


def set_cookie(cookie: RpcHttpCookie) -> str:
    """The `Set-Cookie` header of a cookie."""

    def given(field: Any) -> Any:
        return None if field is None else field.value

    parts = [f"{cookie.name}={cookie.value}"]
    if (expires := given(cookie.expires)) is not None:
        parts.append(f"expires={format_datetime(datetime.fromtimestamp(expires.seconds, UTC), usegmt=True)}")
    if (max_age := given(cookie.max_age)) is not None:
        parts.append(f"max-age={int(max_age)}")
    attributes: Mapping[str, Any] = {"domain": given(cookie.domain), "path": given(cookie.path), "samesite": cookie.same_site}
    parts += [f"{name}={value}" for name, value in attributes.items() if value]
    parts += [name for name, flag in (("secure", cookie.secure), ("httponly", cookie.http_only)) if given(flag)]
    return "; ".join(parts)
