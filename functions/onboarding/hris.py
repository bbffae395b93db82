"""The HR system: it is asked for what a contract leaves out, by the employee's address."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from functions.onboarding import accounts
from functions.onboarding.steps import ABSENT
from shared.outbox.policy import TargetPolicy
from shared.vendors import answers
from shared.vendors.rest_client import RestClient

if TYPE_CHECKING:
    from functions.onboarding.tables import OnboardingStep

TARGET = "hris"
NAMES = {
    "employee_id": (("employee_id", "employeeId", "id"), 50),
    "department": (("department", "dept"), 200),
    "location": (("location", "office_location"), 200),
    "position": (("position", "job_title", "role"), 200),
}
HRIS = RestClient(name="HRIS", address="hris_base_url", key="hris_api_key", used_by="hris_base_url", read_seconds=15)


def policy() -> TargetPolicy:
    """Nobody says what it takes."""
    return TargetPolicy(slots=1, batches_per_second=2)


def look_up(step: OnboardingStep) -> Mapping[str, Any]:
    """What the HR system knows of the employee; nothing where it knows none. Raises PuenteError."""
    if step.wanted == ABSENT:
        return {"act": step.act, "detail": step.detail, "external_id": step.external_id, "answer": step.answer or {}}
    http, employee = HRIS.connected(), accounts.of(step)
    response = http.request("GET", f"/employees/{quote(employee.row.email, safe='@')}", repeatable=True)
    if response.status_code == HTTPStatus.NOT_FOUND:
        return {"act": None, "detail": "not-found", "external_id": None, "answer": {}}
    if not answers.is_good(response):
        raise http.refusal(response, "looking an employee up", repeatable=True)
    found = facts_of(answers.mapping(response, http.words("looking an employee up"), repeatable=True))
    return {"act": None, "detail": "found", "external_id": found.get("employee_id"), "answer": found}


def facts_of(body: Mapping[str, Any]) -> dict[str, str]:
    """The facts that it tells, under our names; what is no text or number, or longer than our column, is left out."""
    found = {}
    for name, (names, longest) in NAMES.items():
        values = (body.get(one) for one in names)
        texts = (str(value).strip() for value in values if isinstance(value, str | int) and not isinstance(value, bool))
        if text := next((text for text in texts if text and len(text) <= longest), ""):
            found[name] = text
    return found
