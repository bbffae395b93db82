"""Refusals as problem documents (RFC 9457)."""

import json

from shared import problems
from shared.errors import FieldError, RefusedError


def test_document_has_the_members_of_the_rfc_and_each_wrong_field():
    """Type, title, status; the wrong fields with their reasons; nothing empty."""
    error = RefusedError(422, "invalid-fields", "Not as it must be.", errors=[FieldError("state.date", "is missing")])
    assert problems.document(error) == {
        "type": "urn:puente:problem:invalid-fields",
        "title": "Not as it must be.",
        "status": 422,
        "errors": [{"field": "state.date", "message": "is missing"}],
    }


def test_answer_is_a_problem_document():
    """Status and content type say so, and the body is JSON."""
    answer = problems.response(RefusedError(400, "bad-json", "No JSON.", detail="at line 1"))
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert json.loads(answer.get_body())["detail"] == "at line 1"


def test_401_says_how_to_authenticate():
    """RFC 9110 asks for the header with every 401, and with nothing else."""
    assert "ApiKey" in problems.response(RefusedError(401, "unauthorized", "Who?")).headers["WWW-Authenticate"]
    assert "WWW-Authenticate" not in problems.response(RefusedError(403, "forbidden", "No.")).headers


def test_any_text_can_be_told():
    """Accents stay readable; half of a surrogate pair in a field's name does not break the answer."""
    error = RefusedError(422, "x", "Título ñ", errors=[FieldError("\ud800.a", "🌷")])
    body = json.loads(problems.response(error).get_body())
    assert (body["title"], body["errors"][0]["message"]) == ("Título ñ", "🌷")
