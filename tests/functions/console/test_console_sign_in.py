"""Who gets into the console, and how long."""

import base64
import json

import pytest

from shared.settings import get_settings
from tests.functions.console.browser import Browser

pytestmark = pytest.mark.usefixtures("console")


def principal(**claims: str | list[str]) -> str:
    """The header that App Service Authentication puts on a request."""
    listed = [
        {"typ": kind, "val": value}
        for kind, values in claims.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    return base64.b64encode(json.dumps({"auth_typ": "aad", "claims": listed, "role_typ": "roles"}).encode()).decode()


def test_stranger_is_sent_to_sign_in_and_then_back():
    """The page that was asked for is shown after signing in, its query included."""
    browser = Browser()
    asked = browser.get("/console/me?x=1")
    assert asked.address.startswith("/console/sign-in?next=")
    shown = browser.submit(asked.form("/console/sign-in"), key="vera-key")
    assert (shown.status, shown.address, shown.heading) == (200, "/console/me?x=1", "vera")


@pytest.mark.parametrize("key", ["", "wrong", "hook-key", "llave-ñandú"])
def test_key_that_may_not_read_is_refused(key):
    """No session, and the page says why."""
    browser = Browser()
    shown = browser.submit(browser.get("/console/sign-in").form("/console/sign-in"), key=key)
    assert shown.status == 403
    assert "none of the API keys" in shown.words
    assert browser.get("/console").heading == "Sign in to Puente"


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "/api/v1/contacts", "/consoles"]
)
def test_nobody_is_sent_to_another_site(back):
    """Whatever stands in the address."""
    browser = Browser()
    page = browser.get("/console/sign-in")
    shown = browser.post("/console/sign-in", page.form("/console/sign-in").fields | {"key": "vera-key", "next": back})
    assert shown.address == "/console"


def test_session_ends_after_an_hour_without_use(test_clock, viewer):
    """And is prolonged by use, up to twelve hours."""
    test_clock.advance(minutes=59)
    assert viewer.get("/console/me").heading == "vera"
    test_clock.advance(minutes=59)
    assert viewer.get("/console/me").heading == "vera"
    test_clock.advance(minutes=61)
    assert viewer.get("/console/me").heading == "Sign in to Puente"


def test_session_ends_after_twelve_hours_of_use(test_clock, viewer):
    """Somebody has to sign in every day."""
    for _ in range(13):
        test_clock.advance(minutes=59)
        shown = viewer.get("/console/me")
    assert shown.heading == "Sign in to Puente"


def test_session_ends_with_its_key(viewer, environment):
    """A key that was taken away or changed opens nothing more."""
    environment.setenv("API_KEYS", json.dumps([{"name": "vera", "key": "another", "scopes": ["read"]}]))
    get_settings.cache_clear()
    assert viewer.get("/console/me").heading == "Sign in to Puente"


def test_altered_cookie_opens_nothing(viewer):
    """Not one letter of it may change."""
    text, signature = viewer.cookies["puente_console"].split(".")
    viewer.cookies["puente_console"] = f"{text[:-1]}{'A' if text[-1] != 'A' else 'B'}.{signature}"
    assert viewer.get("/console/me").heading == "Sign in to Puente"


def test_cookie_is_out_of_reach_of_scripts_and_other_sites():
    """And does not go to the API."""
    browser = Browser()
    page = browser.get("/console/sign-in")
    answer = browser._once(
        "POST",
        "/console/sign-in",
        b"key=vera-key",
        {"content-type": "application/x-www-form-urlencoded", "x-forwarded-proto": "https"},
    )
    cookie = answer.headers["set-cookie"]
    assert page.status == 200
    assert {"HttpOnly", "Path=/console", "SameSite=lax", "Secure"} <= set(cookie.split("; "))


def test_signing_out_ends_it(viewer):
    """In this browser."""
    viewer.submit(viewer.get("/console/me").form("/console/sign-out"))
    assert viewer.get("/console").heading == "Sign in to Puente"


def test_headers_of_the_platform_are_refused_where_it_signs_nobody_in():
    """Anybody could send them."""
    shown = Browser().get("/console", **{"x-ms-client-principal": principal(oid="1", roles="admin")})
    assert shown.status == 400


