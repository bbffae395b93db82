"""The whole way of a contract: what is made, told and planned, each with the result that it really had."""

from functions.onboarding.tables import OPEN
from shared.watch import flow_figures
from tests.functions.onboarding.conftest import BEA, Company, contract

ALL = ("hris", "idp", "workspace", "slack", "teams", "welcome", "tasks", "calendar", "callback")


def test_a_contract_has_everything_made_and_told(company: Company) -> None:
    """Accounts are prepared, IT is told, the employee is welcomed, the manager has tasks, and the HR system has the report."""
    answer = company.sign()
    assert (answer["status"], answer["warnings"]) == ("accepted", [])
    assert company.states() == dict.fromkeys(ALL, "done")
    assert (company.row.state, company.row.status, company.row.hris_source) == (OPEN, "completed", "provided")
    (user,) = company.okta_users
    assert (user["status"], user["profile"]["login"], user["profile"]["employeeNumber"]) == ("STAGED", BEA, "E-7")
    assert company.okta.shelf.rows("mails") == []  # nothing before the first day
    (account,) = company.accounts
    assert (account["primaryEmail"], account["suspended"], account["changePasswordAtNextLogin"]) == (BEA, True, True)
    assert company.notices == ["Nuevo ingreso: Beatriz Núñez"]
    assert [row["text"].partition("\n")[0] for row in company.teams.shelf.rows("messages")] == ["Nuevo ingreso: Beatriz Núñez"]
    (mail,) = company.post.sent
    assert (mail.message.to, mail.rendered.subject) == (BEA, "Te damos la bienvenida, Beatriz")
    assert "11 de enero de 2027" in mail.rendered.text
    (event,) = company.events
    assert event["start"] == {"dateTime": "2027-01-11T09:00:00-06:00", "timeZone": "America/Mexico_City"}
    assert [one["email"] for one in event["attendees"]] == [BEA, "luis@empresa.example"]
    assert event["told"] == ["all"]
    assert len(company.tasks) == 8
    assert {task.assignee for task in company.tasks} == {"luis@empresa.example"}
    (report,) = company.reports
    assert (report["event"], report["onboarding"]["success_rate"]) == ("employee_onboarding_completed", 100)


def test_accounts_are_opened_on_the_first_day(company: Company) -> None:
    """Not before; Okta then mails the invitation, once."""
    company.sign()
    company.go_to("2027-01-10")
    assert company.okta_users[0]["status"] == "STAGED"
    for _ in range(3):
        company.go_to("2027-01-11")
    assert company.okta_users[0]["status"] == "PROVISIONED"
    assert len(company.okta.shelf.rows("mails")) == 1
    assert company.accounts[0]["suspended"] is False
    assert {company.steps()[name].detail for name in ("idp", "workspace")} == {"active"}


def test_a_new_first_day_moves_what_is_left(company: Company) -> None:
    """One onboarding, one event, one account; tasks, event and IT go by the new day, and the old contract again is 409."""
    company.sign()
    assert company.sign(200, start_date="2027-02-01")["status"] == "moved"
    assert len(company.rows) == len(company.events) == len(company.accounts) == len(company.okta_users) == 1
    assert company.events[0]["start"]["dateTime"] == "2027-02-01T09:00:00-06:00"
    assert {task.due_on.isoformat() for task in company.tasks if task.day_number in (0, 30)} == {"2027-02-01", "2027-03-03"}
    assert company.notices == ["Nuevo ingreso: Beatriz Núñez", "Cambio en el ingreso: Beatriz Núñez"]
    assert len(company.post.sent) == 1
    company.go_to("2027-01-11")
    assert company.okta_users[0]["status"] == "STAGED"
    assert company.sign(409)["reason"] == "seen-before"
    assert company.row.start_date.isoformat() == "2027-02-01"


def test_a_cancelled_contract_takes_back_what_can_be(company: Company) -> None:
    """The prepared user is removed, the account suspended, the event deleted, the tasks cancelled, and IT is told."""
    company.sign()
    assert company.cancel()["status"] == "cancelled"
    steps = company.steps()
    assert {name: steps[name].state for name in ("idp", "workspace", "calendar", "tasks", "slack", "teams")} == dict.fromkeys(
        ("idp", "workspace", "calendar", "tasks", "slack", "teams"), "undone"
    )
    assert company.okta_users == []
    assert company.accounts[0]["suspended"] is True
    assert company.events[0]["status"] == "cancelled"
    assert {task.status for task in company.tasks} == {"cancelled"}
    assert company.notices[-1] == "Contrato cancelado: Beatriz Núñez"
    assert steps["welcome"].state == "done"  # a mail that has gone cannot be taken back
    assert company.reports[-1]["onboarding"]["status"] == "cancelled"
    assert company.cancel()["status"] == "cancelled"
    assert len(company.notices) == 2


def test_contracts_count_for_the_metrics(company: Company) -> None:
    """Each that was taken, and each cancellation; not one that is refused."""
    company.sign()
    company.report(contract())
    company.cancel()
    assert flow_figures.by_flow()["onboarding"].executions == 2
