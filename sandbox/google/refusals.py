"""How Google refuses: a code, a reason and a text."""

from sandbox.jsonapi import RefusedError, answer_json
from sandbox.vendor import Answer


def refusal(status: int, reason: str, message: str) -> Answer:
    """The answer."""
    error = {"code": status, "message": message, "errors": [{"domain": "global", "reason": reason, "message": message}]}
    return answer_json({"error": error}, status, outcome=reason)


def refused(status: int, reason: str, message: str) -> RefusedError:
    """The same, to be raised."""
    return RefusedError(refusal(status, reason, message))
