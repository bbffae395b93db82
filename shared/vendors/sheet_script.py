"""A row in a Google Sheet, kept in step by its id through an Apps Script of our own (docs/payments.md has one).

Apps Script answers a POST with a redirect to the result, which is good for one look. Only JSON with `ok` and our id says that
the row is written. All else (a page of HTML with status 200, a lost answer) is unknown: then the script is asked for the row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from shared.errors import PermanentError, PuenteError, RetryableError, UnavailableError
from shared.settings import get_settings
from shared.vendors import answers
from shared.vendors.rest_client import RestClient, kept, secret

if TYPE_CHECKING:
    import requests

    from shared.vendors.connection import Connection

RESULTS = "script.googleusercontent.com"
LOGIN = "accounts.google.com"
SCRIPTS = "script.google.com"
STAMP = "puente"
READ_SECONDS = 45
CALLS = 4  # the row and its result, then the question whether it is there and its result
_LATER = frozenset(("busy",))
_ACCOUNT = frozenset(("bad-token",))


class _UnknownError(RetryableError):
    """The script may have run or not."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SheetScript(RestClient):
    """The script of one sheet; `token` names the setting with the word by which the script knows us."""

    token: str
    read_seconds: float = READ_SECONDS
    calls: int = CALLS

    def __post_init__(self) -> None:
        """Without the word the script refuses everything, so it must be given."""
        object.__setattr__(self, "needs", (self.token,))

    def put(self, row_id: str, row: Mapping[str, str], numbers: Sequence[str]) -> None:
        """Write the row, or change the one that is there. The script finds it by its id: twice is as once.

        `row` holds texts in the order of the script's columns, the last one its stamp (`stamped`); those in `numbers` are
        written as numbers.

        Raises:
            RetryableError: not now, or nobody knows; UnavailableError: the address or the word is not good.
            PermanentError: the script refuses the row.
        """
        http = self.connected()
        try:
            self._asked(http, {"action": "put", "id": row_id, "row": dict(row), "numbers": list(numbers)})
        except _UnknownError as error:
            if not self._is_there(http, row_id, row[STAMP]):
                raise RetryableError(str(error)) from error

    def _is_there(self, http: Connection, row_id: str, stamp: str) -> bool:
        """Whether the sheet has the row as it is to be; False where that cannot be found out."""
        try:
            answer = self._asked(http, {"action": "find", "id": row_id})
        except (_UnknownError, PermanentError):
            return False
        return answer.get(STAMP) == stamp

    def _asked(self, http: Connection, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the script answers, once it has said that it did what was asked. Raises PuenteError."""
        body = dict(request) | {"token": secret(get_settings(), self.token)}
        what = f"asking for {request['action']}"
        try:
            response = http.request("POST", "", repeatable=True, json=body)
            if response.is_redirect:
                response = self.result(http, response.headers["Location"])
        except (UnavailableError, PermanentError):
            raise
        except PuenteError as error:
            raise _UnknownError(f"{self.name}: {what}: {error}") from error
        if not answers.is_good(response):
            raise http.refusal(response, what, repeatable=True)
        return self._judged(answers.parsed(response), request.get("id"), what)

    def _judged(self, answer: Any, wanted: Any, what: str) -> Mapping[str, Any]:
        if not isinstance(answer, dict) or "ok" not in answer:
            raise _UnknownError(f"{self.name}: {what}: the answer is not our script's")
        if answer["ok"] is not True:
            raise self._refusal(str(answer.get("error") or ""), what)
        if wanted is not None and answer.get("id") != wanted:
            raise _UnknownError(f"{self.name}: {what}: the answer is about something else")
        return answer

    def _refusal(self, code: str, what: str) -> PuenteError:
        words = f"{self.name}: {what}: {answers.clean(code)}"
        if code in _LATER:
            return RetryableError(words)
        if code in _ACCOUNT:
            return UnavailableError(words, account=True)
        return PermanentError(f"sheets-{answers.slug(code) or 'refused'}", words)

    def result(self, http: Connection, location: str) -> requests.Response:
        """The script's result, from where the redirect points; without our body and secrets. Raises PuenteError."""
        parts = urlsplit(location)
        if parts.hostname == LOGIN:
            words = f"{self.name}: a login is asked for: access to the script must be for anyone"
            raise UnavailableError(words, account=True)
        if not _is_result(http, parts.scheme, parts.hostname or "", parts.netloc):
            words = f"{self.name}: the answer points to {parts.hostname}, which is not Google's for results"
            raise PermanentError("sheets-moved", words)
        origin = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
        elsewhere: Connection = kept(self.connect, origin)
        path = urlunsplit(("", "", parts.path, parts.query, ""))
        return elsewhere.request("GET", path, repeatable=False)  # the address is good for one look


def _is_result(http: Connection, scheme: str, host: str, netloc: str) -> bool:
    """Google's address of results; for a script that is not at Google, its own address."""
    own = urlsplit(http.base_url)
    if own.hostname == SCRIPTS:
        return scheme == "https" and host == RESULTS
    return (scheme, netloc) == (own.scheme, own.netloc)


def stamped(row: Mapping[str, str]) -> dict[str, str]:
    """The row with a digest of it, by which the script can be asked later whether it is there as it is to be."""
    return {**row, STAMP: hashlib.sha256(json.dumps(dict(row), sort_keys=True).encode()).hexdigest()[:16]}
