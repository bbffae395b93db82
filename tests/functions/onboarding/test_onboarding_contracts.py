"""What is taken at the entrance, what is refused there and why, and that no order or repetition does harm."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.onboarding import addresses, payloads, services
from functions.onboarding.tables import Onboarding
from sandbox.microsoft import Microsoft
from shared.errors import RefusedError
from shared.store.session import transact
from tests.functions.onboarding.conftest import BEA, Company, contract


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"manager_email": BEA}, "manager_email"),
        ({"start_date": "11/01/2027"}, "start_date"),
        ({"start_date": "2026-11-22"}, "start_date"),
        ({"start_date": "2027-12-15"}, "start_date"),
        ({"full_name": "B"}, "full_name"),
        ({"manager_email": None}, "manager_email"),
        ({"email": "josé.núñez@empresa.example"}, "email"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(company: Company, given: dict[str, Any], field: str) -> None:
    """422 in the members of the replaced flow, before anything is stored or called."""
    answer = company.sign(422, **given)
    assert answer["message"].endswith("Validation failed.")
    assert [one["field"] for one in answer["errors"]] == [field]
    assert company.rows == []
    assert not any(adapter.calls for adapter in company.exchange.adapters.values())


def test_names_of_other_hr_systems_are_read(company: Company) -> None:
    """BambooHR's, Workday's and Bizneo's; a full name is joined of the two."""
    for email, body in {
        "a@empresa.example": {
            "firstName": "Ana",
            "lastName": "Peña",
            "startDate": "2027-01-11",
            "managerEmail": "l@empresa.example",
        },
        "b@empresa.example": {"first_name": "Ana", "last_name": "Peña", "startDate": "2027-01-11T00:00:00Z", "dept": "Ventas"}
        | {"managerEmail": "l@empresa.example", "job_title": "Analista"},
    }.items():
        assert company.report({"email": email, **body}).status == 202
    bizneo = {"firstname": "Ana", "lastname": "Peña", "employment_start_date": "2027-01-11", "role": "Analista"}
    answer = company.report({"email_address": "c@empresa.example", "supervisor_email": "l@empresa.example", **bizneo})
    assert (answer.status, answer.json["warnings"]) == (202, ["department: missing beside a position"])
    assert {row.full_name for row in company.rows} == {"Ana Peña"}


def test_who_may_report(company: Company) -> None:
    """A good signature or a key; a wrong signature is refused also where a key comes with it."""
    assert company.report(contract(), key="").status == 401
    assert company.report(contract(), **{"X-HR-Signature": "0" * 64}).status == 401
    assert company.report(contract(), **{"X-HR-Signature": "0" * 64, "key": "local-dev-key"}).status == 401
    old = company.api("POST", "/api/v1/executions/webhook/workflows/employee_onboarding", key="local-dev-key", body=contract())
    assert (old.status, old.json["flowId"]) == (202, "employee_onboarding")


def test_started_by_hand_without_its_secrets(company: Company) -> None:
    """The inputs of the replaced flow; its switches count for this onboarding, its secrets are named and not used."""
    inputs = contract() | {"idp_api_key": "s3cret", "slack_webhook_url": "https://x.example", "enable_account_creation": False}
    body = {"namespace": "workflows", "flowId": "employee_onboarding", "inputs": inputs}
    answer = company.api("POST", "/api/v1/executions/trigger", key="local-dev-key", body=body)
    assert answer.status == 202
    assert "idp_api_key" in answer.json["warnings"][0]
    company.world.run()
    assert [company.states()[name] for name in ("idp", "workspace", "welcome")] == ["off", "off", "done"]
    assert company.okta_users == company.accounts == []


def test_a_repeated_contract_is_409_and_a_changed_one_is_taken(company: Company) -> None:
    """One open onboarding for an address; the facts follow the newest contract, an older one brings nothing back."""
    company.sign()
    assert company.sign(409)["reason"] == "duplicate"
    assert company.sign(200, position="Jefa de ventas")["status"] == "changed"
    assert company.okta_users[0]["profile"]["title"] == "Jefa de ventas"
    assert company.sign(409)["reason"] == "seen-before"
    assert company.sign(409, employee_id="E-8")["reason"] == "another-employee"
    company.sign(200, position="Directora", contract_signed_date="2026-11-20T10:00:00Z")
    assert company.sign(409, position="Otra", contract_signed_date="2026-11-19T10:00:00Z")["reason"] == "older"
    assert company.row.position == "Directora"
    assert len(company.rows) == 1


@pytest.mark.slow
def test_a_rehire_is_a_new_onboarding(company: Company) -> None:
    """Once it has ended, the same address with another day; the day that it has had stays a duplicate."""
    company.sign()
    company.go_to("2027-02-15")
    assert company.row.state == "ended"
    assert company.sign(422)["errors"][0]["field"] == "start_date"  # its old contract, late
    assert company.sign(start_date="2027-03-01")["status"] == "accepted"
    first, second = company.rows
    assert (first.state, second.state) == ("ended", "open")
    assert company.steps(second.id)["idp"].act == "found"
    assert len(company.okta_users) == 1


