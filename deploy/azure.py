"""Calls to Azure as the person or pipeline that deploys: resource manager, vault and Microsoft Graph, over plain REST."""

import time
from collections.abc import Callable
from typing import Any, Protocol

from deploy.console import DeployError

MANAGEMENT = "https://management.azure.com"
GRAPH = "https://graph.microsoft.com"
VAULT_API = "7.4"
SECONDS = 60
MISSING = 404


class Session(Protocol):
    """What is used of `requests.Session`."""

    def request(
        self, method: str, url: str, *, headers: dict[str, str] = ..., params: Any = ..., json: Any = ..., timeout: float = ...
    ) -> Any:
        """Send a request."""


class Azure:
    """Azure, with tokens of whoever is logged in with azd or az. `token` gives a token for a scope."""

    def __init__(self, token: Callable[[str], str] | None = None, session: Session | None = None) -> None:
        import requests

        self._token = token or _token_of_who_is_logged_in
        self._session = session or requests.Session()

    def token(self, scope: str) -> str:
        """A token for `scope`, such as `https://vault.azure.net/.default`."""
        return self._token(scope)

    def arm(self, method: str, path: str, api: str, body: Any = None) -> Any:
        """Call the resource manager; the answer's JSON, or None where the resource does not exist.

        Raises:
            DeployError: Azure refuses, with its words.
        """
        url = f"{MANAGEMENT}{path}?api-version={api}"
        answer = self._call(method, url, f"{MANAGEMENT}/.default", body)
        if answer.status_code == MISSING and method in ("GET", "DELETE"):
            return None
        return self._json(answer, f"{method} {path}")

    def graph(self, method: str, path: str, body: Any = None) -> Any:
        """Call Microsoft Graph (version 1.0); the answer's JSON, or None where what is read does not exist.

        Raises:
            DeployError: Graph refuses, with its words.
        """
        answer = self._call(method, f"{GRAPH}/v1.0{path}", f"{GRAPH}/.default", body)
        if answer.status_code == MISSING and method == "GET":
            return None
        return self._json(answer, f"{method} {path}")

    def secret(self, vault: str, name: str) -> str | None:
        """The value of a secret, or None where there is none.

        Raises:
            DeployError: the vault refuses, with its words.
        """
        answer = self._call("GET", f"{vault}/secrets/{name}?api-version={VAULT_API}", "https://vault.azure.net/.default")
        if answer.status_code == MISSING:
            return None
        return str(self._json(answer, f"secret {name}")["value"])

    def set_secret(self, vault: str, name: str, value: str) -> None:
        """Write a new version of a secret.

        Raises:
            DeployError: the vault refuses, with its words.
        """
        url = f"{vault}/secrets/{name}?api-version={VAULT_API}"
        self._json(self._call("PUT", url, "https://vault.azure.net/.default", {"value": value}), f"secret {name}")

    def delete_secret(self, vault: str, name: str) -> None:
        """Delete a secret; nothing happens where there is none.

        Raises:
            DeployError: the vault refuses, with its words.
        """
        answer = self._call("DELETE", f"{vault}/secrets/{name}?api-version={VAULT_API}", "https://vault.azure.net/.default")
        if answer.status_code != MISSING:
            self._json(answer, f"secret {name}")

    def _call(self, method: str, url: str, scope: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token(scope)}"}
        return self._session.request(method, url, headers=headers, json=body, timeout=SECONDS)

    def _json(self, answer: Any, what: str) -> Any:
        if not answer.ok:
            raise DeployError(f"{what}: {answer.status_code} {answer.text[:600]}")
        return answer.json() if answer.content else {}


def _token_of_who_is_logged_in(scope: str) -> str:
    from azure.identity import AzureCliCredential, AzureDeveloperCliCredential, ChainedTokenCredential

    return ChainedTokenCredential(AzureDeveloperCliCredential(), AzureCliCredential()).get_token(scope).token


def until[T](attempt: Callable[[], T | None], seconds: float, *, pause: float = 5, what: str) -> T:
    """Call `attempt` until it gives something, and return that.

    Raises:
        DeployError: it gave nothing within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = attempt()
        if found is not None:
            return found
        if time.monotonic() + pause > deadline:
            raise DeployError(f"{what}: nothing after {seconds:.0f} s")
        time.sleep(pause)
