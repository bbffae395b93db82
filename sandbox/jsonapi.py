"""What vendors with a JSON API over HTTP have in common: answers, refusals, bodies, paths."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.vendor import Answer, Call

JSON = "application/json; charset=utf-8"

type Handler = Callable[..., Answer]


class RefusedError(Exception):
    """The call is refused; `answer` is what the vendor says."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.outcome)
        self.answer = answer


def answer_json(
    body: Any, status: int = 200, *, outcome: str = "ok", content_type: str = JSON, headers: Mapping[str, str] | None = None
) -> Answer:
    """`body` as JSON."""
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return Answer(status=status, body=data, content_type=content_type, headers=headers or {}, outcome=outcome)


def body_of(call: Call) -> Any:
    """The call's JSON; `{}` where it has no body. Raises ValueError."""
    try:
        return json.loads(call.body) if call.body.strip() else {}
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def bearer(call: Call) -> str:
    """The token that the call presents, or ""."""
    scheme, _, token = header(call, "authorization").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def header(call: Call, name: str) -> str:
    """A header by its name in any case, or ""."""
    return next((value for key, value in call.headers.items() if key.lower() == name.lower()), "")


class Router:
    """Methods and paths with what answers them; `{name}` in a path is one part of it, handed over as text."""

    def __init__(self, routes: Iterable[tuple[str, str, Handler]]) -> None:
        self._routes = [
            (method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), take) for method, path, take in routes
        ]

    def find(self, call: Call) -> tuple[Handler, dict[str, str]] | None:
        """Who answers the call, and the parts of its path; None where nothing does."""
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(call.path)
            if found and method == call.method:
                return handler, found.groupdict()
        return None

    def methods(self, path: str) -> list[str]:
        """The methods that the path has; none where there is no such path."""
        return [method for method, pattern, _ in self._routes if pattern.fullmatch(path)]
