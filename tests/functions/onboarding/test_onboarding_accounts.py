"""Accounts that were there, answers that are lost, systems that refuse: each step has the result that it really had."""

from datetime import timedelta
from typing import Any

import pytest

from functions.onboarding import accounts
from functions.onboarding.tables import OPEN
from tests.functions.onboarding.conftest import BEA, Company, Faults, contract

BEATRIZ = {"email": BEA, "first_name": "Beatriz", "last_name": "Núñez"}
LOST = [
    "okta POST users",
    "google POST users",
    *(pytest.param(what, marks=pytest.mark.slow) for what in ("okta GET users", "google GET users", "hris POST /callback")),
]


@pytest.mark.slow
def test_she_was_here_before(company: Company) -> None:
    """The same employee, deactivated: reactivated, and the step says so; the invitation comes on the first day."""
    company.okta.act("user", {**BEATRIZ, "employee_id": "E-7", "status": "DEPROVISIONED"})
    company.google.act("user", {**BEATRIZ, "employee_id": "E-7", "suspended": True})
    company.sign()
    steps = company.steps()
    assert (
        (steps["idp"].state, steps["idp"].act) == (steps["workspace"].state, steps["workspace"].act) == ("done", "reactivated")
    )
    assert len(company.okta_users) == len(company.accounts) == 1
    assert company.okta.shelf.rows("mails") == []
    company.go_to("2027-01-11")
    assert len(company.okta.shelf.rows("mails")) == 1
    assert company.accounts[0]["suspended"] is False


def test_a_namesake_stops_at_a_person(company: Company) -> None:
    """No mail goes out and no second account is made, until somebody says that it is she after all."""
    company.okta.act("user", {**BEATRIZ, "employee_id": "E-1"})
    company.sign()
    step = company.steps()["idp"]
    assert (step.state, step.reason) == ("failed", "another-person")
    assert (company.states()["welcome"], company.post.sent, company.row.status) == ("waiting", [], "failed")
    assert company.reports[-1]["onboarding"]["status"] == "failed"
    company.ask("POST", f"/{company.row.id}/steps/idp", body={"decision": "same-person"})
    assert (company.states()["idp"], company.states()["welcome"], company.row.status) == ("done", "done", "completed")
    assert company.reports[-1]["onboarding"]["status"] == "completed"


@pytest.mark.slow
def test_prepared_by_hr_is_activated(company: Company) -> None:
    """On the first day; it is not made a second time."""
    company.okta.act("user", {**BEATRIZ, "employee_id": "E-7", "status": "STAGED"})
    company.sign()
    assert company.steps()["idp"].act == "activated"
    company.go_to("2027-01-11")
    assert [user["status"] for user in company.okta_users] == ["PROVISIONED"]


def test_an_unproven_account_is_no_success(company: Company) -> None:
    """Without a number on either side an older account is nobody's, until a person looks."""
    company.google.act("user", BEATRIZ)
    company.sign(employee_id=None)
    assert company.steps()["workspace"].reason == "unproven-person"
    company.ask("POST", f"/{company.row.id}/steps/workspace", body={"decision": "skip"})
    assert company.row.status == "completed"
    assert company.states()["workspace"] == "skipped"


@pytest.mark.parametrize("what", LOST)
def test_a_lost_answer_makes_nothing_twice(company: Company, faults: Faults, what: str) -> None:
    """Whichever answer is lost: one account, one event, and in the end the step is done."""
    faults.waiting.append((what, "accept_then_drop"))
    company.sign()
    company.wait(minutes=20)
    assert set(company.states().values()) == {"done"}
    assert len(company.okta_users) == len(company.accounts) == len(company.events) == 1
    assert {company.steps()[name].act for name in ("idp", "workspace")} == {"created"}
    assert len(company.notices) == len(company.post.sent) == 1
    assert faults.waiting == []


@pytest.mark.slow
def test_a_notice_without_an_answer_is_not_repeated(company: Company, faults: Faults) -> None:
    """It may be in the channel: a person decides, and the rest goes on."""
    faults.waiting.append(("slack POST message", "accept_then_drop"))
    company.sign()
    company.wait(minutes=20)
    assert (company.states()["slack"], company.states()["teams"], company.row.status) == ("uncertain", "done", "failed")
    assert len(company.notices) == 1
    assert company.ask("GET", f"/{company.row.id}")["compliance"]["status"] == "needs_review"
    assert faults.waiting == []
    company.ask("POST", f"/{company.row.id}/steps/slack", body={"decision": "done"})
    assert company.row.status == "completed"


@pytest.mark.slow
def test_a_new_account_that_is_not_seen_yet(company: Company, faults: Faults) -> None:
    """409 beside 404 waits; it is no failure and no second account."""
    faults.waiting += [("google POST users", "accept_then_drop"), ("google GET users", "late"), ("google GET users", "late")]
    company.sign()
    company.wait(minutes=30)
    assert company.states()["workspace"] == "done"
    assert len(company.accounts) == 1
    assert faults.waiting == []