def test_a_cancellation_before_its_contract(company: Company) -> None:
    """Nothing begins; a contract that was signed anew afterwards does."""
    assert company.cancel(start_date="2027-01-11")["status"] == "noted"
    assert company.sign(409)["reason"] == "cancelled"
    assert company.okta_users == []
    company.clock.advance(hours=1)
    assert company.sign(contract_signed_date="2026-11-30T18:30:00Z")["status"] == "accepted"
    assert company.cancel(404, email="nobody@empresa.example")["reason"] == "no-such-onboarding"


def test_an_address_is_written_one_way_everywhere(company: Company) -> None:
    """One spelling by setting, in all systems and in the mail; an apostrophe is taken by all of them."""
    company.set_up(ONBOARDING_ADDRESS_RULE="plain")
    company.sign(email="josé.núñez@empresa.example", employee_id="E-9")
    login = "jose.nunez@empresa.example"
    assert company.okta_users[0]["profile"]["login"] == company.accounts[0]["primaryEmail"] == login
    assert company.post.sent[0].message.to == login
    company.sign(email="o'hara@empresa.example", employee_id="E-10")
    assert {one["primaryEmail"] for one in company.accounts} == {login, "o'hara@empresa.example"}


ENTRA = {name: value for name, value in Microsoft().connection.items() if name.isupper()}


@pytest.mark.parametrize(
    ("provider", "local", "system", "sign"),
    [
        ("okta", "josé.núñez", "okta", "'é'"),
        ("okta", "bea+ventas", "workspace", "'+'"),  # Okta takes it: without the rules of all there would be half the accounts
        ("entra", "bea%ventas", "entra", "'%'"),
        ("entra", "bea#ventas", "workspace", "'#'"),  # Entra takes it
    ],
)
def test_an_address_that_one_system_refuses_makes_no_account_in_any(
    company: Company, provider: str, local: str, system: str, sign: str
) -> None:
    """422, naming the system and the sign, before anybody was called; nothing is written, nobody welcomed."""
    known = {name: "http://sandbox.invalid" + value if value.startswith("/") else value for name, value in ENTRA.items()}
    company.set_up(ONBOARDING_IDENTITY_PROVIDER=provider, **(known if provider == "entra" else {}))
    company.set_up(ONBOARDING_WORKSPACE=str(system != "entra"))
    (error,) = company.sign(422, email=f"{local}@empresa.example")["errors"]
    assert error["field"] == "email"
    assert (system in error["message"], sign in error["message"]) == (True, True), error
    assert (company.rows, company.okta_users, company.accounts, company.post.sent) == ([], [], [], [])


def test_another_domain_gets_no_accounts(company: Company) -> None:
    """Where the company's domains are known it is refused; else noted."""
    assert company.sign(email="bea@gmail.com")["warnings"] == ["email: not of the company's domain"]
    company.set_up(ONBOARDING_DOMAINS="empresa.example")
    assert company.sign(422, email="luz@otra.example")["errors"][0]["field"] == "email"


@given(local=st.text(st.characters(codec="utf-8", exclude_characters="@"), min_size=1, max_size=70))
def test_a_sign_in_name_is_taken_by_all_or_by_none(local: str) -> None:
    """Whatever is written before the @: what one rule lets through, every system takes; `plain` makes nothing worse."""
    systems = ("okta", "entra", "workspace")
    for plain in (False, True):
        try:
            login = addresses.login_of(f"{local}@empresa.example", systems, (), plain=plain)
        except addresses.AddressFaultError:
            continue
        for system in systems:
            assert addresses.login_of(login, (system,), (), plain=False) == login


CONTRACTS = (
    {"start_date": "2027-01-11"},
    {"start_date": "2027-02-01", "contract_signed_date": "2026-11-21T10:00:00Z"},
    {"start_date": "2027-02-01", "position": "Jefa", "contract_signed_date": "2026-11-22T10:00:00Z"},
)


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(order=st.permutations([0, 1, 2, 0, 1, 2]))
def test_any_order_and_repetition_of_dated_contracts(company: Company, order: list[int]) -> None:
    """One onboarding, as the contract that was signed last has it, whatever came first and how often."""
    dated = [{"contract_signed_date": "2026-11-20T10:00:00Z", **one} for one in CONTRACTS]
    for number in order:
        with suppress(RefusedError):
            services.take(contract(**dated[number]))
    row = company.row
    assert (row.start_date.isoformat(), row.position, row.dates[-1]) == ("2027-02-01", "Jefa", "2027-02-01")
    transact(_forget)


def _forget(session: Any) -> None:
    from sqlalchemy import delete

    from functions.onboarding.tables import OnboardingStep, OnboardingTask
    from shared.store.journey_models import Enrolment, EnrolmentAddress, EnrolmentStep, JourneyDecision, JourneyEvent

    for model in (OnboardingTask, OnboardingStep, Onboarding, JourneyDecision, EnrolmentStep, EnrolmentAddress, Enrolment):
        session.execute(delete(model))
    session.execute(delete(JourneyEvent))


def test_today_is_the_companys(company: Company) -> None:
    """The day of the settings' zone, not of UTC."""
    from datetime import UTC, datetime

    company.clock.moment = datetime(2026, 12, 1, 3, tzinfo=UTC)
    assert payloads.today().isoformat() == "2026-11-30"
