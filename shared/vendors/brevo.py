"""E-mail through Brevo (once Sendinblue)."""

import json
from functools import lru_cache
from typing import Any

import requests
from requests.adapters import BaseAdapter

from shared.settings import Settings
from shared.vendors import answers, waits
from shared.vendors.http import HttpClient
from shared.vendors.mail import Email

READ_SECONDS = 20.0
DUPLICATE = "duplicate_request"


class Brevo:
    """Sends e-mail, and finds out whether one was sent. Shared by the process's threads."""

    def __init__(
        self,
        url: str,
        api_key: str,
        sender: str,
        sender_name: str,
        adapter: BaseAdapter | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        headers = {"api-key": api_key, "Accept": "application/json"}
        self._http = HttpClient(
            "Brevo",
            url,
            read_seconds=read_seconds,
            headers=headers,
            secrets=[api_key],
            adapter=adapter,
            named_wait=waits.in_header("x-sib-ratelimit-reset"),
        )
        self._sender = {"email": sender, "name": sender_name}

    @staticmethod
    def from_settings(settings: Settings, read_seconds: float = READ_SECONDS) -> "Brevo":
        """The process's client for that patience. Raises PermanentError `not-configured`."""
        if settings.sendinblue_api_key is None or not settings.sendinblue_sender_email:
            raise answers.not_configured("Brevo", "SENDINBLUE_API_KEY", "SENDINBLUE_SENDER_EMAIL")
        key = settings.sendinblue_api_key.get_secret_value()
        return _client(
            settings.brevo_base_url, key, settings.sendinblue_sender_email, settings.sendinblue_sender_name, read_seconds
        )

    def ping(self) -> str:
        """The account's plans, as a sign that Brevo answers us (GET /v3/account, developers.brevo.com/reference)."""
        account = self._content(self._http.request("GET", "/account"), "asking for the account", repeatable=True)
        return ", ".join(str(plan.get("type")) for plan in account.get("plan") or [] if isinstance(plan, dict))

    def send(self, email: Email) -> str:
        """Hand over one e-mail; Brevo's message id, or "" when Brevo says that it had this one before.

        Brevo drops a second request with the same key for 15 minutes only, so an unknown outcome is an UncertainError here:
        ask `find` before sending again.

        Raises:
            PermanentError: `brevo-invalid-parameter`, `brevo-access-denied`, ...
        """
        response = self._http.request("POST", "/smtp/email", json=self._body(email), repeatable=False)
        if not response.ok and _error(response).get("code") == DUPLICATE:
            return ""
        return str(self._content(response, "sending an e-mail", repeatable=False).get("messageId", ""))

    def find(self, email: Email) -> str | None:
        """The message id of the e-mail with this key, if Brevo's event log knows it (it may lag by minutes), else None."""
        params = {"email": email.to, "tags": email.key_uuid, "limit": "50"}
        response = self._http.request("GET", "/smtp/statistics/events", params=params)
        events = self._content(response, "looking up an e-mail", repeatable=True).get("events") or []
        # Only an event that itself carries the key counts, whatever Brevo makes of the filter.
        found = (str(event.get("messageId", "")) for event in events if email.key_uuid in json.dumps(event))
        return next(found, None)

    def _body(self, email: Email) -> dict[str, Any]:
        body: dict[str, Any] = {
            "sender": self._sender,
            "to": [{"email": email.to} | ({"name": email.to_name} if email.to_name else {})],
            "subject": email.subject,
            "textContent": email.text,
            "headers": dict(email.headers) | {"idempotencyKey": email.key_uuid},
            "tags": [*email.tags, email.key_uuid],
        }
        if email.html:
            body["htmlContent"] = email.html
        if email.reply_to:
            body["replyTo"] = {"email": email.reply_to}
        return body

    def _content(self, response: requests.Response, what: str, *, repeatable: bool) -> Any:
        what = f"Brevo: {what}"
        if response.ok:
            return answers.mapping(response, what, repeatable=repeatable)
        error = _error(response)
        raise answers.failure(
            response, "brevo", what, repeatable=repeatable, code=error.get("code"), message=error.get("message")
        )


def _error(response: requests.Response) -> dict[str, Any]:
    value = answers.parsed(response)
    return value if isinstance(value, dict) else {}


@lru_cache(maxsize=4)
def _client(url: str, api_key: str, sender: str, sender_name: str, read_seconds: float) -> Brevo:
    return Brevo(url, api_key, sender, sender_name, read_seconds=read_seconds)
