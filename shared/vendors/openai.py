"""OpenAI's Responses API, for any flow: one request with a strict schema, and what comes of it. `store` is off, always."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shared.errors import PermanentError, RetryableError, UnavailableError
from shared.vendors import answers
from shared.vendors.rest_client import RestClient

if TYPE_CHECKING:
    import requests

DONE, REFUSED, INCOMPLETE, REJECTED = "done", "refused", "incomplete", "rejected"
LONGEST = 2000
MILLION = Decimal(1_000_000)
# Of a response that failed: the input is at fault, and will be the next time.
_OF_THE_INPUT = frozenset(
    (
        *("invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_url", "image_too_large"),
        *("image_too_small", "image_parse_error", "image_content_policy_violation", "invalid_image_mode"),
        *("image_file_too_large", "unsupported_image_media_type", "empty_image_file", "failed_to_download_image"),
        *("image_file_not_found", "invalid_prompt"),
    )
)


def strict_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    """A schema as strict outputs want it: every property is there, and no other."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _error(body: Mapping[str, Any]) -> tuple[object, object]:
    error = body.get("error")
    found: Mapping[str, Any] = error if isinstance(error, dict) else {}
    return found.get("code") or found.get("type"), found.get("message")


def _no_quota(response: requests.Response) -> None:
    """An account without money answers 429 as one that is too fast does; that waits for a person. Names no wait."""
    body = answers.parsed(response)
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS and isinstance(body, dict):
        code, _message = _error(body)
        if code in ("insufficient_quota", "billing_hard_limit_reached"):
            raise UnavailableError(f"OpenAI: {code}", account=True)


OPENAI = RestClient(
    name="OpenAI",
    address="openai_base_url",
    key="openai_api_key",
    ping_by="/v1/models",
    shows="object",
    read_seconds=60,
    error=_error,
    account_codes=frozenset(("invalid_api_key", "account_deactivated", "billing_not_active")),
    named_wait=_no_quota,
)


def request_of(
    model: str, instructions: str, content: Sequence[Mapping[str, Any]], *, name: str, schema: Mapping[str, Any], tokens: int
) -> dict[str, Any]:
    """A request of one turn, whose answer has the form of `schema` (`name` is that form's); `content` are its input parts."""
    return {
        "model": model,
        "instructions": instructions,
        "input": [{"role": "user", "content": list(content)}],
        "text": {"format": {"type": "json_schema", "name": name, "strict": True, "schema": schema}},
        "max_output_tokens": tokens,
        "store": False,
    }


def ask(body: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    """OpenAI's answer to a request. Asking twice costs tokens and nothing else. Raises as `RestClient.call`."""
    return OPENAI.call("POST", "/v1/responses", repeatable=True, what=what, json=dict(body))


def outcome_of(answer: Mapping[str, Any], what: str) -> tuple[str, str]:
    """What became of a request, and the text of it: `done` with JSON of the form that was asked for, else the reason.

    `refused`, `incomplete` (it was cut off) and `rejected` (it cannot read the input) are answers too: asking again would cost
    as much and bring the same.

    Raises:
        RetryableError: OpenAI failed while answering.
    """
    status = answer.get("status")
    if status == "incomplete":
        details = answer.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        return INCOMPLETE, answers.clean(reason or "unknown")
    if status != "completed":
        code, message = _error(answer)
        if code in _OF_THE_INPUT:
            return REJECTED, answers.clean(code)
        raise RetryableError(f"OpenAI: {what} is {answers.clean(status)} {answers.clean(code or message or '')}".strip())
    parts = [part for item in _items(answer, "output") for part in _items(item, "content")]
    if refusal := next((part for part in parts if part.get("type") == "refusal"), None):
        return REFUSED, str(refusal.get("refusal") or "")[:LONGEST]
    return DONE, "".join(str(part.get("text") or "") for part in parts if part.get("type") == "output_text")


def _items(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    given = value.get(name)
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def parsed(text: str, what: str) -> dict[str, Any]:
    """The JSON object of an answer that is `done`. Raises PermanentError `openai-unreadable`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise unreadable(what) from error
    if not isinstance(found, dict):
        raise unreadable(what)
    return found


def unreadable(what: str) -> PermanentError:
    """The error for an answer that is not of the form that was asked for."""
    return PermanentError("openai-unreadable", f"OpenAI: {what} is not of the form that was asked for")


def cost(answer: Mapping[str, Any], prices: Mapping[Any, Decimal]) -> dict[str, Any]:
    """The tokens that were used and what they cost in USD; `prices` are of a million tokens, `input` and `output`."""
    usage = answer.get("usage")
    given: Mapping[str, Any] = usage if isinstance(usage, dict) else {}
    tokens = {name: given[name] if isinstance(given.get(name), int) else 0 for name in ("input_tokens", "output_tokens")}
    usd = sum((tokens[f"{name}_tokens"] * prices.get(name, Decimal()) for name in ("input", "output")), Decimal()) / MILLION
    return tokens | {"model": str(answer.get("model") or ""), "cost_usd": format(usd, "f")}
