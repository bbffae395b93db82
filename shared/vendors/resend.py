"""E-mail through Resend."""

import re
from functools import lru_cache
from typing import Any

import requests
from requests.adapters import BaseAdapter

from shared.errors import PermanentError, RetryableError
from shared.settings import Settings
from shared.vendors import answers, mail, waits
from shared.vendors.http import HttpClient
from shared.vendors.mail import Email

READ_SECONDS = 20.0
SENDING = "Resend: sending an e-mail"
SENDING_ONLY = "restricted_api_key"


class Resend:
    """Sends e-mail. Shared by the process's threads."""

    def __init__(
        self, url: str, api_key: str, sender: str, adapter: BaseAdapter | None = None, read_seconds: float = READ_SECONDS
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"}
        self._http = HttpClient(
            "Resend",
            url,
            read_seconds=read_seconds,
            headers=headers,
            secrets=[api_key],
            adapter=adapter,
            named_wait=waits.quota,
        )
        self._sender = sender

    @staticmethod
    def from_settings(settings: Settings, read_seconds: float = READ_SECONDS) -> "Resend":
        """The process's client for that patience. Raises PermanentError `not-configured`."""
        if settings.resend_api_key is None or not settings.resend_from:
            raise answers.not_configured("Resend", "RESEND_API_KEY", "RESEND_FROM")
        mail.sender(settings.resend_from, "RESEND_FROM")
        return _client(settings.resend_base_url, settings.resend_api_key.get_secret_value(), settings.resend_from, read_seconds)

    def ping(self) -> str:
        """How many domains we send from, as a sign that Resend answers us (GET /domains, resend.com/docs/api-reference).

        A key that may only send is refused there, by a word that Resend has for keys that it knows: that is a sign as well.
        """
        what, response = "Resend: asking for the domains", self._http.request("GET", "/domains")
        if not response.ok:
            if _error(response).get("name") == SENDING_ONLY:
                return "a key for sending only"
            raise _failure(response, what, repeatable=True)
        domains = answers.mapping(response, what, repeatable=True).get("data") or []
        verified = sum(domain.get("status") == "verified" for domain in domains)
        return f"{verified} of {len(domains)} domains verified"

    def send(self, email: Email) -> str:
        """Hand over one e-mail; Resend's id of it.

        Within 24 hours the same e-mail with the same key is sent once and answered with the first id, so after an
        UncertainError it may simply be sent again (unchanged: other content with the same key is refused for good).

        Raises:
            PermanentError: `resend-invalid-idempotent-request`, `resend-validation-error`, `resend-access-denied`, ...
        """
        headers = {"Idempotency-Key": email.key_digest}
        response = self._http.request("POST", "/emails", json=self._body(email), headers=headers, repeatable=False)
        if not response.ok:
            raise _failure(response, SENDING, repeatable=False)
        content = answers.mapping(response, SENDING, repeatable=False)
        return str(content.get("id", ""))

    def _body(self, email: Email) -> dict[str, Any]:
        body: dict[str, Any] = {"from": self._sender, "to": [email.to], "subject": email.subject, "text": email.text}
        if email.html:
            body["html"] = email.html
        if email.reply_to:
            body["reply_to"] = email.reply_to
        if email.headers:
            body["headers"] = dict(email.headers)
        if email.tags:
            # Resend takes nothing else than these characters in a tag.
            body["tags"] = [{"name": re.sub("[^A-Za-z0-9_-]", "_", tag), "value": "1"} for tag in email.tags]
        return body


def _error(response: requests.Response) -> dict[str, Any]:
    value = answers.parsed(response)
    return value if isinstance(value, dict) else {}


def _failure(response: requests.Response, what: str, *, repeatable: bool) -> Exception:
    error = _error(response)
    name, message = error.get("name"), error.get("message")
    if name == "invalid_idempotent_request":
        return PermanentError("resend-invalid-idempotent-request", f"{what}: this key was used for another e-mail")
    if name == "concurrent_idempotent_requests":
        return RetryableError(f"{what}: the same e-mail is just being sent")
    return answers.failure(response, "resend", what, repeatable=repeatable, code=name, message=message)


@lru_cache(maxsize=4)
def _client(url: str, api_key: str, sender: str, read_seconds: float) -> Resend:
    return Resend(url, api_key, sender, read_seconds=read_seconds)
