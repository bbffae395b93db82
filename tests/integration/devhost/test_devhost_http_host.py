"""HTTP functions in the running host: routing, what they see, what callers get."""

import http.client
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
import requests

from devhost.testing import RunningHost, wait_until


def raw(host: RunningHost, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
    """Send exactly this, which `requests` would tidy up; status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)
    try:
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_function_sees_the_request_as_in_azure(host: RunningHost) -> None:
    """Lower-case joined headers, joined query without empty values, decoded route values, exact bytes, the full URL."""
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)
    connection.putrequest("POST", "/Echo/Abc/%C3%B1?a=1&A=2&empty=&b=x%20y")
    for name, value in (("X-Twice", "one"), ("x-twice", "two"), ("Traceparent", "00-1-2-01"), ("Content-Length", "3")):
        connection.putheader(name, value)
    connection.endheaders(b"\x00\xff!")
    seen = json.loads(connection.getresponse().read())
    connection.close()
    assert seen["method"] == "POST"
    assert seen["url"] == f"{host.base_url}/Echo/Abc/%C3%B1?a=1&A=2&empty=&b=x%20y"
    assert seen["headers"]["x-twice"] == "one,two"
    assert seen["params"] == {"a": "1,2", "b": "x y"}
    assert seen["route_params"] == {"kind": "Abc", "id": "ñ"}
    assert seen["body"].encode("latin-1") == b"\x00\xff!"
    assert seen["function_name"] == "echo"
    assert seen["trace_parent"] == "00-1-2-01"


def test_each_invocation_has_its_own_id_and_trace(host: RunningHost) -> None:
    """A trace parent is made up in W3C form when the caller sends none; an unused optional parameter is absent."""
    first, second = (requests.get(f"{host.base_url}/echo/abc", timeout=10).json() for _ in range(2))
    assert first["invocation_id"] != second["invocation_id"]
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", first["trace_parent"])
    assert first["route_params"] == {"kind": "abc"}


def test_a_body_without_a_length_arrives_empty(host: RunningHost) -> None:
    """The host's quirk: chunked requests lose their body."""
    answer = requests.post(f"{host.base_url}/echo/abc", data=iter([b"chunk"]), timeout=10)
    assert answer.json()["body"] == ""


def test_a_compressed_body_is_not_unpacked(host: RunningHost) -> None:
    """Bytes are bytes; the function decides."""
    answer = requests.post(f"{host.base_url}/echo/abc", data=b"\x1f\x8bnot", headers={"Content-Encoding": "gzip"}, timeout=10)
    assert answer.json()["body"] == "\x1f\x8bnot"


def test_a_client_may_wait_for_100_continue(host: RunningHost) -> None:
    """As curl does for large bodies."""
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=5)
    connection.putrequest("POST", "/text")
    connection.putheader("Expect", "100-continue")
    connection.putheader("Content-Length", "4")
    connection.endheaders()
    assert connection.sock.recv(100).startswith(b"HTTP/1.1 100 ")
    connection.send(b"body")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"body")
    connection.close()


def test_a_body_that_is_too_large_is_refused_unread(host: RunningHost) -> None:
    """100 MiB are the limit; the announcement alone is enough."""
    length = {"Content-Length": str(104_857_601)}
    assert raw(host, "POST", "/text", b"", length) == (413, b"")


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/trivial", 200, b"ok"),
        ("GET", "/TRIVIAL/", 200, b"ok"),
        ("POST", "/trivial", 404, b""),  # a wrong method is no match
        ("GET", "/nothing", 404, b""),
        ("GET", "/echo/123", 404, b""),  # the constraint does not hold
        ("GET", "/items/list", 200, b"aaa_first"),  # first by name, not by fit
        ("POST", "/items/list", 200, b"items_list"),
        ("GET", "/files", 200, b"files"),
        ("GET", "/pages/a/b/", 200, b"pages/a/b/"),
        ("GET", "/filesystem", 404, b""),
        ("GET", "/switched-off", 404, b""),
        ("GET", "/administrators", 404, b""),  # reserved, so not loaded
        ("GET", "/fails", 500, b""),
        ("GET", "/wrong-return", 500, b""),
        ("GET", "/exits", 500, b""),
        ("GET", "/bad-header", 500, b""),
        ("GET", "/keyed", 200, b"in"),  # `func start` asks for no keys
        ("GET", "/admin/nothing", 404, b""),
        ("GET", "/admin/host/ping", 200, b""),
    ],
)
def test_routing(host: RunningHost, method: str, path: str, status: int, body: bytes) -> None:
    """Names decide between templates; what fails says nothing to the caller."""
    assert raw(host, method, path) == (status, body)


def test_the_log_has_the_reason_that_callers_do_not_get(host: RunningHost) -> None:
    """With traceback, under the function's name and the invocation's id."""
    raw(host, "GET", "/fails")
    line = r"\d\d:\d\d:\d\d\.\d{3} ERROR   fails [0-9a-f-]{36} Failed after \d+ ms: Traceback"
    assert re.search(line, host.log)
    assert "ValueError: a secret in a message" in host.log


def test_the_home_page(host: RunningHost) -> None:
    """Only for GET on the root."""
    status, body = raw(host, "GET", "/")
    assert status == 200
    assert b"up and running" in body
    assert raw(host, "POST", "/") == (404, b"")


def test_cookies_and_headers_come_through(host: RunningHost) -> None:
    """Each cookie in a header of its own, with its attributes."""
    answer = requests.get(f"{host.base_url}/cookies", timeout=10)
    assert (answer.status_code, answer.text, answer.headers["X-One"]) == (201, "crumbs", "1")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.raw.headers.getlist("Set-Cookie") == ["a=1; max-age=60; path=/; samesite=Lax; secure; httponly", "b=2"]


@pytest.mark.parametrize(
    ("path", "function", "message"),
    [
        ("logs/async", "logs", "logged in an async function"),
        ("logs/thread", "logs", "logged in a thread of an async function"),
        ("logs-sync", "logs_sync", "logged in a sync function"),
    ],
)
def test_log_records_carry_function_and_invocation(host: RunningHost, path: str, function: str, message: str) -> None:
    """Whichever thread they come from; the same id as the line that ends the invocation."""
    requests.get(f"{host.base_url}/{path}", timeout=10)
    found = re.search(rf"^\S+ +\w+ +{function} ([0-9a-f-]{{36}}) {message}$", host.log, re.MULTILINE)
    assert found
    wait_until(lambda: f"{function} {found[1]} Succeeded" in host.log)


def test_the_host_lists_its_functions(host: RunningHost) -> None:
    """With their bindings; those left out are not there, and the log says why."""
    functions = {function["name"]: function for function in requests.get(f"{host.base_url}/admin/functions", timeout=10).json()}
    assert functions["trivial"]["invoke_url_template"] == f"{host.base_url}/trivial"
    assert functions["switched_off"]["isDisabled"]
    assert functions["work"]["config"]["bindings"][0]["queueName"] == "work"
    assert not {"reserved", "trivial_again", "unresolved"} & functions.keys()
    assert "Function 'reserved' is not loaded: its route 'administrators' begins with" in host.log
    assert "Function 'trivial_again' is not loaded: its route 'Trivial' is taken by function 'trivial'" in host.log
    assert "Function 'unresolved' is not loaded: '%NOT_SET%' does not resolve" in host.log


def test_the_host_reports_running(host: RunningHost) -> None:
    """With its id, for scripts that wait."""
    status = requests.get(f"{host.base_url}/admin/host/status", timeout=10).json()
    assert status["state"] == "Running"
    assert status["id"]
    assert host.log.count("INFO    host - Running") == 1
