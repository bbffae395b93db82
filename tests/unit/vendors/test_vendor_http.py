"""What every call to an outside system has in common."""

import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from urllib3.exceptions import MaxRetryError
from urllib3.exceptions import SSLError as PooledSSLError

from shared import clock
from shared.errors import NoAnswerError, PermanentError, RetryableError, ThrottledError, UnavailableError, UncertainError
from shared.vendors.http import HttpClient, retry_after_seconds
from tests.unit.vendors.network import NOW, Answer, FakeNetwork, cut, cut_in_body, refused, slow_body, unknown_host


def client(network: FakeNetwork, **options: object) -> HttpClient:
    return HttpClient("Vendor", "https://vendor.invalid/", read_seconds=30, adapter=network, **options)  # type: ignore[arg-type]


def tls(reason: Exception) -> requests.exceptions.SSLError:
    return requests.exceptions.SSLError(MaxRetryError(None, "/", PooledSSLError(reason)))  # type: ignore[arg-type]


FAILURES = [
    # what happened, error when repeatable, error when not, tries when repeatable, tries when not
    (refused(), UnavailableError, UnavailableError, 3, 3),
    (unknown_host(), UnavailableError, UnavailableError, 3, 3),
    (requests.exceptions.ProxyError("no"), UnavailableError, UnavailableError, 3, 3),
    (tls(ssl.SSLCertVerificationError("bad certificate")), UnavailableError, UnavailableError, 3, 3),
    (requests.ConnectTimeout(), UnavailableError, UnavailableError, 1, 1),
    (tls(ssl.SSLEOFError()), RetryableError, UncertainError, 3, 1),
    (cut(), RetryableError, UncertainError, 3, 1),
    (cut_in_body(), RetryableError, UncertainError, 3, 1),
    (requests.ReadTimeout(), NoAnswerError, UncertainError, 1, 1),
    (slow_body(), NoAnswerError, UncertainError, 1, 1),
    (requests.exceptions.InvalidHeader(), PermanentError, PermanentError, 1, 1),
    (requests.exceptions.InvalidJSONError(), PermanentError, PermanentError, 1, 1),
    (Answer(503), UnavailableError, UnavailableError, 1, 1),
    (Answer(502), UnavailableError, UncertainError, 1, 1),
    (Answer(504), UnavailableError, UncertainError, 1, 1),
    (Answer(429), ThrottledError, ThrottledError, 1, 1),
]


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize(("step", "safe", "unsafe", "safe_tries", "unsafe_tries"), FAILURES)
def test_each_failure_has_one_verdict(
    step: Answer | Exception, safe: type, unsafe: type, safe_tries: int, unsafe_tries: int, *, repeatable: bool
) -> None:
    """The table at the head of the module holds, and only what is safe is tried again."""
    network = FakeNetwork(step)
    with pytest.raises((UncertainError, RetryableError, PermanentError)) as caught:
        client(network).request("POST", "/things", repeatable=repeatable)
    assert type(caught.value) is (safe if repeatable else unsafe)
    assert len(network.requests) == (safe_tries if repeatable else unsafe_tries)


@pytest.mark.parametrize(("method", "tries"), [("GET", 3), ("PUT", 3), ("DELETE", 3), ("POST", 1), ("PATCH", 1)])
def test_the_method_says_whether_a_call_is_repeatable_when_nobody_else_does(method: str, tries: int) -> None:
    """As HTTP defines it."""
    network = FakeNetwork(cut())
    with pytest.raises((RetryableError, UncertainError)):
        client(network).request(method, "/")
    assert len(network.requests) == tries


def test_a_quick_try_heals_a_short_cut(frozen: clock.TestClock) -> None:
    """A refused connection costs less than a second, and nobody is told of it."""
    network = FakeNetwork(refused(), refused(), Answer(200, {"ok": True}))
    assert client(network).request("POST", "/").json() == {"ok": True}
    assert timedelta(seconds=0.4) < frozen.moment - NOW < timedelta(seconds=0.8)


