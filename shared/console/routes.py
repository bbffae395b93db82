"""Pages of the console: who may see one, who may post to one, and what a refusal looks like.

`ConsoleRoute` asks who is there before anything else is done. Reading needs the role viewer, posting operator, unless a
route class of its own says another role. A post needs the token of its form, and must come from a page of ours.
"""

import logging
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from shared import clock
from shared.console import identity, pages, session
from shared.console.identity import Operator, Role
from shared.console.settings import ConsoleSettings
from shared.console.words import mark
from shared.errors import FieldError, RefusedError, RetryableError
from shared.settings import Settings, get_settings, settings_of

log = logging.getLogger("puente.console")

READS = frozenset(("GET", "HEAD"))
ENTRA_SIGN_IN = "/.auth/login/aad?post_login_redirect_uri="
TOKEN_FIELD, TOKEN_HEADER = "token", "x-console-token"
LARGEST_FORM_BYTES = 1_048_576
SEE_OTHER = 303
NOT_TRUSTED = mark("Operators sign in with an API key here: another word on who they are is refused.")
SIGN_IN_OFF = mark("App Service Authentication is off, so nobody can be known here. Switch it on, or sign in with API keys.")
NEEDS = {
    Role.VIEWER: mark("This needs the role viewer."),
    Role.OPERATOR: mark("This needs the role operator."),
    Role.APPROVER: mark("This needs the role approver."),
    Role.ADMIN: mark("This needs the role admin."),
}
OURS = frozenset(("same-origin", "none"))


class ConsoleRoute(APIRoute):
    """A page for operators. Its answers are pages too: a refusal, a wrong field, a system that is away."""

    role: ClassVar[Role | None] = None  # by the method where there is none
    largest_bytes: ClassVar[int] = LARGEST_FORM_BYTES

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        reads = set(options.get("methods") or {"GET"}) <= READS
        self.needs = self.role or (Role.VIEWER if reads else Role.OPERATOR)
        super().__init__(path, endpoint, **(options | {"include_in_schema": False}))

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of FastAPI, behind our checks."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                settings = get_settings()
                operator = signed_in(request, settings)
                if operator is None:
                    return _to_sign_in(request)
                request.state.operator = operator
                if request.method not in READS:
                    await _check_post(request, settings, self.largest_bytes)
                _require(operator, self.needs)
                return _with_session(request, await handle(request), settings)
            except (RefusedError, RetryableError, RequestValidationError) as error:
                return pages.refusal(request, _as_refusal(error))
            except Exception:
                log.exception("a page failed unexpectedly")
                return pages.refusal(request, RefusedError(500, "unexpected", mark("Something unexpected went wrong.")))
            finally:
                await request.close()  # the files of a form

        return guarded


def signed_in(request: Request, settings: Settings) -> Operator | None:
    """Who is there; None: nobody has signed in.

    Raises:
        RefusedError: 400, a header claims somebody where the platform signs nobody in; 401, it cannot be read;
            503, the platform should sign people in and does not.
    """
    principal = request.headers.get(identity.PRINCIPAL)
    console = settings_of(ConsoleSettings)
    if console.console_sign_in == "entra":
        if not console.website_auth_enabled:
            raise RefusedError(503, "sign-in-off", SIGN_IN_OFF)
        request.state.session_id = ""
        if principal is None:
            return None
        operator = identity.of_principal(principal)
        request.state.session_id = operator.id
        return operator
    if principal is not None:
        raise RefusedError(
            400, "not-trusted", "Operators sign in with an API key here: another word on who they are is refused."
        )
    return _of_cookie(request, settings)


def _of_cookie(request: Request, settings: Settings) -> Operator | None:
    """Who holds the cookie, as long as their key is one of ours."""
    found = session.read(request.cookies.get(session.COOKIE, ""), settings.link_signing_secrets, clock.now())
    key = None if found is None else found.key_of(settings.api_keys)
    if found is None or key is None:
        return None
    request.state.session, request.state.session_id = found, found.id
    return identity.of_key(key)


def _with_session(request: Request, response: Response, settings: Settings) -> Response:
    """The answer, with a cookie that says when the session was last used."""
    found: session.Session | None = getattr(request.state, "session", None)
    if found is not None and not getattr(request.state, "signs_out", False):
        set_cookie(request, response, session.written(found.seen_at(clock.now()), settings.link_signing_secrets))
    return response


def set_cookie(request: Request, response: Response, value: str) -> None:
    """Keep a session's cookie in the browser: for the console alone, out of reach of scripts and of other sites."""
    response.set_cookie(
        session.COOKIE,
        value,
        max_age=int(session.LONGEST.total_seconds()) if value else 0,
        path="/console",
        secure=request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https",
        httponly=True,
        samesite="lax",
    )


async def _check_post(request: Request, settings: Settings, largest_bytes: int) -> None:
    """Nothing where the form is one of ours, of this session. Raises RefusedError."""
    if request.headers.get("sec-fetch-site", "same-origin") not in OURS:
        raise RefusedError(403, "other-site", mark("Another site has sent this form."))
    if len(await request.body()) > largest_bytes:
        raise RefusedError(413, "too-large", mark("The form is too large."))
    given = request.headers.get(TOKEN_HEADER) or (await request.form()).get(TOKEN_FIELD)
    if not isinstance(given, str) or not session.is_form_token(given, request.state.session_id, settings.link_signing_secrets):
        raise RefusedError(403, "stale-form", mark("This form is too old: open its page again. Nothing was changed."))


def _require(operator: Operator, role: Role) -> None:
    if not operator.may(role):
        raise RefusedError(403, "needs-role", NEEDS[role])


def _to_sign_in(request: Request) -> Response:
    """Send the browser to where operators sign in, and back to this page afterwards."""
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method not in READS:
        back = "/console"
    entra = settings_of(ConsoleSettings).console_sign_in == "entra"
    where = (ENTRA_SIGN_IN if entra else f"{session.SIGN_IN}?next=") + quote(back, safe="")
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": where})
    return RedirectResponse(where, SEE_OTHER)


def own_path(text: str) -> str:
    """`text` where it is an address of the console, else the console's first page: nobody is sent elsewhere."""
    parts = urlsplit(text)
    is_own = not parts.scheme and not parts.netloc and (parts.path == "/console" or parts.path.startswith("/console/"))
    return text if is_own and "\\" not in text and text.isprintable() else "/console"


def _as_refusal(error: RefusedError | RetryableError | RequestValidationError) -> RefusedError:
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, RetryableError):
        log.warning("a page was put off: %s", error)
        return RefusedError(503, "unavailable", mark("Something this needs is not available at the moment; try again later."))
    faults = [FieldError(str(fault["loc"][-1])[:100], str(fault["msg"])) for fault in error.errors()[:20]]
    return RefusedError(422, "invalid-fields", mark("The request has values that are not as they must be."), errors=faults)


Signed = Annotated[Operator, Depends(pages.operator_of)]
"""Whoever asks for the page."""
