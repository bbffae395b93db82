"""The connection of a declared client: requests go out by `http`, and what is no success is an error by the declaration."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import requests
from requests.adapters import BaseAdapter

from shared.vendors import answers
from shared.vendors.http import HttpClient
from shared.vendors.rest_declaration import RestDeclaration
from shared.vendors.tokens import Tokens


class Connection(HttpClient):
    """Calls one system with one key. Shared by the process's threads."""

    def __init__(
        self,
        client: RestDeclaration,
        address: str,
        key: str = "",
        *,
        adapter: BaseAdapter | None = None,
        read_seconds: float | None = None,
        auth: tuple[str, str] | None = None,
        secrets: Sequence[str] = (),
        known_as: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            client.name,
            address,
            read_seconds=read_seconds or client.read_seconds,
            headers={**({} if auth or known_as else client.authorize(key)), **client.headers},
            auth=auth,
            secrets=[key, *(auth or ())[1:], *secrets],
            adapter=adapter,
            named_wait=client.named_wait,
            busy=client.busy,
            target=client.target,
        )
        self.client, self._tokens = client, None
        if client.credentials is not None and known_as is not None:
            patience = read_seconds or client.read_seconds
            self._tokens = Tokens(client.name, address, client.credentials, known_as, read_seconds=patience, adapter=adapter)

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, subject: str = "", **more: Any
    ) -> requests.Response:
        """As `HttpClient.request`; with a token where the system wants one. One that is refused (401) is renewed once.

        A refused call has done nothing, so that it is made again whether or not it is repeatable.
        `subject` is the person for whom we act, where another one than in the settings.
        """
        if self._tokens is None:
            return super().request(method, path, headers=headers, **more)
        token = self._tokens.current(subject)
        response = self._with_token(token, method, path, headers, more)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            return self._with_token(self._tokens.renewed(token, subject), method, path, headers, more)
        return response

    def _with_token(
        self, token: str, method: str, path: str, headers: Mapping[str, str] | None, more: Mapping[str, Any]
    ) -> requests.Response:
        authorize = self.client.authorize_token or self.client.authorize
        return super().request(method, path, headers={**authorize(token), **(headers or {})}, **more)

    def ping(self) -> str:
        """What it says of itself, as a sign that it is there and lets us in. Raises as `call`."""
        ping_by = self.client.ping_by
        if callable(ping_by):
            return str(ping_by(self))
        answer = self.call("GET", ping_by, "asking whether it is there", repeatable=True)
        return str(answer.get(self.client.shows) or "there")

    def call(self, method: str, path: str = "", what: str = "", *, repeatable: bool, **request: Any) -> Mapping[str, Any]:
        """The JSON object that it answers, `{}` for an answer without content. Only 200 to 299 is a success.

        `what` says in the text of an error what was asked; `request` is as in `HttpClient.request`.

        Raises:
            PermanentError: `<name>-...`, it refuses the call for good.
            UnavailableError: it is down, or refuses our account (`account` is true then).
            ThrottledError, RetryableError: not now. UncertainError: the call may have taken effect.
        """
        response = self.answer(method, path, what, repeatable=repeatable, **request)
        return answers.mapping(response, self.words(what or f"{method} {path}"), repeatable=repeatable)

    def answer(self, method: str, path: str = "", what: str = "", *, repeatable: bool, **request: Any) -> requests.Response:
        """As `call`, but the answer as it came, for a system that answers with something else than an object."""
        response = self.request(method, path, repeatable=repeatable, **request)
        if not answers.is_good(response):
            raise self.refusal(response, what or f"{method} {path}", repeatable=repeatable)
        return response

    def refusal(self, response: requests.Response, what: str, *, repeatable: bool) -> Exception:
        """The error for an answer that is no success."""
        client, words = self.client, self.words(what)
        value = answers.parsed(response)
        body: Mapping[str, Any] = value if isinstance(value, dict) else {}
        if client.verdict and (error := client.verdict(response, body, words, repeatable)):
            return error
        code, message = client.error(body)
        is_ours = str(code or "").lower() in client.account_codes or response.status_code in client.account_statuses
        return answers.failure(
            response, client.name.lower(), words, repeatable=repeatable, code=code, message=message, account=is_ours
        )

    def words(self, what: str) -> str:
        """What was asked of whom, without secrets."""
        return self.mask(f"{self.vendor}: {what}")
