"""Azure AI Document Intelligence: an analysis is begun, asked for until it is done, and deleted; nothing is looked at here.

What the papers say is chosen by a test or by a person (`answer`), as the vendor's fields.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from sandbox.jsonapi import answer_json, body_of, header
from sandbox.shelf import Row, Shelved, one_of
from sandbox.vendor import Answer, Call, Card, Column

KEY = "sandbox-documentintelligence-key"  # known to everybody, good for nothing
MODELS = "/documentintelligence/documentModels/"
OUTCOMES = ("succeeded", "failed", "empty", "two", "hotel", "no_value", "elsewhere", "lost")
POLLS = 1  # so often it says `running` before it is done
CARDS = 20


def text(content: str, confidence: float = 0.93) -> dict[str, Any]:
    """A field that is a text."""
    return {"type": "string", "valueString": content, "content": content, "confidence": confidence}


def currency(content: str, amount: float | None, confidence: float = 0.93) -> dict[str, Any]:
    """A field that is an amount; without one Azure has not understood the text."""
    value = {} if amount is None else {"valueCurrency": {"currencySymbol": "$", "amount": amount}}
    return {"type": "currency", "content": content, "confidence": confidence} | value


def day(content: str, value: str | None, confidence: float = 0.93) -> dict[str, Any]:
    """A field that is a date."""
    return {"type": "date", "content": content, "confidence": confidence} | ({"valueDate": value} if value else {})


def items(*lines: Mapping[str, Any]) -> dict[str, Any]:
    """The field with the lines; arrays and objects have no confidence."""
    return {"type": "array", "valueArray": [{"type": "object", "valueObject": dict(line)} for line in lines]}


FIELDS: dict[str, Any] = {
    "MerchantName": text("Papelería Lumen"),
    "TransactionDate": day("05/03/2026", "2026-03-05"),
    "Subtotal": currency("$100.00", 100.0),
    "TotalTax": currency("$16.00", 16.0),
    "Total": currency("$116.00", 116.0),
    "Items": items({"Description": text("Cuaderno"), "TotalPrice": currency("$116.00", 116.0)}),
}


class DocumentIntelligence(Shelved):
    """One resource with one key."""

    name = "documentintelligence"
    title = "Document Intelligence"
    prefixes = ("/documentintelligence",)
    connection: Mapping[str, str] = {
        "DOCUMENTINTELLIGENCE_ENDPOINT": "/documentintelligence",
        "DOCUMENTINTELLIGENCE_KEY": KEY,
    }
    board_title = "Analyses"
    routes = ("/documentintelligence/{rest:.*}",)
    kinds = ("analyses", "choices")
    modes: Mapping[str, str] = {"no_content": "The file is refused: 400 with `InvalidContent`."}
    actions: Mapping[str, str] = {
        "answer": f"What it answers next: `outcome` {', '.join(OUTCOMES)}; `fields` in place of its own; `once`."
    }

    def answer(self, call: Call) -> Answer:
        """Begin an analysis, show how far one is, or delete it."""
        if header(call, "Ocp-Apim-Subscription-Key") != KEY:
            return self._error(401, "Unauthorized", "Access denied due to invalid subscription key.")
        if "api-version" not in call.query:
            return self._error(400, "InvalidRequest", "The api-version query parameter is required.")
        if call.method == "POST" and call.path.startswith(MODELS) and call.path.endswith(":analyze"):
            return self._begun(call)
        model, mark, number = call.path.removeprefix(MODELS).partition("/analyzeResults/")
        if not mark or not model or call.method not in ("GET", "DELETE"):
            return self._error(404, "NotFound", "Resource not found.")
        row = self.shelf.get("analyses", number)
        if call.method == "DELETE":
            self.shelf.drop("analyses", number)
            return Answer(status=204)
        return self._error(404, "NotFound", "Resource not found.") if row is None else self._shown(row)

    def fail(self, mode: str, call: Call) -> Answer:
        """The file is no file."""
        del mode, call
        inner = {"code": "InvalidContent", "message": "The file is corrupted or format is unsupported."}
        error = {"code": "InvalidRequest", "message": "Invalid request.", "innererror": inner}
        return answer_json({"error": error}, 400, outcome="InvalidContent")

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """Choose what comes next."""
        if action not in self.actions:
            return super().act(action, given)
        outcome = one_of(given, "outcome", OUTCOMES)
        row = {"id": "next", "outcome": outcome, "fields": given.get("fields"), "once": bool(given.get("once"))}
        return self.shelf.put("choices", "next", row)

    def what(self, call: Call) -> str:
        """Such as `POST prebuilt-receipt:analyze`."""
        return f"{call.method} {call.path.removeprefix(MODELS).partition('/analyzeResults/')[0]}"

    def mask(self, body: Any) -> Any:
        """A photo is long and nobody's to see."""
        return body | {"base64Source": "***"} if isinstance(body, dict) and "base64Source" in body else body

    def board(self) -> Sequence[Column]:
        """What was asked, the newest first."""
        rows = self.shelf.rows("analyses")[::-1]
        cards = tuple(Card(id=row["id"], title=row["outcome"], lines=(f"{row['bytes']} bytes",)) for row in rows[:CARDS])
        return [Column(id=1, title="Analyses", total=len(rows), cards=cards)]

    def _begun(self, call: Call) -> Answer:
        try:
            source = base64.b64decode(body_of(call)["base64Source"], validate=True)
        except (ValueError, KeyError, TypeError):
            return self._error(400, "InvalidRequest", "base64Source is required.")
        chosen = self.shelf.get("choices", "next") or {"outcome": "succeeded", "fields": None, "once": False}
        if chosen["once"]:
            self.shelf.drop("choices", "next")
        number, model = str(uuid4()), call.path.removeprefix(MODELS).removesuffix(":analyze")
        row = {"id": number, "model": model, "outcome": chosen["outcome"], "fields": chosen["fields"] or FIELDS, "polls": 0}
        self.shelf.put("analyses", number, row | {"bytes": len(source), "at": self.moment()})
        if chosen["outcome"] == "lost":
            self.shelf.drop("analyses", number)
        origin = "https://evil.example" if chosen["outcome"] == "elsewhere" else f"{self.config.own_url}{self.prefixes[0]}"
        query = urlencode({"api-version": call.query["api-version"]})
        there = f"{origin}{MODELS}{model}/analyzeResults/{number}?{query}"
        return Answer(status=202, headers={"Operation-Location": there, "Retry-After": "1"})

    def _shown(self, row: Row) -> Answer:
        times = {"createdDateTime": row["at"], "lastUpdatedDateTime": row["at"]}
        row["polls"] += 1
        self.shelf.touch()
        if row["polls"] <= POLLS:
            return answer_json({"status": "running"} | times, headers={"Retry-After": "1"}, outcome="running")
        if row["outcome"] == "failed":
            error = {"code": "InternalServerError", "message": "An unexpected error occurred."}
            return answer_json({"status": "failed", "error": error} | times, outcome="failed")
        return answer_json({"status": "succeeded", "analyzeResult": _result(row)} | times)

    @staticmethod
    def _error(status: int, code: str, message: str) -> Answer:
        return answer_json({"error": {"code": code, "message": message}}, status, outcome=code)


def _result(row: Row) -> dict[str, Any]:
    fields = dict(row["fields"])
    if row["outcome"] == "no_value":
        fields |= {"Total": currency("116..00", None)}
    if row["outcome"] == "hotel":
        fields = {"MerchantName": fields["MerchantName"], "DepartureDate": fields["TransactionDate"], "Total": fields["Total"]}
    kind = "receipt.hotel" if row["outcome"] == "hotel" else "receipt.retailMeal"
    one = {"docType": kind, "fields": fields, "confidence": 0.9, "spans": [{"offset": 0, "length": 1}]}
    documents = {"empty": [], "two": [one, one]}.get(row["outcome"], [one])
    return {
        "apiVersion": "2024-11-30",
        "modelId": row["model"],
        "stringIndexType": "textElements",
        "content": "",
        "pages": [{"pageNumber": 1, "spans": [{"offset": 0, "length": 0}]}],
        "documents": documents,
    }
