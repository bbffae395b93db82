"""The running host under hostile requests, through real sockets: it never answers 5xx, never hangs, and goes on working."""

import contextlib
import http.client
import json
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from shared.store.models import DeadLetter, InboxEvent
from tests.crash.rig import Rig
from tests.fuzz.hostile import GOOD, bodies
from tests.support.examples import examples
from tests.support.world import LOCAL_KEY

pytestmark = pytest.mark.slow

PATHS = {
    "contact": "/api/v1/manychat/webhook/contact",
    "opportunity": "/api/v1/manychat/webhook/crm-opportunity",
    "assignment": "/api/v1/manychat/webhook/campaign-assignment",
}
ANSWERS = {202, 400, 401, 413, 415, 422}

over_http = settings(max_examples=examples(200), deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


def header_value(raw: bytes) -> bytes:
    """What can stand in a header line at all."""
    return raw.replace(b"\r", b"").replace(b"\n", b"")


odd_headers = st.dictionaries(
    st.sampled_from([b"traceparent", b"Idempotency-Key", b"Content-Encoding", b"X-Forwarded-For", b"Cookie", b"x-\xc3\xb1"]),
    st.binary(max_size=40).map(header_value) | st.sampled_from([b"x" * 7000, b"\xff\xfe", "🌷".encode(), b"identity"]),
    max_size=2,
)


@pytest.mark.host
@pytest.mark.parametrize("hook", PATHS)
def test_hostile_bodies_over_http(host, hook):
    """Each gets one of the documented answers; what is accepted is in our record or parked."""
    accepted: set[str] = set()
    connection = http.client.HTTPConnection("127.0.0.1", host.host.port, timeout=30)

    @over_http
    @given(bodies(hook))
    def attack(body):
        headers = {"Content-Type": "application/json", "X-API-KEY": LOCAL_KEY}
        connection.request("POST", PATHS[hook], body, headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status in ANSWERS
        if answer.status == 202:
            accepted.add(json.loads(text)["event_id"])

    attack()
    connection.close()
    wait_until(lambda: accepted <= recorded(host), 60, pause=0.2)


def recorded(rig: Rig) -> set[str | None]:
    """Ids of all events in the inbox and among the dead letters."""
    with Session(rig.engine) as session:
        return {*session.scalars(select(InboxEvent.event_id)), *session.scalars(select(DeadLetter.event_id))}


def raw_answer(port: int, request: bytes, patience_seconds: float = 10) -> bytes:
    """Everything the host says to these bytes until it closes; or until our patience ends, where it waits for more."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=patience_seconds) as client, contextlib.suppress(OSError):
        client.sendall(request)
        while piece := client.recv(65_536):
            received += piece
    return received


def request_with(head: dict[bytes, bytes], body: bytes = b"", line: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    first = line or b"POST " + PATHS["contact"].encode() + b" HTTP/1.1"
    lines = [first, *(name + b": " + value for name, value in head.items())]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


USUAL = {b"Host": b"localhost", b"Connection": b"close", b"Content-Type": b"application/json", b"X-API-KEY": LOCAL_KEY.encode()}
GOOD_BODY = json.dumps(GOOD["contact"]).encode()
LENGTH = str(len(GOOD_BODY)).encode()


@pytest.mark.host
@pytest.mark.parametrize(
    "request_bytes",
    [
        request_with(USUAL | {b"Content-Length": b"5"}, GOOD_BODY),  # shorter than the body
        request_with(USUAL | {b"Content-Length": b"99999"}, GOOD_BODY),  # longer than the body
        request_with(USUAL | {b"Content-Length": b"-1"}, GOOD_BODY),
        request_with(USUAL | {b"Content-Length": b"1e3"}, GOOD_BODY),
        request_with(USUAL | {b"Content-Length": LENGTH, b"content-Length": b"7"}, GOOD_BODY),
        request_with(USUAL | {b"Content-Length": LENGTH, b"Transfer-Encoding": b"chunked"}, GOOD_BODY),
        request_with(USUAL | {b"Transfer-Encoding": b"chunked"}, b'5\r\n{"a":\r\nzz\r\n'),
        request_with(USUAL | {b"Transfer-Encoding": b"chunked"}, b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD_BODY), GOOD_BODY)),
        request_with(USUAL),  # no length at all
        request_with(USUAL | {b"X-Junk": b"x" * 100_000}),
        request_with(USUAL | {b"X-Null": b"a\x00b", b"Content-Length": LENGTH}, GOOD_BODY),
        request_with(USUAL | {b"traceparent": b"\xff\xfe", b"Content-Length": LENGTH}, GOOD_BODY),
        request_with(USUAL | {b"Idempotency-Key": b"\xff\xfe", b"Content-Length": LENGTH}, GOOD_BODY),
        request_with(USUAL | {b"X-API-KEY": b"\xff\xfe", b"Content-Length": LENGTH}, GOOD_BODY),
        request_with(USUAL | {b"Content-Type": b"\xff/\xfe", b"Content-Length": LENGTH}, GOOD_BODY),
        request_with(
            USUAL | {b"Content-Length": LENGTH}, GOOD_BODY, b"POST /api/v1/manychat/webhook/contact?a=%ff%00 HTTP/1.1"
        ),
        request_with(USUAL, b"", b"GET / HTTP/9.9"),
        request_with(USUAL, b"", b"BREW /api/v1/manychat/webhook/contact HTTP/1.1"),
        request_with({}, b"", b"\x16\x03\x01\x02\x00\x01\x00"),  # TLS on a plain port
        b"\x00" * 1000,
        b"",
    ],
)
def test_broken_requests_over_a_socket(host, request_bytes):
    """Half of these are for the host's own HTTP parser; to none of them anybody answers that we have failed."""
    answer = raw_answer(host.host.port, request_bytes, patience_seconds=0.5)
    assert not answer.startswith(b"HTTP/1.1 5"), answer[:300]
    alive = raw_answer(host.host.port, request_with(USUAL | {b"Content-Length": LENGTH}, GOOD_BODY))
    assert alive.startswith(b"HTTP/1.1 202"), alive[:300]


@pytest.mark.host
def test_odd_headers_over_a_socket(host):
    """Any bytes in a header of a good request: accepted or refused, never an error of ours."""

    @over_http
    @given(odd_headers)
    def attack(headers):
        answer = raw_answer(host.host.port, request_with(USUAL | headers | {b"Content-Length": LENGTH}, GOOD_BODY))
        assert answer[:12] in {b"HTTP/1.1 202", b"HTTP/1.1 400", b"HTTP/1.1 415", b"HTTP/1.0 400"}, answer[:300]

    attack()
