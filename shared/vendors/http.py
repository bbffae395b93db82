"""The one way out to other systems: time-outs always set, a few quick tries where they are safe, one verdict on each failure.

    what happened                                     | safe to repeat    | not safe to repeat
    --------------------------------------------------|-------------------|-------------------
    refused, no such host, no TLS, connect time-out   | UnavailableError  | UnavailableError
    503                                               | UnavailableError  | UnavailableError
    502, 504 (a gateway without the system's answer)  | UnavailableError  | UncertainError
    429                                               | ThrottledError    | ThrottledError
    read time-out                                     | NoAnswerError     | UncertainError
    connection cut                                    | RetryableError    | UncertainError

429 and the 5xx above carry the longest wait that the answer names, by Retry-After or in the vendor's own way (see `waits`).
Any other answer is returned for the vendor's client to judge. Bodies, headers and query strings are never logged.
"""

import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Literal

import requests
import tenacity
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

from shared import clock, shadow_mode, telemetry
from shared.errors import (
    NoAnswerError,
    PermanentError,
    PuenteError,
    RetryableError,
    ThrottledError,
    UnavailableError,
    UncertainError,
)

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
QUICK_TRIES = 3
QUICK_WAIT_SECONDS = 0.2
LONGEST_PAUSE = timedelta(days=1)
# A load balancer forgets idle connections without a word (Azure after 4 minutes); a request on such a one would end uncertain.
IDLE = timedelta(seconds=50)

_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_GATEWAY = (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, *_GATEWAY})

CHUNK_BYTES = 65_536


@dataclass(frozen=True)
class Download:
    """A file as it was answered: the status, the bytes, and whereto a redirect points."""

    status: int
    content: bytes
    location: str = ""


type Failure = Literal["unreachable", "connect time-out", "read time-out", "cut", "invalid"]


class HttpClient:
    """Calls one outside system. Made once per process and shared by its threads.

    Nobody waits longer for the connection than for the answer, and never longer than CONNECT_SECONDS.
    `secrets` are replaced by `***` in whatever text of ours might hold them (a token in a path, for example).
    `named_wait` finds the seconds that this vendor asks us to wait where Retry-After does not tell them (see `waits`).
    `busy` tells what a 429 of this vendor's means where it is not the whole system that asks us to wait.
    `adapter` takes the place of the network in tests.
    """

    def __init__(
        self,
        vendor: str,
        base_url: str,
        *,
        read_seconds: float,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        secrets: Sequence[str] = (),
        adapter: BaseAdapter | None = None,
        named_wait: Callable[[requests.Response], float | None] | None = None,
        busy: Callable[[requests.Response, str], PuenteError | None] | None = None,
        target: str = "",
    ) -> None:
        self.vendor, self.base_url, self._target = vendor, base_url.rstrip("/"), target or vendor.lower()
        self._timeout, self._named_wait, self._busy = (min(CONNECT_SECONDS, read_seconds), read_seconds), named_wait, busy
        self._secrets = [secret for secret in secrets if secret]
        self._last_use = clock.now()
        self._session = _session(adapter or HTTPAdapter(pool_connections=2, pool_maxsize=16))
        self._session.headers.update(headers or {})
        self._session.auth = auth or _unchanged

    def request(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool | None = None,
        reads: bool = False,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        data: Mapping[str, str] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one request and return the answer, whatever its status, unless it is one that the table above names.

        `repeatable` says that doing it twice has the effect of doing it once; by default that is so for the methods
        that HTTP calls idempotent. Up to 3 tries, about half a second apart in all, after a refused or (if repeatable) cut
        connection; never after a time-out, and redirects are not followed: a POST would arrive as a GET.
        `reads` says that it changes nothing there whatever its method: a question that a system wants as a POST.

        Raises:
            UnavailableError, ThrottledError, NoAnswerError, RetryableError, UncertainError: as in the table above.
            PermanentError: `http-invalid-request`, the request could not even be put together; `shadow-mode`, it would change
                something at a system that SHADOW covers, and was not sent.
        """
        safe = method in _IDEMPOTENT if repeatable is None else repeatable
        what = self.mask(f"{self.vendor}: {method} {path}")
        if not reads and method not in _READING:
            shadow_mode.refuse(self._target, what)
        self._drop_idle_connections()
        started = clock.now()
        try:
            with telemetry.span(f"{self.vendor} {method}") as here:
                response = _quick_tries(repeatable=safe)(
                    self._session.request,
                    method,
                    self.base_url + path,
                    params=params,
                    json=json,
                    data=data,
                    headers={"traceparent": here, **(headers or {})},
                    timeout=self._timeout,
                    allow_redirects=False,
                )
        except requests.RequestException as error:
            raise self._verdict(error, what, repeatable=safe) from None  # its text may hold a secret out of the URL
        log.debug("%s answered %d in %.3f s", what, response.status_code, (clock.now() - started).total_seconds())
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS and self._busy and (own := self._busy(response, what)):
            raise own
        _refuse_busy(response, what, self._wait(response), repeatable=safe)
        return response

    def download(self, path: str, *, most_bytes: int) -> Download:
        """Read a file, and never more than `most_bytes` of it into memory; redirects are not followed.

        Raises:
            PermanentError: `media-too-large`.
            UnavailableError, ThrottledError, NoAnswerError, RetryableError: as in the table above.
        """
        what = self.mask(f"{self.vendor}: GET a file")
        self._drop_idle_connections()
        try:
            with self._session.get(self.base_url + path, timeout=self._timeout, allow_redirects=False, stream=True) as response:
                _refuse_busy(response, what, self._wait(response), repeatable=True)
                content = bytearray()
                for chunk in response.iter_content(CHUNK_BYTES):
                    content += chunk
                    if len(content) > most_bytes:
                        raise PermanentError("media-too-large", f"{what}: it has more than {most_bytes} bytes")
                return Download(response.status_code, bytes(content), response.headers.get("Location", ""))
        except requests.RequestException as error:
            raise self._verdict(error, what, repeatable=True) from None  # its text may hold a secret out of the URL

    def mask(self, text: str) -> str:
        """`text` without this client's secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _wait(self, response: requests.Response) -> float | None:
        """The longest wait that a busy answer names; None where it names none. Its body is read for that only."""
        if response.status_code not in _BUSY:
            return None
        named = [retry_after_seconds(response), self._named_wait(response) if self._named_wait else None]
        waits = [min(seconds, LONGEST_PAUSE.total_seconds()) for seconds in named if seconds is not None]
        return max(waits, default=None)

    def _drop_idle_connections(self) -> None:
        now = clock.now()
        if now - self._last_use > IDLE:
            self._session.close()
        self._last_use = now

    def _verdict(self, error: requests.RequestException, what: str, *, repeatable: bool) -> PuenteError:
        failure = _failure(error)
        connect_seconds, read_seconds = self._timeout
        if failure == "invalid":
            return PermanentError("http-invalid-request", f"{what}: {type(error).__name__}")
        if failure == "unreachable":
            return UnavailableError(f"{what}: no connection ({_why(error)})")
        if failure == "connect time-out":
            return UnavailableError(f"{what}: no connection within {connect_seconds:g} s")
        if failure == "read time-out":
            return (NoAnswerError if repeatable else UncertainError)(f"{what}: no answer within {read_seconds:g} s")
        return (RetryableError if repeatable else UncertainError)(f"{what}: the connection was cut")


def retry_after_seconds(response: requests.Response) -> float | None:
    """What the answer's Retry-After asks for, given in seconds or as a date; at most a day, None without a readable one."""
    value = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(value) if value.isdecimal() else _seconds_until(value)
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), LONGEST_PAUSE.total_seconds())


