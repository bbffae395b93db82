"""Tokens of a system: fetched once for each person acted for, renewed early and after a 401."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from requests.adapters import BaseAdapter

from shared import clock
from shared.errors import PermanentError, UnavailableError
from shared.vendors import answers
from shared.vendors.http import HttpClient
from shared.vendors.token_sources import KeyFaultError, TokenSource

EARLY = timedelta(minutes=10)
SHORTEST = timedelta(seconds=30)
DEFAULT_SECONDS = 3600
MOST_PEOPLE = 256
"""So many people's tokens are kept, those of the last ones."""


@dataclass
class _Slot:
    """The token for one person; whoever holds the lock fetches it, the others wait."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    token: str = ""
    until: datetime = field(default_factory=clock.now)


class Tokens:
    """The tokens of one client at one system. Shared by the process's threads, of which one fetches while the others wait.

    `subject` is the person for whom the client acts, where the system knows such; "" is the one in the settings, or nobody.
    """

    def __init__(
        self,
        vendor: str,
        address: str,
        source: TokenSource,
        values: Mapping[str, str],
        *,
        read_seconds: float,
        adapter: BaseAdapter | None = None,
    ) -> None:
        address = values[source.address] if source.address else address
        hidden = [values[name] for name in source.proofs[1:]] or [values[name] for name in source.proofs]
        self._http = HttpClient(vendor, address, read_seconds=read_seconds, secrets=hidden, adapter=adapter)
        self._source, self._values, self._path = source, values, source.where(values)
        self._slots: dict[str, _Slot] = {}
        self._lock = threading.Lock()

    def current(self, subject: str = "") -> str:
        """A token that is good for a while yet.

        Raises:
            UnavailableError: `account`, the system refuses us, or our key is none; or it is down.
            PermanentError: `<vendor>-unknown-subject`, it lets us in, but not for that person.
            PuenteError: none can be had now.
        """
        slot = self._slot(subject)
        with slot.lock:
            if not slot.token or clock.now() >= slot.until:
                slot.token, slot.until = self._fetched(subject)
            return slot.token

    def renewed(self, instead_of: str, subject: str = "") -> str:
        """A token other than this one, which was refused. Raises as `current`."""
        slot = self._slot(subject)
        with slot.lock:
            if slot.token == instead_of:
                slot.token, slot.until = self._fetched(subject)
            return slot.token

    def _slot(self, subject: str) -> _Slot:
        with self._lock:
            slot = self._slots.pop(subject, None) or _Slot()
            self._slots[subject] = slot  # the last one used stands last
            if len(self._slots) > MOST_PEOPLE:
                self._slots.pop(next(iter(self._slots)))
            return slot

    def _fetched(self, subject: str) -> tuple[str, datetime]:
        try:
            form = self._source.form(self._values, self._http.base_url + self._path, subject)
        except KeyFaultError as error:
            raise UnavailableError(f"{self._http.vendor}: {error}", account=True) from None
        response = self._http.request("POST", self._path, repeatable=True, reads=True, data=form)
        words = f"{self._http.vendor}: asking for a token"
        body = answers.parsed(response)
        members = body if isinstance(body, dict) else {}
        token = members.get("access_token")
        if answers.is_good(response) and isinstance(token, str) and token:
            return token, _good_until(members.get("expires_in"))
        if response.status_code < 500 and not answers.is_good(response):  # noqa: PLR2004  # a refusal, whatever its status
            raise self._refusal(f"{words} answered {response.status_code}", answers.slug(members.get("error")), subject)
        raise answers.unknown(f"{words} answered {response.status_code} without one", repeatable=True)

    def _refusal(self, words: str, code: str, subject: str) -> Exception:
        """Of us, which is a matter of all calls; or of the one person whom a call names, where we are let in without them."""
        if subject and code == "invalid-grant":
            self.current()  # raises where it is we who are refused
            return PermanentError(f"{answers.slug(self._http.vendor)}-unknown-subject", f"{words} {code}: not for that person")
        hint = self._source.hints.get(code.replace("-", "_"), "id or secret are not good")
        return UnavailableError(f"{words}{code and f' {code}'}: {hint}", account=True)


def _good_until(seconds: object) -> datetime:
    """When to ask for the next: some minutes before the end, or half-way where the token is good for less."""
    given = timedelta(seconds=seconds if isinstance(seconds, int) and seconds > 0 else DEFAULT_SECONDS)
    return clock.now() + max(given - EARLY, given / 2, SHORTEST)
