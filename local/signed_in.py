"""Somebody at the console, as a browser is: signed in with an API key, pressing the buttons of its pages."""

import re
from collections.abc import Callable, Mapping
from html import unescape
from http.cookiejar import CookieJar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

SECONDS = 30
_FIELD = re.compile(r"<input\b[^>]*>")
_PART = re.compile(r'\b(name|value)="([^"]*)"')


def pressing(base_url: str, key: str) -> Callable[[str, str], str]:
    """A function that opens a page of the console and sends its form to an address; where that led, without the host.

    It raises LookupError where the page has no such form, and OSError where the app does not answer or refuses.
    """
    opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def press(page: str, action: str) -> str:
        if not _is_signed_in(opener, base_url):
            _sent(opener, base_url, "/console/sign-in", "/console/sign-in", {"key": key})
        return _sent(opener, base_url, page, action, {})

    return press


def _is_signed_in(opener: OpenerDirector, base_url: str) -> bool:
    with opener.open(f"{base_url}/console/me", timeout=SECONDS) as answer:
        return "/sign-in" not in str(answer.geturl())


def _sent(opener: OpenerDirector, base_url: str, page: str, action: str, given: Mapping[str, str]) -> str:
    with opener.open(base_url + page, timeout=SECONDS) as answer:
        fields = _fields(answer.read().decode(), action)
    with opener.open(base_url + action, urlencode({**fields, **given}).encode(), timeout=SECONDS) as answer:
        return str(answer.geturl()).removeprefix(base_url)


def _fields(text: str, action: str) -> dict[str, str]:
    """What a form of a page sends before somebody has typed anything. Raises LookupError."""
    found = re.search(rf'<form\b[^>]*\baction="{re.escape(action)}"[^>]*>(.*?)</form>', text, re.DOTALL)
    if found is None:
        raise LookupError(f"the page has no form that leads to {action}")
    parts = [dict(_PART.findall(field)) for field in _FIELD.findall(found[1])]
    return {one["name"]: unescape(one.get("value", "")) for one in parts if one.get("name")}
