"""Progress, time and checks go by what has really happened, and the HR system fills what a contract leaves out."""

from typing import Any

import pytest

from sandbox.jsonapi import answer_json
from sandbox.vendor import Answer, Call
from tests.functions.onboarding.conftest import BEA, Company, Faults, contract

FACTS = {"employee_id": "E-7", "department": "Ventas", "position": "Analista", "location": "Monterrey"}
LEFT_OUT: dict[str, Any] = dict.fromkeys((*FACTS, "office_location"))


@pytest.fixture
def alerts(environment: pytest.MonkeyPatch) -> list[str]:
    """What the operators are told of onboardings that take long."""
    found: list[str] = []
    environment.setenv("ALERT_WEBHOOK_URL", "https://hooks.example/1")
    environment.setattr("shared.alerts._send", lambda text: found.append(text) if "is not complete" in text else None)
    return found


def refusing_employees(company: Company) -> None:
    """The HR system answers each question for an employee with a refusal that stays one."""
    answer = company.hris.answer

    def refused(call: Call) -> Answer:
        return answer_json({"error": "bad request"}, 400) if call.path.startswith("/employees/") else answer(call)

    company.environment.setattr(company.hris, "answer", refused)


def test_what_the_contract_leaves_out_is_looked_up(company: Company) -> None:
    """It stands in the record, in both accounts, and in the notice; a fact of the contract's is never replaced."""
    company.hris.act("employee", {"email": BEA, **FACTS, "position": "Otra"})
    company.sign(**LEFT_OUT | {"position": "Jefa"})
    row = company.row
    assert (row.employee_id, row.department, row.position, row.location) == ("E-7", "Ventas", "Jefa", "Monterrey")
    assert row.hris_source == "hris_api"
    assert company.okta_users[0]["profile"]["department"] == "Ventas"
    assert "Departamento: Ventas" in company.slack.shelf.rows("messages")[0]["text"]


def test_an_hr_system_that_refuses_holds_nothing_up(company: Company) -> None:
    """The contract's own facts count; the step has failed, and so has the onboarding, though all else was done."""
    refusing_employees(company)
    company.sign()
    assert (company.row.hris_source, company.states()["hris"], company.row.status) == ("error", "failed", "failed")
    assert {state for name, state in company.states().items() if name != "hris"} == {"done"}
    whole = company.ask("GET", f"/{company.row.id}")
    assert whole["progress"] == {"done": 9, "total": 10, "percent": 90}
    assert whole["compliance"]["alert"] is False


def test_less_than_half_done_is_an_alert_of_the_checks(company: Company, faults: Faults) -> None:
    """What failed does not count as done because its address is set; the score names each check, with advice."""
    refusing_employees(company)
    company.okta.act("user", {"email": BEA, "first_name": "Otra", "last_name": "Persona", "employee_id": "E-1"})
    company.google.act("user", {"email": BEA, "first_name": "Otra", "last_name": "Persona", "employee_id": "E-1"})
    faults.waiting += [("slack POST message", "accept_then_drop"), ("google POST events", "no_role")]
    company.set_up(TEAMS_WEBHOOK_URL="", ONBOARDING_TEAMS="false")
    company.sign()
    company.wait(minutes=40)
    whole = company.ask("GET", f"/{company.row.id}")
    failed = {one["name"] for one in whole["compliance"]["checks"] if not one["passed"]}
    assert {"documentation_sent", "it_notified", "accounts_created", "success_rate", "data_integrity"} <= failed
    assert whole["compliance"]["status"] == "needs_review"
    assert whole["compliance"]["score"] < 80
    assert whole["compliance"]["recommendations"]
    done = sum(step["state"] == "done" for step in whole["steps"] if step["name"] != "callback")
    assert whole["progress"]["done"] == done + 2
    assert whole["compliance"]["alert"] is (whole["progress"]["percent"] < 50)


def test_time_is_watched_until_it_is_complete(company: Company, alerts: list[str]) -> None:
    """One alert at four fifths of the time and one when it is over, none after that; the time of what is complete stands."""
    company.set_up(HRIS_API_KEY="wrong")
    company.report(contract())
    company.world.run()
    states = []
    for _ in range(9):
        company.wait(minutes=10)
        states.append(company.ask("GET", f"/{company.row.id}")["sla"]["state"])
    assert states == ["ok"] * 4 + ["warning", "late", "late", "late", "late"]
    assert ["50 of 60" in alerts[0], "60 of 60" in alerts[1], len(alerts)] == [True, True, 2]


def test_an_onboarding_in_time_alerts_nobody(company: Company, alerts: list[str]) -> None:
    """However long ago it was completed."""
    company.sign()
    for _ in range(3):
        company.wait(minutes=60)
    assert alerts == []
    assert company.ask("GET", f"/{company.row.id}")["sla"] == {"limit_minutes": 60, "minutes": 0, "state": "ok"}
