"""Refusals of the Graph API, in its form."""

from sandbox.jsonapi import RefusedError, answer_json
from sandbox.vendor import Answer

TITLES = {
    4: "Application request limit reached",
    100: "Invalid parameter",
    190: "Invalid OAuth access token",
    130429: "Rate limit hit",
    130472: "User's number is part of an experiment",
    131000: "Something went wrong",
    131008: "Required parameter is missing",
    131009: "Parameter value is not valid",
    131026: "Message undeliverable",
    131042: "Business eligibility payment issue",
    131047: "Re-engagement message",
    131048: "Spam rate limit hit",
    131049: "This message was not delivered to maintain healthy ecosystem engagement",
    131050: "User has stopped marketing messages",
    131051: "Unsupported message type",
    131052: "Media download error",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
    132000: "Number of parameters does not match the expected number of params",
    132001: "Template name does not exist in the translation",
    132015: "Template is paused",
}


def error(code: int, details: str = "", *, status: int = 400, subcode: int | None = None) -> Answer:
    """An error as the Graph API answers it."""
    title = TITLES.get(code, "Error")
    body = {
        "message": f"(#{code}) {title}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details or title},
        "fbtrace_id": "AsAnDb0x",
    }
    return answer_json({"error": body | ({"error_subcode": subcode} if subcode else {})}, status, outcome=str(code))


def refused(code: int, details: str = "", *, status: int = 400, subcode: int | None = None) -> RefusedError:
    """The call is refused with that error."""
    return RefusedError(error(code, details, status=status, subcode=subcode))


def of_status(code: int) -> dict[str, object]:
    """An error as a status `failed` brings it."""
    title = TITLES.get(code, "Error")
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": title},
        "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
    }
