"""OpenAI's Responses API: answers of the form that is asked for, or as a test has chosen; nothing thinks or looks here."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from sandbox.jsonapi import answer_json, bearer, body_of
from sandbox.shelf import Shelved, one_of
from sandbox.vendor import Answer, Call, Card, Column

KEY = "sandbox-openai-key"  # known to everybody, good for nothing
COMPLETED, REFUSED, INCOMPLETE, FAILED = "completed", "refused", "incomplete", "failed"
LEAST_TOKENS = 16
CARDS = 20
_PICTURE = re.compile(r"data:[^\"]*")
_REASON = "max_output_tokens"
_TEXT = {"context": "Es un pago habitual para este mes.", "signal": "grows"}
_LINES = [
    {"descripcion": "Cuaderno", "cantidad": "2", "precio": "$25.00", "importe": "$50.00"},
    {"descripcion": "Pluma", "cantidad": "1", "precio": "$50.00", "importe": "$50.00"},
]
_PRINTED = {
    "proveedor": "Papelería Lumen",
    "fecha": "28/02/2026",
    "nro_ticket": "A-1042",
    "moneda": "$",
    "subtotal": "$100.00",
    "impuestos": "$16.00",
    "total": "$116.00",
    "metodo_pago": "Tarjeta",
}
_UNSEEN = dict.fromkeys(("direccion", "propina", "descuento", "pagado", "cambio"))
TICKET: dict[str, Any] = {"comprobantes": 1, **_UNSEEN, **_PRINTED, "items": _LINES}
_FORECAST = {"total": "9100.00", "low": "7800.00", "high": "10400.00"}


class OpenAI(Shelved):
    """One project with one key."""

    name = "openai"
    title = "OpenAI"
    prefixes = ("/openai",)
    connection: Mapping[str, str] = {"OPENAI_BASE_URL": "/openai", "OPENAI_API_KEY": KEY}
    board_title = "Responses"
    routes = ("/v1/{rest:.*}",)
    kinds = ("responses", "choices")
    modes: Mapping[str, str] = {"no_quota": "The account has no money left: 429 with `insufficient_quota`."}
    actions: Mapping[str, str] = {
        "answer": "What it answers next: `outcome` completed, refused, incomplete or failed; `once`.",
        "ticket": "What it reads on tickets from now on: `fields`, in the place of some of its own; `once`.",
    }

    def answer(self, call: Call) -> Answer:
        """Answer a request, or say which models there are."""
        if bearer(call) != KEY:
            return self._error(401, "invalid_api_key", "Incorrect API key provided.")
        if call.method == "GET" and call.path == "/v1/models":
            model = {"id": "gpt-4o-mini", "object": "model", "created": 1_700_000_000, "owned_by": "system"}
            return answer_json({"object": "list", "data": [model]})
        if call.method != "POST" or call.path != "/v1/responses":
            return self._error(404, "unknown_url", f"Unknown request URL: {call.method} {call.path}.")
        try:
            asked = body_of(call)
        except ValueError:
            return self._error(400, "invalid_json", "We could not parse the JSON body of your request.")
        if not isinstance(asked, dict) or (fault := _fault(asked)):
            return self._error(400, "invalid_value", fault if isinstance(asked, dict) else "The body must be an object.")
        return self._responded(asked)

    def fail(self, mode: str, call: Call) -> Answer:
        """No money."""
        del mode, call
        return self._error(429, "insufficient_quota", "You exceeded your current quota.", "insufficient_quota")

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """Choose what comes next."""
        if action not in self.actions:
            return super().act(action, given)
        if action == "ticket":
            row = {"id": "ticket", "fields": dict(given.get("fields") or {}), "once": bool(given.get("once"))}
            return self.shelf.put("choices", "ticket", row)
        outcome = one_of(given, "outcome", (COMPLETED, REFUSED, INCOMPLETE, FAILED))
        return self.shelf.put("choices", "next", {"id": "next", "outcome": outcome, "once": bool(given.get("once"))})

    def what(self, call: Call) -> str:
        """Such as `POST responses`."""
        return f"{call.method} {call.path.removeprefix('/v1/')}"

    def board(self) -> Sequence[Column]:
        """What was asked, the newest first."""
        rows = self.shelf.rows("responses")[::-1]
        cards = tuple(Card(id=row["id"], title=row["outcome"], lines=(row["asked"][:300],)) for row in rows[:CARDS])
        return [Column(id=1, title="Responses", total=len(rows), cards=cards)]

    def _responded(self, asked: Mapping[str, Any]) -> Answer:
        chosen = self.shelf.get("choices", "next")
        outcome = chosen["outcome"] if chosen else COMPLETED
        if chosen and chosen["once"]:
            self.shelf.drop("choices", "next")
        number = f"resp_{uuid4().hex}"
        self.shelf.put("responses", number, {"id": number, "outcome": outcome, "asked": _input(asked), "at": self.moment()})
        return answer_json(self._response(number, asked, outcome), outcome="ok" if outcome == COMPLETED else outcome)

    def _response(self, number: str, asked: Mapping[str, Any], outcome: str) -> dict[str, Any]:
        status = outcome if outcome in (INCOMPLETE, FAILED) else COMPLETED
        tokens = {
            "input_tokens": 900,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 120,
        }
        tokens |= {"output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 1020}
        response: dict[str, Any] = {"id": number, "object": "response", "created_at": int(self.now().timestamp())}
        output = _output(outcome, self._text(asked))
        response |= {"status": status, "model": asked["model"], "output": output, "usage": tokens, "tools": []}
        response |= {"error": {"code": "server_error", "message": "The model failed."} if status == FAILED else None}
        response |= {"incomplete_details": {"reason": _REASON} if status == INCOMPLETE else None, "metadata": {}}
        response |= {"instructions": asked.get("instructions"), "parallel_tool_calls": True, "tool_choice": "auto"}
        return response | {
            "temperature": 1.0,
            "top_p": 1.0,
            "max_output_tokens": asked.get("max_output_tokens"),
            "text": asked["text"],
        }

    def _text(self, asked: Mapping[str, Any]) -> str:
        """JSON of the form that was asked for."""
        form = (asked.get("text") or {}).get("format") or {}
        if form.get("name") != "ticket":
            return json.dumps(_TEXT | {"forecast": _FORECAST}, ensure_ascii=False)
        chosen = self.shelf.get("choices", "ticket")
        if chosen and chosen["once"]:
            self.shelf.drop("choices", "ticket")
        today = {"fecha": f"{self.now():%d/%m/%Y}"}  # else it would be a ticket of long ago
        return json.dumps(TICKET | today | (chosen["fields"] if chosen else {}), ensure_ascii=False)

    @staticmethod
    def _error(status: int, code: str, message: str, kind: str = "invalid_request_error") -> Answer:
        return answer_json({"error": {"message": message, "type": kind, "param": None, "code": code}}, status, outcome=code)


def _fault(asked: Mapping[str, Any]) -> str:
    if not isinstance(asked.get("model"), str):
        return "Missing required parameter: 'model'."
    most = asked.get("max_output_tokens")
    if isinstance(most, int) and most < LEAST_TOKENS:
        return f"Invalid 'max_output_tokens': integer below minimum value. Expected a value >= {LEAST_TOKENS}."
    form = (asked.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema" and form.get("strict") and not _is_strict(form.get("schema") or {}):
        return "Invalid schema for response_format: every property must be required, and no other allowed."
    return ""


def _is_strict(schema: Mapping[str, Any]) -> bool:
    if schema.get("type") != "object":
        return True
    properties = schema.get("properties") or {}
    is_closed = schema.get("additionalProperties") is False and sorted(schema.get("required") or ()) == sorted(properties)
    return is_closed and all(_is_strict(one) for one in properties.values())


def _input(asked: Mapping[str, Any]) -> str:
    """What was asked; of a picture that there was one."""
    return _PICTURE.sub("data:...", json.dumps(asked.get("input"), ensure_ascii=False))


def _output(outcome: str, text: str) -> list[dict[str, Any]]:
    if outcome == FAILED:
        return []
    part: dict[str, Any] = {
        "type": "output_text",
        "text": text if outcome == COMPLETED else text[:40],
        "annotations": [],
        "logprobs": [],
    }
    if outcome == REFUSED:
        part = {"type": "refusal", "refusal": "No puedo ayudar con eso."}
    status = "incomplete" if outcome == INCOMPLETE else "completed"
    message = {"id": f"msg_{uuid4().hex}", "type": "message", "role": "assistant", "status": status, "content": [part]}
    return [message]
