"""Whether a person filled in a public form: Cloudflare Turnstile and Google reCAPTCHA, which are asked in the same way."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.errors import PermanentError, RetryableError
from shared.vendors import answers
from shared.vendors.rest_client import RestClient, kept, not_configured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests.adapters import BaseAdapter

    from functions.leads.settings import LeadSettings

log = logging.getLogger("puente.leads")

TURNSTILE = "https://challenges.cloudflare.com/turnstile/v0/siteverify"
RECAPTCHA = "https://www.google.com/recaptcha/api/siteverify"
READ_SECONDS = 3.0
LONGEST_TOKEN = 4096

_OUR_FAULT = frozenset({"missing-input-secret", "invalid-input-secret"})


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the vendor must answer beside "success": reCAPTCHA v3 says so to machines as well, with a low `score`.

    `action`: what the page named when it asked for the token, so that one of another form does not count here; "" takes any.
    """

    is_turnstile: bool = False
    least_score: float = 0.5
    action: str = ""

    @staticmethod
    def of(settings: LeadSettings) -> Rules:
        """Those of the settings."""
        return Rules(
            is_turnstile=settings.turnstile_secret is not None,
            least_score=settings.recaptcha_min_score,
            action=settings.captcha_action,
        )

    def are_met(self, answer: Mapping[str, Any]) -> bool:
        """Whether an answer of success is one for us. An answer without a score (Turnstile, reCAPTCHA v2) needs none."""
        score = answer.get("score")
        if score is not None and not (isinstance(score, int | float) and score >= self.least_score):
            log.info("the captcha gives a form the score %s", score)
            return False
        return not self.action or answer.get("action") == self.action


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

    def is_person(self, token: str, sender: str = "", rules: Rules = Rules()) -> bool:  # frozen
        """Whether the vendor vouches for `token`, which counts once and for some minutes. `sender` is the form's IP address.

        A vendor that is asked twice calls the token used up. Turnstile takes a key by which it knows a repeated question;
        reCAPTCHA does not, so there a question whose answer was lost is not asked again.

        Raises:
            PermanentError: `captcha-refused`, the vendor does not take our secret.
            UnavailableError, RetryableError, UncertainError: it cannot be asked; whether the form is then taken is for the
                caller to say.
        """
        if not token or len(token) > LONGEST_TOKEN:
            return False
        data = {"secret": self._secret, "response": token} | ({"remoteip": sender} if sender else {})
        if rules.is_turnstile:
            data["idempotency_key"] = str(uuid.uuid4())
        response = self._http.request("POST", "", data=data, repeatable=rules.is_turnstile)
        answer = answers.parsed(response)
        if not isinstance(answer, dict) or not isinstance(answer.get("success"), bool):
            if answers.is_good(response):
                raise RetryableError("Captcha: the answer is none")
            raise self._http.refusal(response, "checking", repeatable=rules.is_turnstile)
        codes = set(answer.get("error-codes") or [])
        if faults := _OUR_FAULT & codes:
            raise PermanentError("captcha-refused", f"Captcha: the vendor says {', '.join(sorted(faults))}")
        if "internal-error" in codes:
            raise RetryableError("Captcha: the vendor could not check the token")
        return bool(answer["success"]) and rules.are_met(answer)


# Either vendor's address and secret are settings of their own: see `Captcha.from_settings`. No delivery waits for it.
CAPTCHA = RestClient(name="Captcha", address="captcha_verify_url", read_seconds=READ_SECONDS)
