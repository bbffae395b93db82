"""Tokens for a client's id and secret (OAuth 2.0, RFC 6749 section 4.4): fetched once, renewed early and after a 401."""

import threading
from datetime import datetime, timedelta

from requests.adapters import BaseAdapter

from shared import clock
from shared.errors import UnavailableError
from shared.vendors import answers
from shared.vendors.http import HttpClient
from shared.vendors.rest_declaration import ClientCredentials

EARLY = timedelta(minutes=10)
SHORTEST = timedelta(seconds=30)
DEFAULT_SECONDS = 3600


class Tokens:
    """The tokens of one client at one system. Shared by the process's threads, of which one fetches while the others wait."""

    def __init__(
        self,
        vendor: str,
        address: str,
        grant: ClientCredentials,
        known_as: tuple[str, str],
        *,
        read_seconds: float,
        adapter: BaseAdapter | None = None,
    ) -> None:
        self._http = HttpClient(vendor, address, read_seconds=read_seconds, secrets=[known_as[1]], adapter=adapter)
        self._grant, self._known_as, self._lock = grant, known_as, threading.Lock()
        self._token, self._until = "", clock.now()

    def current(self) -> str:
        """A token that is good for a while yet. Raises PuenteError: none can be had."""
        with self._lock:
            if not self._token or clock.now() >= self._until:
                self._token, self._until = self._fetched()
            return self._token

    def renewed(self, instead_of: str) -> str:
        """A token other than this one, which was refused. Raises PuenteError."""
        with self._lock:
            if self._token == instead_of:
                self._token, self._until = self._fetched()
            return self._token

    def _fetched(self) -> tuple[str, datetime]:
        client_id, secret = self._known_as
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        response = self._http.request("POST", self._grant.path, repeatable=True, data=form)
        words = f"{self._http.vendor}: asking for a token"
        body = answers.parsed(response)
        token = body.get("access_token") if isinstance(body, dict) else None
        if answers.is_good(response) and isinstance(token, str) and token:
            return token, _good_until(body.get("expires_in"))
        if response.status_code < 500 and not answers.is_good(response):  # noqa: PLR2004  # a refusal, whatever its status
            raise UnavailableError(f"{words} answered {response.status_code}: id or secret are not good", account=True)
        raise answers.unknown(f"{words} answered {response.status_code} without one", repeatable=True)


def _good_until(seconds: object) -> datetime:
    """When to ask for the next: some minutes before the end, or half-way where the token is good for less."""
    given = timedelta(seconds=seconds if isinstance(seconds, int) and seconds > 0 else DEFAULT_SECONDS)
    return clock.now() + max(given - EARLY, given / 2, SHORTEST)
