"""A browser as the console sees one: it keeps cookies, follows redirects and posts the forms of the page that it shows."""

import html
import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

import azure.functions as func

from functions import web
from tests.support import loops

HOST = "http://127.0.0.1:7071"


@dataclass
class Form:
    """A form of a page: where it goes and what it says before somebody changes it."""

    action: str
    method: str
    fields: dict[str, str]
    buttons: list[str]


@dataclass
class Shown:
    """A page, after all redirects."""

    status: int
    address: str
    headers: dict[str, str]
    text: str

    @property
    def words(self) -> str:
        """What a reader sees of it, in one line."""
        body = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", self.text, flags=re.DOTALL)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())

    @property
    def heading(self) -> str:
        """Its first heading."""
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.text, re.DOTALL)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[1])).split()) if found else ""

    def forms(self) -> list[Form]:
        reader = _Forms()
        reader.feed(self.text)
        return reader.found

    def form(self, action: str) -> Form:
        """The form that goes to an address (without its query)."""
        return next(form for form in self.forms() if form.action.partition("?")[0] == action)

    def links(self) -> list[str]:
        return [html.unescape(link) for link in re.findall(r'<a\b[^>]*\bhref="([^"]*)"', self.text)]


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._select = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.found.append(Form(given.get("action", ""), given.get("method", "get").lower(), {}, []))
        if not self.found:
            return
        form = self.found[-1]
        if tag in ("input", "textarea") and given.get("name"):
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                form.fields[given["name"]] = given.get("value", "")
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and ("selected" in given or self._select not in form.fields):
            form.fields[self._select] = given.get("value", "")
        elif tag == "button":
            form.buttons.append(given.get("value", ""))


@dataclass
class Browser:
    """Somebody at the console. `key`: the API key that they sign in with, at once."""

    language: str = "en"
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def signed_in(self, key: str) -> "Browser":
        """The same, signed in."""
        page = self.get("/console/sign-in")
        self.submit(page.form("/console/sign-in"), key=key)
        return self

    def get(self, address: str, **headers: str) -> Shown:
        return self._follow("GET", address, b"", headers)

    def post(self, address: str, fields: dict[str, str], **headers: str) -> Shown:
        sent = {"content-type": "application/x-www-form-urlencoded"} | headers
        return self._follow("POST", address, urlencode(fields).encode(), sent)

    def upload(self, form: Form, name: str, text: str) -> Shown:
        """Post a form with a file."""
        edge = "edge-of-the-parts"
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in form.fields.items()
        ]
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="list.csv"\r\nContent-Type: text/csv\r\n\r\n'
        )
        body = "".join(part for part in parts if f'name="{name}"' not in part) + f"{head}{text}\r\n--{edge}--\r\n"
        return self._follow("POST", form.action, body.encode(), {"content-type": f"multipart/form-data; boundary={edge}"})

    def submit(self, form: Form, **changes: str) -> Shown:
        """Post a form with some fields changed."""
        fields = form.fields | changes
        if form.method == "get":
            return self.get(f"{form.action}?{urlencode(fields)}")
        return self.post(form.action, fields)

    def _follow(self, method: str, address: str, body: bytes, headers: dict[str, str]) -> Shown:
        for _ in range(5):
            answer = self._once(method, address, body, headers)
            where = answer.headers.get("location", "")
            if answer.status not in (302, 303) or not where.startswith("/console"):
                return answer
            method, address, body, headers = "GET", urljoin(address, where), b"", {}
        raise AssertionError(f"{address} redirects for ever")

    def _once(self, method: str, address: str, body: bytes, headers: dict[str, str]) -> Shown:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"accept-language": self.language, "cookie": cookies} | self.headers | headers
        request = func.HttpRequest(method=method, url=HOST + address, headers=sent, body=body)
        returned = loops.run(web.zz_web(request, None))
        given = [(name.lower(), value) for name, value in returned.headers.items()]
        for name, value in given:
            if name == "set-cookie":
                self._keep(value)
        return Shown(returned.status_code, address, dict(given), returned.get_body().decode(errors="replace"))

    def _keep(self, cookie: str) -> None:
        for name, morsel in SimpleCookie(cookie).items():
            if morsel["max-age"] == "0" or not morsel.value:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value


def is_of_console(address: str) -> bool:
    parts = urlsplit(address)
    return not parts.netloc and parts.path.startswith("/console")


def keys(**scopes: list[str]) -> str:
    """API_KEYS: a key `<name>-key` for each name."""
    return json.dumps([{"name": name, "key": f"{name}-key", "scopes": given} for name, given in scopes.items()])