def _seconds_until(http_date: str) -> float:
    return (clock.as_utc(parsedate_to_datetime(http_date)) - clock.now()).total_seconds()


def _session(adapter: BaseAdapter) -> requests.Session:
    session = requests.Session()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # no call may depend on an earlier one
    return session


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An authentication that does nothing: without one, requests would put in what a ~/.netrc says."""
    return request


def _quick_tries(*, repeatable: bool) -> Callable[..., requests.Response]:
    def again(error: BaseException) -> bool:
        failure = _failure(error) if isinstance(error, requests.RequestException) else None
        return failure == "unreachable" or (failure == "cut" and repeatable)

    return tenacity.Retrying(
        stop=tenacity.stop_after_attempt(QUICK_TRIES),
        wait=lambda state: clock.jitter(QUICK_WAIT_SECONDS * state.attempt_number),
        retry=tenacity.retry_if_exception(again),
        sleep=clock.sleep,
        reraise=True,
    )


def _refuse_busy(response: requests.Response, what: str, after: float | None, *, repeatable: bool) -> None:
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise ThrottledError(f"{what} answered 429", after_seconds=after, status=status)
    if status == HTTPStatus.SERVICE_UNAVAILABLE or (status in _GATEWAY and repeatable):
        raise UnavailableError(f"{what} answered {status}", after_seconds=after, status=status)
    if status in _GATEWAY:
        raise UncertainError(f"{what} answered {status}: the gateway does not know whether it was done")


def _failure(error: requests.RequestException) -> Failure:
    """How far the request came before it failed."""
    root = _root(error)
    if isinstance(root, NewConnectionError) or isinstance(error, requests.exceptions.ProxyError):
        return "unreachable"
    if isinstance(error, requests.ConnectTimeout) or isinstance(root, ConnectTimeoutError):
        return "connect time-out"
    if isinstance(error, requests.exceptions.SSLError):
        return "cut" if isinstance(root, ssl.SSLEOFError | ssl.SSLZeroReturnError) else "unreachable"
    if isinstance(error, requests.ReadTimeout) or isinstance(root, ReadTimeoutError):
        return "read time-out"
    return "invalid" if isinstance(error, ValueError | requests.exceptions.InvalidJSONError) else "cut"


def _root(error: BaseException) -> BaseException:
    """What requests and urllib3 have wrapped: the error that says how far the request came."""
    if isinstance(error, NewConnectionError | ConnectTimeoutError | ReadTimeoutError):
        return error
    for cause in (getattr(error, "reason", None), *error.args):
        if isinstance(cause, BaseException):
            return _root(cause)
    return error


def _why(error: requests.RequestException) -> str:
    root = _root(error)
    return type(root.__cause__ or root).__name__
