"""Whether a person filled in a public form: Cloudflare Turnstile and Google reCAPTCHA, which are asked in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import PermanentError, RetryableError
from shared.vendors import answers
from shared.vendors.rest_client import RestClient, kept, not_configured

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

    from functions.leads.settings import LeadSettings

TURNSTILE = "https://challenges.cloudflare.com/turnstile/v0/siteverify"
RECAPTCHA = "https://www.google.com/recaptcha/api/siteverify"
READ_SECONDS = 5.0
LONGEST_TOKEN = 4096

_OUR_FAULT = frozenset({"missing-input-secret", "invalid-input-secret"})


class Captcha:
    """One vendor with our secret. Shared by the process's threads."""

    def __init__(self, url: str, secret: str, adapter: BaseAdapter | None = None) -> None:
        self._http = CAPTCHA.connect(url, adapter=adapter, secrets=[secret])
        self._secret = secret

    @staticmethod
    def is_configured(settings: LeadSettings) -> bool:
        """Whether forms need a token at all."""
        return settings.turnstile_secret is not None or settings.recaptcha_secret is not None

    @staticmethod
    def from_settings(settings: LeadSettings) -> Captcha:
        """The process's client: Turnstile where both are set up. Raises PermanentError `not-configured`."""
        for secret, url in ((settings.turnstile_secret, TURNSTILE), (settings.recaptcha_secret, RECAPTCHA)):
            if secret is not None:
                return kept(Captcha, settings.captcha_verify_url or url, secret.get_secret_value())
        raise not_configured("Captcha", "TURNSTILE_SECRET or RECAPTCHA_SECRET")

    def is_person(self, token: str, sender: str = "") -> bool:
        """Whether the vendor vouches for `token`, which counts once and for some minutes. `sender` is the form's IP address.

        Raises:
            PermanentError: `captcha-refused`, the vendor does not take our secret.
            UnavailableError, RetryableError: it cannot be asked; whether the form is then taken is for the caller to say.
        """
        if not token or len(token) > LONGEST_TOKEN:
            return False
        data = {"secret": self._secret, "response": token} | ({"remoteip": sender} if sender else {})
        # Asked twice, the vendor calls the token used up; but a cut connection mostly means that it was never asked.
        response = self._http.request("POST", "", data=data, repeatable=True)
        answer = answers.parsed(response)
        if not isinstance(answer, dict) or not isinstance(answer.get("success"), bool):
            if answers.is_good(response):
                raise RetryableError("Captcha: the answer is none")
            raise self._http.refusal(response, "checking", repeatable=True)
        codes = set(answer.get("error-codes") or [])
        if faults := _OUR_FAULT & codes:
            raise PermanentError("captcha-refused", f"Captcha: the vendor says {', '.join(sorted(faults))}")
        if "internal-error" in codes:
            raise RetryableError("Captcha: the vendor could not check the token")
        return bool(answer["success"])


# Either vendor's address and secret are settings of their own: see `Captcha.from_settings`. No delivery waits for it.
CAPTCHA = RestClient(name="Captcha", address="captcha_verify_url", read_seconds=READ_SECONDS)
