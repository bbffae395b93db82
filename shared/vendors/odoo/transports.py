"""The two ways to call Odoo. Both take named parameters and raise the same errors, so that nothing above can tell them apart.

JSON-RPC (`/jsonrpc`, Odoo up to 19 and beyond): login and password or key, a user id kept per process.
JSON-2 (`/json/2`, Odoo 19 and later): an API key alone; the HTTP status tells success from failure.
"""

import threading
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol

import requests

from shared.errors import PermanentError, PuenteError, UnavailableError
from shared.vendors.http import HttpClient
from shared.vendors.odoo import errors

# JSON-RPC looks at the first positional argument of `create` to choose between one id and a list of ids.
_POSITIONAL = {"create": ("vals_list",)}
# What only reads, though both ways ask for it by a POST: it is asked in shadow mode as well.
_READS = frozenset(
    (
        "search_read",
        "search_count",
        "fields_get",
        "get_metadata",
        "context_get",
        "has_group",
        "has_access",
        "check_access_rights",
    )
)


class Transport(Protocol):
    """What both ways offer."""

    def call(
        self,
        model: str,
        method: str,
        params: Mapping[str, Any],
        *,
        ids: Sequence[int] | None,
        context: Mapping[str, Any],
        repeatable: bool,
    ) -> Any:
        """Call `model.method` on the records `ids` (None: a method of the model) and return what it returns.

        Raises:
            PermanentError, RetryableError, UnavailableError: Odoo's answer, judged by `errors.from_payload`.
            ThrottledError, UncertainError: as `HttpClient.request`.
        """

    def version(self) -> str:
        """The server's version, for example `19.0`. Needs no rights."""


class JsonRpcTransport:
    """Odoo's JSON-RPC. Logs in on first use and once more when Odoo no longer takes the login."""

    def __init__(self, http: HttpClient, database: str, username: str, password: str) -> None:
        self._http, self._database = http, database
        self._username, self._password = username, password
        self._uid: int | None = None
        self._login = threading.Lock()

    def call(
        self,
        model: str,
        method: str,
        params: Mapping[str, Any],
        *,
        ids: Sequence[int] | None,
        context: Mapping[str, Any],
        repeatable: bool,
    ) -> Any:
        """See `Transport.call`."""
        first = _POSITIONAL.get(method, ())
        args = [*([list(ids)] if ids is not None else []), *(params[name] for name in first)]
        kwargs = {name: value for name, value in params.items() if name not in first} | {"context": dict(context)}
        uid = self._user_id()
        try:
            return self._execute(uid, model, method, args, kwargs, repeatable=repeatable)
        except PermanentError as error:
            if error.reason != "odoo-access-denied":
                raise
        self._forget(uid)  # a denied call had no effect, so it is safe to make it again after a new login
        return self._execute(self._user_id(), model, method, args, kwargs, repeatable=repeatable)

    def version(self) -> str:
        """See `Transport.version`."""
        return str(self._rpc("common", "version", [], "version", repeatable=True)["server_version"])

    def _execute(self, uid: int, model: str, method: str, args: list[Any], kwargs: dict[str, Any], *, repeatable: bool) -> Any:
        envelope = [self._database, uid, self._password, model, method, args, kwargs]
        what, reads = f"{model}.{method}", method in _READS
        return self._rpc("object", "execute_kw", envelope, what, repeatable=repeatable, reads=reads)

    def _user_id(self) -> int:
        with self._login:
            if self._uid is None:
                envelope = [self._database, self._username, self._password, {}]
                uid = self._rpc("common", "authenticate", envelope, "authenticate", repeatable=True)
                if not uid:  # a wrong login is no error for Odoo: it answers false
                    raise PermanentError(
                        "odoo-access-denied", "authenticate: Odoo knows no such user or password; see ODOO_USERNAME"
                    )
                self._uid = int(uid)
            return self._uid

    def _forget(self, uid: int) -> None:
        with self._login:
            if self._uid == uid:
                self._uid = None

    def _rpc(self, service: str, method: str, args: list[Any], what: str, *, repeatable: bool, reads: bool = True) -> Any:
        body = {
            "jsonrpc": "2.0",
            "method": "call",
            "id": 1,
            "params": {"service": service, "method": method, "args": args},
        }
        response = self._http.request("POST", "/jsonrpc", json=body, repeatable=repeatable, reads=reads)
        answer = _json(response, what)
        if not isinstance(answer, dict) or response.status_code != HTTPStatus.OK:
            raise _not_odoo(response, what)
        if "error" in answer:
            fault = answer["error"]
            raise errors.from_payload(fault.get("data") if isinstance(fault, dict) else None, what)
        return answer.get("result")  # a method that returns None has no result at all


class Json2Transport:
    """Odoo's JSON-2; `http` carries the bearer key and the database's name in its headers (see `json2_headers`)."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def call(
        self,
        model: str,
        method: str,
        params: Mapping[str, Any],
        *,
        ids: Sequence[int] | None,
        context: Mapping[str, Any],
        repeatable: bool,
    ) -> Any:
        """See `Transport.call`."""
        body = dict(params) | {"context": dict(context)} | ({} if ids is None else {"ids": list(ids)})
        what = f"{model}.{method}"
        path, reads = f"/json/2/{model}/{method}", method in _READS
        response = self._http.request("POST", path, json=body, repeatable=repeatable, reads=reads)
        answer = _json(response, what)
        if response.status_code == HTTPStatus.OK:
            return answer
        if not isinstance(answer, dict) or "name" not in answer:
            raise _not_odoo(response, what)
        raise errors.from_payload(answer, what)

    def version(self) -> str:
        """See `Transport.version`."""
        answer = _json(self._http.request("GET", "/web/version"), "version")
        return str(answer["version"]) if isinstance(answer, dict) and "version" in answer else "unknown"


def json2_headers(database: str, key: str) -> dict[str, str]:
    """The headers that say who calls and which database is meant."""
    return {"Authorization": f"bearer {key}", "X-Odoo-Database": database}


def _json(response: requests.Response, what: str) -> Any:
    try:
        return response.json()
    except requests.JSONDecodeError:
        raise _not_odoo(response, what) from None


def _not_odoo(response: requests.Response, what: str) -> PuenteError:
    """An answer that Odoo's API never gives: a proxy's page, a server without a database, another address."""
    kind = response.headers.get("Content-Type", "no content type").partition(";")[0]
    return UnavailableError(
        f"{what}: HTTP {response.status_code} with {kind} instead of Odoo's JSON; are ODOO_URL and ODOO_DB right?"
    )
