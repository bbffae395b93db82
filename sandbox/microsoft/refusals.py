"""How Graph refuses: a code and a text, sometimes with details."""

from sandbox.jsonapi import RefusedError, answer_json
from sandbox.vendor import Answer


def refusal(status: int, code: str, message: str, *, detail: str = "") -> Answer:
    """The answer."""
    details = [{"code": detail, "message": message, "target": "userPrincipalName"}] if detail else []
    error = {"code": code, "message": message, "innerError": {"request-id": "sandbox"}} | (
        {"details": details} if details else {}
    )
    return answer_json({"error": error}, status, outcome=detail or code)


def refused(status: int, code: str, message: str, *, detail: str = "") -> RefusedError:
    """The same, to be raised."""
    return RefusedError(refusal(status, code, message, detail=detail))