@pytest.mark.parametrize("status", [200, 201, 204, 301, 400, 401, 404, 409, 422, 500])
def test_any_other_answer_is_the_vendors_clients_to_judge(status: int) -> None:
    """Redirects too: following one would turn a POST into a GET."""
    network = FakeNetwork(Answer(status, {}, {"Location": "https://elsewhere.invalid/"}))
    assert client(network).request("POST", "/").status_code == status
    assert len(network.requests) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("Mon, 02 Mar 2026 09:01:30 GMT", 90),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0),
        ("99999999", 86400),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_understood_as_seconds_and_as_date(header: str, seconds: float | None) -> None:
    """What cannot be read asks for nothing; nobody makes us wait for more than a day."""
    answer = Answer(429, headers={"Retry-After": header})
    assert retry_after_seconds(answer.to(requests.PreparedRequest())) == seconds
    with pytest.raises(ThrottledError) as caught:
        client(FakeNetwork(answer)).request("GET", "/")
    assert caught.value.after_seconds == seconds


def test_timeouts_are_always_set() -> None:
    """Five seconds to connect, the client's own time to read."""
    network = FakeNetwork(Answer())
    client(network).request("GET", "/")
    assert network.timeouts == [(5.0, 30)]


def test_no_secret_and_no_body_reaches_an_error_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    """Not from the path, not from the query, not from what the HTTP library says."""
    caplog.set_level(logging.DEBUG, logger="shared")
    vendor = client(FakeNetwork(Answer(), refused()), secrets=["s3cret", ""])
    vendor.request("POST", "/hooks/s3cret", params={"token": "s3cret"}, json={"password": "s3cret"})
    with pytest.raises(UnavailableError) as caught:
        vendor.request("POST", "/hooks/s3cret", params={"token": "s3cret"})
    assert "/hooks/***" in str(caught.value)
    assert "/hooks/***" in caplog.text
    assert caught.value.__suppress_context__
    assert not [text for text in (str(caught.value), caplog.text) if "s3cret" in text or "token" in text]


def test_no_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What lies about on the machine changes no call."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine vendor.invalid login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    network = FakeNetwork(Answer())
    client(network, headers={"Authorization": "bearer key"}).request("GET", "/")
    assert network.requests[0].headers["Authorization"] == "bearer key"


def test_basic_authentication() -> None:
    """For the vendors that use it."""
    network = FakeNetwork(Answer())
    client(network, auth=("me", "mine")).request("GET", "/")
    assert network.requests[0].headers["Authorization"] == "Basic bWU6bWluZQ=="


def test_connections_that_idled_too_long_are_not_used_again(frozen: clock.TestClock) -> None:
    """A load balancer forgets them without a word, and the next request on one would end uncertain."""
    network = FakeNetwork(Answer())
    vendor = client(network)
    for _ in range(3):
        frozen.advance(seconds=49)
        vendor.request("GET", "/")
    assert network.closed == 0
    frozen.advance(seconds=51)
    vendor.request("GET", "/")
    assert network.closed


# --- the real network library, against sockets of our own ---


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def real(port: int) -> HttpClient:
    return HttpClient("Vendor", f"http://127.0.0.1:{port}", read_seconds=0.2)


def test_a_real_refused_connection(listener: socket.socket) -> None:
    """The verdict holds for what the library really raises."""
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(UnavailableError, match="ConnectionRefusedError"):
        real(port).request("POST", "/")


def test_a_real_read_timeout(listener: socket.socket) -> None:
    """A server that takes the request and says nothing."""
    with pytest.raises(UncertainError, match=r"no answer within 0\.2 s"):
        real(listener.getsockname()[1]).request("POST", "/")


def serve(listener: socket.socket, *answers: bytes) -> tuple[threading.Thread, list[bytes]]:
    """Give each connection in turn its answer, and hang up; what was received is in the list."""
    received: list[bytes] = []

    def work() -> None:
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                received.append(connection.recv(65536))
                connection.sendall(answer)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, received


def test_cookies_are_not_kept(listener: socket.socket) -> None:
    """No call depends on an earlier one."""
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1; Path=/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    thread, received = serve(listener, answer, answer)
    vendor = real(listener.getsockname()[1])
    vendor.request("GET", "/")
    vendor.request("GET", "/")
    thread.join()
    assert len(received) == 2
    assert b"session=1" not in received[1]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"], ids=["nothing", "half a body"])
def test_a_real_cut_connection(listener: socket.socket, answer: bytes) -> None:
    """A server that hangs up before its answer is complete."""
    thread, _ = serve(listener, answer)
    with pytest.raises(UncertainError, match="cut"):
        real(listener.getsockname()[1]).request("POST", "/")
    thread.join()
