"""Who may call what: every route of a router with `route_class=SecuredRoute` asks for an API key with the scope it needs."""

import base64
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Any, ClassVar

from fastapi import Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBasic, HTTPBearer

from shared.errors import RefusedError
from shared.intake import auth, body
from shared.problems import documented
from shared.settings import ApiKey, Scope, Settings, get_settings

API_KEY = APIKeyHeader(
    name="X-API-KEY", scheme_name="ApiKey", auto_error=False, description="One of the keys in the setting API_KEYS."
)


class _Basic(HTTPBasic):
    """Basic authentication in the API's description; what checks the password is `SecuredRoute`."""

    async def __call__(self, request: Request) -> None:  # type: ignore[override]  # the framework's own refuses letters outside ASCII
        """Check nothing."""


class _Bearer(HTTPBearer):
    """Bearer authentication in the API's description; what checks the key is `SecuredRoute`."""

    async def __call__(self, request: Request) -> None:  # type: ignore[override]  # as `_Basic`
        """Check nothing."""


BEARER = _Bearer(scheme_name="Bearer", auto_error=False, description="One of the keys in the setting API_KEYS.")
BASIC = _Basic(scheme_name="Basic", auto_error=False, description="The password is one of the keys in the setting API_KEYS.")
EVERYWHERE = (401, 403, 422, 500, 503)
WITH_BODY = (400, 413, 415)
READING_METHODS = {"GET", "HEAD"}


class SecuredRoute(APIRoute):
    """A route that first of all asks who is calling: `read` for what only reads, `write` for everything else.

    The key is checked before the body is looked at, so that a stranger learns nothing about what would be valid. The body is
    held to the same rules as a webhook's: size, JSON, nothing that cannot be stored.
    """

    also: ClassVar[tuple[Scope, ...]] = ()  # scopes that open it as well
    only_reads: ClassVar[bool] = False  # whatever the method
    takes_basic: ClassVar[bool] = False  # an API key may come as the password of Basic authentication
    takes_key_in_address: ClassVar[bool] = False  # an API key that opens webhooks only may come as `{key}` in the address

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        reads = self.only_reads or set(options.get("methods") or {"GET"}) <= READING_METHODS
        self.scope: Scope = "read" if reads else "write"
        shown = Security(API_KEY, scopes=[self.scope])  # for the description; `guarded` below is what checks
        bearer = Security(BEARER, scopes=[self.scope])
        basic = [Security(BASIC, scopes=[self.scope])] if self.takes_basic else []
        options["dependencies"] = [*(options.get("dependencies") or ()), shown, bearer, *basic]
        options["responses"] = _merged(documented(*EVERYWHERE), options.get("responses") or {})
        super().__init__(path, endpoint, **options)
        if self.body_field is not None:
            self.responses = _merged(documented(*WITH_BODY), self.responses)

    def signed(self, headers: Mapping[str, str], raw: bytes, settings: Settings) -> ApiKey | None:
        """Who has signed the request, where a signature opens the route as well; None: it carries none, a key is asked for.

        Raises:
            RefusedError: 401, it carries a signature that is not good.
        """
        del headers, raw, settings
        return None

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of FastAPI, behind our checks."""
        handle = super().get_route_handler()
        has_body = self.body_field is not None
        needs_body = self.body_field is not None and self.body_field.field_info.is_required()

        async def guarded(request: Request) -> Response:
            settings = get_settings()
            headers = _with_password(_headers(request)) if self.takes_basic else _headers(request)
            in_address = request.path_params.get("key") if self.takes_key_in_address and auth.HEADER not in headers else None
            if in_address:
                headers |= {auth.HEADER: in_address}
            signer = self.signed(headers, await request.body() if has_body else b"", settings)
            request.state.caller = signer or _caller_with(headers, settings.api_keys, (self.scope, *self.also))
            if in_address and signer is None:
                auth.require_webhooks_only(request.state.caller)
            if has_body and (needs_body or await request.body()):
                _check_body(request, await request.body(), settings.max_body_bytes)
            return await handle(request)

        return guarded


def _caller_with(headers: Mapping[str, str], keys: Sequence[ApiKey], scopes: Sequence[Scope]) -> ApiKey:
    """The caller's key, if it has one of `scopes`. Raises RefusedError, 401 or 403 (that of the first scope)."""
    first, *others = scopes
    try:
        return auth.caller(headers, keys, first)
    except RefusedError as error:
        if error.status != HTTPStatus.FORBIDDEN or not others:
            raise
        with suppress(RefusedError):
            return _caller_with(headers, keys, others)
        raise


class BasicRoute(SecuredRoute):
    """A route at an address of the replaced system, whose callers send Basic authentication: the password is an API key.

    The user's name counts for nothing. No answer asks for such a password, so that no browser keeps one.
    """

    takes_basic = True


class ReadingRoute(SecuredRoute):
    """A route that changes nothing, also where it takes a body: the scope `read` is enough."""

    only_reads = True


def _merged(
    common: dict[int | str, dict[str, Any]], own: Mapping[int | str, dict[str, Any]]
) -> dict[int | str, dict[str, Any]]:
    """Both; where a route has an answer of its own for a status, a problem document may come under it all the same."""
    return common | {status: common.get(status, {}) | more for status, more in own.items()}


def _headers(request: Request) -> dict[str, str]:
    """The headers as the webhooks see them; the framework would read a key with letters outside ASCII differently."""
    return {name.decode("latin-1"): value.decode("utf-8", "surrogateescape") for name, value in request.headers.raw}


def _with_password(headers: dict[str, str]) -> dict[str, str]:
    """The headers, with the password of Basic authentication as the key where there is no other."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if auth.HEADER in headers or scheme.lower() != "basic":
        return headers
    try:
        decoded = base64.b64decode(given.strip(), validate=True).decode("utf-8", "surrogateescape")
    except ValueError:  # nobody's
        return headers
    return headers | {auth.HEADER: decoded.partition(":")[2]}


def _check_body(request: Request, raw: bytes, limit: int) -> None:
    body.check_content_type(request.headers)
    body.check_size(raw, limit)
    body.parse_object(raw)


def _caller(request: Request) -> ApiKey:
    key: ApiKey = request.state.caller
    return key


Caller = Annotated[ApiKey, Depends(_caller)]
"""The key of the one who is calling."""


def actor(caller: ApiKey) -> str:
    """How the action log names somebody who called with this key."""
    return f"key:{caller.name}"