class TestEntra:
    """App Service Authentication signs people in."""

    @pytest.fixture(autouse=True)
    def entra(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("CONSOLE_SIGN_IN", "entra")
        environment.setenv("WEBSITE_AUTH_ENABLED", "True")
        get_settings.cache_clear()

    def test_stranger_is_sent_to_the_platform(self):
        """And back to the page that was asked for."""
        shown = Browser().get("/console/me")
        assert (shown.status, shown.headers["location"]) == (
            303,
            "/.auth/login/aad?post_login_redirect_uri=%2Fconsole%2Fme",
        )

    def test_person_has_the_roles_of_the_token(self):
        """By the names of the app roles."""
        header = principal(oid="7f", name="Marta Ibarra", preferred_username="marta@example.com", roles=["operator", "x"])
        shown = Browser(headers={"x-ms-client-principal": header}).get("/console/me")
        assert shown.heading == "marta@example.com"
        assert "person:marta@example.com" in shown.words

    def test_nobody_is_believed_where_the_platform_has_switched_it_off(self, environment: pytest.MonkeyPatch):
        """Then nobody takes a stranger's header off: whatever it says, the page is refused."""
        environment.setenv("WEBSITE_AUTH_ENABLED", "False")
        get_settings.cache_clear()
        header = principal(oid="7f", name="Marta", roles=["admin"])
        assert Browser().get("/console", **{"x-ms-client-principal": header}).status == 503
        assert Browser().get("/console").status == 503

    def test_person_without_a_role_sees_nothing(self):
        """They are told which role it needs."""
        shown = Browser(headers={"x-ms-client-principal": principal(oid="7f", name="Marta")}).get("/console")
        assert (shown.status, shown.heading) == (403, "This needs the role viewer.")

    @pytest.mark.parametrize(
        "header", ["", "%%%", "bm8=", base64.b64encode(b"[1]").decode(), "A" * 40_000, principal(name="x")]
    )
    def test_header_that_cannot_be_read_opens_nothing(self, header):
        """Whatever stands in it."""
        assert Browser().get("/console", **{"x-ms-client-principal": header}).status == 401

    def test_api_key_does_not_sign_in(self):
        """There is one way in."""
        shown = Browser()._once("GET", "/console/sign-in", b"", {})
        assert (shown.status, shown.headers["location"]) == (303, "/console")


class TestForms:
    """What changes something is a post from a page of ours."""

    def test_post_without_its_token_changes_nothing(self, operator):
        """Another site cannot know the token."""
        shown = operator.post("/console/language", {"language": "es"})
        assert shown.status == 403
        assert "puente_language" not in operator.cookies

    def test_token_of_another_session_is_none(self, operator):
        """Even of the same key."""
        other = Browser().signed_in("olga-key")
        form = other.get("/console/me").form("/console/language")
        assert operator.submit(form).status == 403

    def test_post_from_another_site_is_refused(self, operator):
        """As the browser says."""
        form = operator.get("/console/me").form("/console/language")
        shown = operator.post("/console/language", form.fields | {"language": "es"}, **{"sec-fetch-site": "cross-site"})
        assert shown.status == 403

    def test_language_is_kept(self, operator):
        """And the next page speaks it."""
        operator.submit(operator.get("/console/me").form("/console/language"), language="es")
        assert operator.get("/console/help").text.count('lang="es"') == 1

    def test_stranger_posts_nothing(self):
        """They are sent to sign in."""
        shown = Browser().post("/console/language", {"language": "es"})
        assert shown.heading == "Sign in to Puente"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("console.css", "text/css"), ("app.js", "text/javascript"), ("htmx.js", "text/javascript"), ("icon.svg", "image/svg")],
)
def test_files_are_served_from_the_package(name, kind):
    """Before somebody has signed in."""
    shown = Browser()._once("GET", f"/console/static/{name}", b"", {})
    assert (shown.status, shown.headers["content-type"].startswith(kind)) == (200, True)


def test_file_that_is_none_of_ours_is_not_there():
    """Whatever it is called."""
    assert Browser()._once("GET", "/console/static/..%2Fpages.py", b"", {}).status == 404
