"""What is each operator's own: who they are here, the language, the zone, single keys, help; and signing out."""

from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from shared.console import pages, session
from shared.console.identity import Role
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed, own_path, set_cookie
from shared.console.settings import ConsoleSettings
from shared.console.words import LANGUAGES, mark
from shared.settings import settings_of

router = APIRouter(route_class=ConsoleRoute)
YEAR_SECONDS = 365 * 24 * 3600
ENTRA_SIGN_OUT = "/.auth/logout?post_logout_redirect_uri=%2Fconsole"


class ForViewers(ConsoleRoute):
    """A post that changes nothing but how the pages look to whoever posts."""

    role = Role.VIEWER


own = APIRouter(route_class=ForViewers)


@router.get("/console/me")
def me(request: Request, operator: Signed) -> Response:
    """Who has signed in, with which roles, and how they want the pages."""
    zones = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))
    keys_on = request.cookies.get("puente_keys") == "on"
    return pages.render(request, "console/me.html", heading=operator.name, roles=list(Role), zones=zones, keys_on=keys_on)


@router.get("/console/help")
def help_page(request: Request) -> Response:
    """How the console is used, and by which keys."""
    return pages.render(request, "console/help.html", heading=mark("Help and keys"))


@own.post("/console/language")
def choose_language(language: Annotated[str, Form()], next: Annotated[str, Form()] = "/console") -> Response:  # noqa: A002
    """Speak that language from now on."""
    return _kept(pages.LANGUAGE_COOKIE, language if language in LANGUAGES else "", next)


@own.post("/console/me/zone")
def choose_zone(zone: Annotated[str, Form()]) -> Response:
    """Show times in that zone from now on."""
    return _kept(pages.ZONE_COOKIE, zone if zone in available_timezones() else "", "/console/me")


@own.post("/console/me/keys")
def choose_keys(keys: Annotated[str, Form()] = "off") -> Response:
    """Switch single keys on or off."""
    return _kept("puente_keys", "on" if keys == "on" else "off", "/console/me")


@own.post("/console/sign-out")
def sign_out(request: Request) -> Response:
    """End the session in this browser."""
    entra = settings_of(ConsoleSettings).console_sign_in == "entra"
    response = RedirectResponse(ENTRA_SIGN_OUT if entra else "/console/sign-in", SEE_OTHER)
    request.state.signs_out = True
    set_cookie(request, response, "")
    response.delete_cookie(session.COOKIE, path="/console")
    return response


def _kept(name: str, value: str, back: str) -> Response:
    """Back to the page, with a cookie of the console that scripts may read."""
    response = RedirectResponse(own_path(back), SEE_OTHER)
    response.set_cookie(name, value, max_age=YEAR_SECONDS if value else 0, path="/console", samesite="lax")
    return response


router.include_router(own)
