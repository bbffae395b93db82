"""The captcha verifiers as a vendor of the sandbox: Cloudflare Turnstile and Google reCAPTCHA.

A token that begins with `sandbox-person-` vouches for a person, once; every other is refused. Asked again with the same
`idempotency_key`, Turnstile answers as before. `sandbox-person-1-score-0.3` is a token of reCAPTCHA v3 with that score, and
`-action-lead` at its end names the action.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from sandbox.jsonapi import answer_json, body_of, header
from sandbox.shelf import Shelved
from sandbox.vendor import Answer, Call, Card, Column

SECRET, GOOD = "sandbox-captcha-secret", "sandbox-person-"  # known to everybody, good for nothing
TURNSTILE, RECAPTCHA = "/turnstile/v0/siteverify", "/recaptcha/api/siteverify"
CARDS = 12
_SCORE, _ACTION = re.compile(r"-score-([01](?:\.\d+)?)"), re.compile(r"-action-(\w+)$")


class Captcha(Shelved):
    """Both verifiers, which take the same secret; a token that was used with one is used up for both."""

    name = "captcha"
    title = "Captcha"
    prefixes = ("/captcha",)
    connection: Mapping[str, str] = {
        "CAPTCHA_VERIFY_URL": f"/captcha{TURNSTILE}",
        "or": f"/captcha{RECAPTCHA}",
        "Secret": SECRET,
        "A good token": f"{GOOD}1",
    }
    board_title = "Tokens"
    kinds = ("tokens",)
    routes = (TURNSTILE, RECAPTCHA)
    modes: Mapping[str, str] = {"internal_error": "Answers that it could not check the token (`internal-error`)."}

    def answer(self, call: Call) -> Answer:
        """Check one token."""
        if call.method != "POST":
            return answer_json({"success": False, "error-codes": ["bad-request"]}, 405, outcome="bad-request")
        fields = _fields(call)
        errors = self._errors(fields, is_turnstile=call.path == TURNSTILE)
        if not errors:
            key = fields.get("idempotency_key", "")
            self.shelf.put("tokens", fields["response"], {"id": fields["response"], "at": self.moment(), "key": key})
        return self._said(call, errors, fields.get("response", ""))

    def _errors(self, fields: Mapping[str, str], *, is_turnstile: bool) -> list[str]:
        secret, token = fields.get("secret", ""), fields.get("response", "")
        if not secret:
            return ["missing-input-secret"]
        if secret != SECRET:
            return ["invalid-input-secret"]
        if not token:
            return ["missing-input-response"]
        if not token.startswith(GOOD):
            return ["invalid-input-response"]
        used, key = self.shelf.get("tokens", token), fields.get("idempotency_key", "")
        is_repeated = used is not None and is_turnstile and key != "" and used.get("key") == key
        return ["timeout-or-duplicate"] if used and not is_repeated else []

    def _said(self, call: Call, errors: Sequence[str], token: str = "") -> Answer:
        said: dict[str, Any] = {"success": not errors}
        if not errors:
            said |= {"challenge_ts": self.moment(), "hostname": "127.0.0.1"}
        if call.path == TURNSTILE:
            said["error-codes"] = list(errors)
            more: dict[str, Any] = {"messages": []} if errors else {"action": _found(_ACTION, token), "cdata": ""}
            said |= more
        elif errors:
            said["error-codes"] = list(errors)
        elif score := _found(_SCORE, token):
            said |= {"score": float(score), "action": _found(_ACTION, token)}
        return answer_json(said, outcome=errors[0] if errors else "ok")

    def fail(self, mode: str, call: Call) -> Answer:
        """It could not look."""
        del mode
        return self._said(call, ["internal-error"])

    def what(self, call: Call) -> str:
        """Which of the two."""
        return f"{'Turnstile' if call.path == TURNSTILE else 'reCAPTCHA'} siteverify"

    def board(self) -> Sequence[Column]:
        """The tokens that were taken."""
        rows = self.shelf.rows("tokens")[::-1]
        cards = tuple(Card(id=row["id"], title=row["id"], lines=(row["at"][11:19],)) for row in rows[:CARDS])
        return [Column(id=1, title="Used up", total=len(rows), cards=cards)]


def _found(pattern: re.Pattern[str], token: str) -> str:
    found = pattern.search(token)
    return found[1] if found else ""


def _fields(call: Call) -> dict[str, str]:
    """A form, as both take it, or JSON, as Turnstile does as well."""
    if "json" in header(call, "content-type"):
        try:
            body = body_of(call)
        except (ValueError, json.JSONDecodeError):
            return {}
        return {name: value for name, value in body.items() if isinstance(value, str)} if isinstance(body, dict) else {}
    return dict(parse_qsl(call.body.decode("utf-8", "replace")))