@pytest.mark.slow
def test_a_refused_account_holds_the_welcome_back(company: Company, faults: Faults) -> None:
    """Okta lets us in no more: nothing is lost, IT is told after half an hour, and all goes on when it is mended."""
    faults.waiting += [("okta GET users", "no_role")] * 4
    company.sign()
    assert (company.states()["idp"], company.states()["slack"], company.states()["welcome"]) == (
        "pending",
        "waiting",
        "waiting",
    )
    company.wait(minutes=31)
    assert company.states()["slack"] == "done"
    for _ in range(8):
        company.wait(minutes=15)
    assert set(company.states().values()) == {"done"}
    assert faults.waiting == []


def test_tokens_and_passwords_stand_nowhere(company: Company, faults: Faults, caplog: pytest.LogCaptureFixture) -> None:
    """Not in rows, not in logs, not in what the sandbox shows; a refused token is renewed once."""
    from sqlalchemy import text

    from shared.store.session import reading

    caplog.set_level("DEBUG")
    company.sign()
    company.okta.act("revoke", {})
    company.google.act("revoke", {})
    company.sign(200, position="Jefa")
    assert company.steps()["idp"].state == "done"
    sent = [call.body.decode() for call in company.exchange.adapters["/google"].calls if call.body.startswith(b"{")]
    (password,) = {_json(body)["password"] for body in sent if "password" in body}
    with reading() as session:
        tables = ("deliveries", "action_log", "onboardings", "onboarding_steps")
        stored = str([session.execute(text(f"SELECT * FROM {table}")).all() for table in tables])  # noqa: S608  # names of ours
    for secret in (password, "ya29.sandbox-", "sandbox-okta-", "PRIVATE KEY"):
        assert secret not in stored
        assert secret not in caplog.text


def _json(body: str) -> dict[str, Any]:
    import json

    return dict(json.loads(body))


@pytest.mark.slow
def test_entra_in_the_place_of_okta(company: Company) -> None:
    """A user that is disabled until the first day; a cancelled contract disables it and signs it out."""
    company.set_up(
        **{
            name: "http://sandbox.invalid" + value if value.startswith("/") else value
            for name, value in company.microsoft.connection.items()
        },
        ONBOARDING_IDENTITY_PROVIDER="entra",
        ENTRA_LICENSE_SKU="0b1c7a9e-0000-4000-8000-000000000001",
    )
    company.sign()
    (user,) = company.microsoft.shelf.rows("users")
    assert (user["accountEnabled"], user["employeeId"], len(user["licenses"])) == (False, "E-7", 1)
    assert "passwordProfile" not in user
    company.go_to("2027-01-11")
    assert company.microsoft.shelf.rows("users")[0]["accountEnabled"] is True
    company.cancel()
    (user,) = company.microsoft.shelf.rows("users")
    assert (user["accountEnabled"], user["signed_out"]) == (False, 1)
    assert company.okta_users == []


@pytest.mark.slow
def test_what_was_there_before_stays_after_a_cancellation(company: Company) -> None:
    """An account that we have only found is not ours to close."""
    company.okta.act("user", {**BEATRIZ, "employee_id": "E-7"})
    company.sign()
    company.cancel()
    assert company.okta_users[0]["status"] == "ACTIVE"
    assert company.steps()["idp"].detail == "kept"


@pytest.mark.share(1)
@pytest.mark.parametrize("step", ["idp", "workspace"])
def test_a_namesake_who_came_after_the_contract_stays_after_its_cancellation(company: Company, step: str) -> None:
    """Another employee's account, made by hand a moment after the contract came, is not ours to close."""
    someone = {**BEATRIZ, "employee_id": "E-1", "created": "2026-11-30T18:00:30Z"}
    (company.okta if step == "idp" else company.google).act("user", someone)
    company.sign()
    assert company.steps()[step].reason == "another-person"
    company.cancel()
    assert company.steps()[step].detail == "kept"
    if step == "idp":
        assert company.okta_users[0]["status"] == "ACTIVE"
    else:
        assert company.accounts[0]["suspended"] is False


@pytest.mark.parametrize(("minutes", "is_ours"), [(-6, False), (-1, True), (1, True)])
def test_a_cancellation_knows_our_account_by_a_clock_that_is_behind(company: Company, minutes: int, *, is_ours: bool) -> None:
    """A system's clock may differ from ours: the account whose answer was lost is ours all the same."""
    company.report(contract())
    created = company.row.received_at + timedelta(minutes=minutes)
    holder = accounts.Holder(number="E-7", given_name="Beatriz", family_name="Núñez", created=created)
    step = company.steps()["workspace"]
    assert accounts.may_take_back(step, accounts.of(step), holder) is is_ours


@pytest.mark.slow
def test_a_rehire_keeps_what_the_cancelled_one_would_close(company: Company, faults: Faults) -> None:
    """The cancellation of the first is carried out late, when the second needs the account."""
    company.sign()
    faults.waiting += [("google GET users", "busy")]
    company.report({"email": BEA}, "/cancellations")
    company.clock.advance(minutes=1)
    company.report({**_signed_anew()})
    for _ in range(4):
        company.wait(minutes=10)
    first, second = company.rows
    assert (first.state, second.state) == ("cancelled", OPEN)
    assert company.steps(second.id)["workspace"].state == "done"
    assert faults.waiting == []
    company.go_to("2027-03-01")
    assert company.accounts[0]["suspended"] is False


def _signed_anew() -> dict[str, Any]:
    return contract(start_date="2027-03-01", contract_signed_date="2026-11-30T18:01:00Z")
