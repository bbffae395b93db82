"""A system of the test's own: a post office that takes letters at a pace which a setting says, and notes when each came.

`register` is called in each host (by the app that `fleet` writes), and where the test plans the letters.
"""

import http.client
import os
import threading
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from shared.errors import UncertainError
from shared.outbox import actions
from shared.outbox.actions import Action, AfterUnknown, Claimed, Done, Outcome
from shared.outbox.policy import TargetPolicy

TARGET, LETTER = "post", "letter"
SLOTS = 8
ADDRESS_VARIABLE, PACE_VARIABLE = "POST_OFFICE", "LETTERS_PER_SECOND"
TIMEOUT_SECONDS = 20


def register() -> Action:
    """Make the post office known, with the pace that the environment gives."""
    actions.register_target(TARGET, lambda: TargetPolicy(slots=SLOTS, batches_per_second=float(os.environ[PACE_VARIABLE])))
    letter = actions.message(TARGET, LETTER, _execute, look_up=_look_up, after_unknown=AfterUnknown.LOOK_FIRST)
    return actions.register(letter)


def _execute(deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
    return {delivery.id: _sent(delivery.key) for delivery in deliveries}


def _sent(key: str) -> Outcome:
    return Done() if _ask("POST", key) == http.client.CREATED else UncertainError("the post office gave no answer")


def _look_up(delivery: Claimed) -> Done | None:
    return Done() if _ask("GET", delivery.key) == http.client.OK else None


def _ask(method: str, key: str) -> int:
    connection = http.client.HTTPConnection(os.environ[ADDRESS_VARIABLE], timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, f"/{key}")
        return connection.getresponse().status
    finally:
        connection.close()


class PostOffice:
    """The vendor. `arrivals` are the letters that came, each with its moment, in the order in which they came."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[float, str]] = []
        self._server = _Server(("127.0.0.1", 0), _Desk)
        self._server.office = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def most_beyond(self, pace: float) -> float:
        """By how many letters the busiest time, of any length, was busier than `pace` a second.

        From letter i to letter j came j - i + 1 of them in t[j] - t[i]; the most of (j - pace t[j]) - (i - pace t[i]) + 1.
        """
        beyond, lowest = 0.0, float("inf")
        for number, (moment, _key) in enumerate(sorted(self.arrivals)):
            ahead = number - pace * moment
            lowest = min(lowest, ahead)
            beyond = max(beyond, ahead - lowest + 1)
        return beyond


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    office: PostOffice


class _Desk(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """Take a letter."""
        self.server.office.arrivals.append((time.monotonic(), self.path[1:]))
        self._answer(http.client.CREATED)

    def do_GET(self) -> None:
        """Whether a letter came."""
        came = any(key == self.path[1:] for _moment, key in self.server.office.arrivals)
        self._answer(http.client.OK if came else http.client.NOT_FOUND)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


__all__ = ["ADDRESS_VARIABLE", "LETTER", "PACE_VARIABLE", "SLOTS", "TARGET", "PostOffice", "register"]
