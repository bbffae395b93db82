"""Signing in with an API key, on one machine or where no other way is set up. Whoever may read may sign in."""

import logging

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from shared import clock
from shared.console import identity, pages, session
from shared.console.routes import LARGEST_FORM_BYTES, OURS, SEE_OTHER, own_path, set_cookie
from shared.console.settings import ConsoleSettings
from shared.console.words import mark
from shared.errors import RefusedError
from shared.intake import auth
from shared.settings import get_settings, settings_of

router = APIRouter(include_in_schema=False)
log = logging.getLogger("puente.console")

LONGEST_KEY = 500
NOT_A_KEY = mark("This is none of the API keys that may read.")


@router.get("/console/sign-in")
def ask(request: Request, next: str = "/console") -> Response:  # noqa: A002  # the name in the address
    """The page that asks for a key."""
    return _page(request, next)


@router.post("/console/sign-in")
async def sign_in(request: Request) -> Response:
    """Begin a session for a key that may read, and go to the page that was asked for."""
    if request.headers.get("sec-fetch-site", "same-origin") not in OURS or len(await request.body()) > LARGEST_FORM_BYTES:
        return pages.refusal(request, RefusedError(403, "other-site", mark("Another site has sent this form.")))
    form = await request.form()
    key, back = (str(form.get(name) or "") for name in ("key", "next"))
    settings = get_settings()
    try:
        found = auth.caller({auth.HEADER: key.strip()[:LONGEST_KEY]}, settings.api_keys, "read")
    except RefusedError:
        log.warning("somebody tried to sign in with what is no API key that may read")
        return _page(request, back, NOT_A_KEY, 403)
    try:
        value = session.written(session.Session.begin(found, clock.now()), settings.link_signing_secrets)
    except RefusedError as error:
        return pages.refusal(request, error)
    log.info("%s has signed in to the console", identity.of_key(found).actor)
    response = RedirectResponse(own_path(back), SEE_OTHER)
    set_cookie(request, response, value)
    return response


def _page(request: Request, back: str, fault: str = "", status: int = 200) -> Response:
    if settings_of(ConsoleSettings).console_sign_in == "entra":
        return RedirectResponse(own_path(back), SEE_OTHER)  # the page itself sends to where people sign in
    return pages.render(request, "console/sign_in.html", status, heading=mark("Sign in"), fault=fault, next=own_path(back))
