"""What functions see of a request, and what callers see of a response."""

from types import SimpleNamespace

import pytest

from devhost.http import Keys, joined_query, set_cookie, to_response
from devhost.rpc import (
    NullableBool,
    NullableDouble,
    NullableString,
    NullableTimestamp,
    RpcHttp,
    RpcHttpCookie,
    Timestamp,
    TypedData,
)


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=1&a=2&A=3", {"a": "1,2,3"}),
        ("a=&b=1", {"b": "1"}),
        ("a", {}),
        ("a=&a=1", {"a": ",1"}),
        ("q=caf%C3%A9+con%20leche", {"q": "café con leche"}),
        ("code=secret", {"code": "secret"}),
    ],
)
def test_query(query: str, params: dict[str, str]) -> None:
    """Repeated names are joined whatever their case, names without a value are gone, the key stays."""
    assert joined_query(query) == params


def test_a_response_is_passed_on() -> None:
    """Status, headers and bytes as the function set them; framing headers are the server's business."""
    http = RpcHttp(
        status_code="202",
        headers={"content-type": "application/json", "X-A": "1", "Content-Length": "999"},
        body=TypedData(bytes=b"{}"),
        cookies=None,
    )
    response = to_response(TypedData(http=http))
    assert (response.status, response.body) == (202, b"{}")
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-A"] == "1"
    assert response.headers.get("Content-Length") != "999"


@pytest.mark.parametrize(
    ("text", "status", "kind", "body"),
    [
        ("plain", 200, "text/plain; charset=utf-8", b"plain"),
        ('{ "a": 1 }', 200, "application/json; charset=utf-8", b'{"a":1}'),
        ("[1, 2]", 200, "application/json; charset=utf-8", b"[1,2]"),
        ('{"body": "x", "statusCode": 201}', 201, "text/plain; charset=utf-8", b"x"),
        ('{"Body": {"a": 1}, "status": "404"}', 404, "application/json; charset=utf-8", b'{"a":1}'),
        ('{"body": "x", "status": "soon"}', 200, "text/plain; charset=utf-8", b"x"),
        ('{"body": "<b>", "headers": {"content-type": "text/html"}}', 200, "text/html", b"<b>"),
    ],
)
def test_a_bare_text_is_guessed_at(text: str, status: int, kind: str, body: bytes) -> None:
    """The host's own guessing, kept so that nobody relies on anything else."""
    response = to_response(TypedData(string=text))
    assert (response.status, response.headers["Content-Type"], response.body) == (status, kind, body)


def test_cookies() -> None:
    """Every attribute that is given is written, and none that is not."""
    full = RpcHttpCookie(
        name="a",
        value="1",
        domain=NullableString(value="example.org"),
        path=NullableString(value="/"),
        expires=NullableTimestamp(value=Timestamp(seconds=0)),
        secure=NullableBool(value=True),
        http_only=NullableBool(value=True),
        same_site=RpcHttpCookie.SameSite.Lax,
        max_age=NullableDouble(value=60.0),
    )
    assert set_cookie(full) == (
        "a=1; expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age=60; domain=example.org; path=/; samesite=Lax; secure; httponly"
    )
    nothing = dict.fromkeys(("domain", "path", "expires", "secure", "http_only", "max_age"))
    assert set_cookie(RpcHttpCookie(name="b", value="2", same_site=None, **nothing)) == "b=2"


@pytest.mark.parametrize(
    ("level", "key", "admitted"),
    [
        ("anonymous", "", True),
        ("function", "", False),
        ("function", "wrong", False),
        ("function", "F", True),
        ("function", "M", True),
        ("admin", "F", False),
        ("admin", "M", True),
    ],
)
def test_keys(level: str, key: str, admitted: bool) -> None:  # noqa: FBT001  # a column of the table
    """The function key opens functions, the master key everything; by header or by query."""
    keys = Keys(function="F", master="M")
    assert keys.admit(SimpleNamespace(headers={"x-functions-key": key}, query={}), level) is admitted  # type: ignore[arg-type]
    assert keys.admit(SimpleNamespace(headers={}, query={"code": key}), level) is admitted  # type: ignore[arg-type]
