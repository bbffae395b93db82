"""What is kept of people, for how long, and what a person sees and decides: privacy, retention, tasks, the manual, reports."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from functions.onboarding.privacy import TIMELINE
from shared import retention
from shared.privacy.erase import erase, look, person
from shared.store.journey_models import Enrolment, EnrolmentStep
from shared.store.session import reading
from tests.functions.onboarding.conftest import BEA, Company

PDF = b"%PDF-1.4 manual"


def test_an_erasure_leaves_nothing_of_the_employee(company: Company) -> None:
    """Onboarding, steps, tasks and enrolment go; what lies outside is listed for an operator."""
    company.sign()
    found = look(person(email=BEA), ask_odoo=False)
    assert (found.rows["onboardings"], found.rows["onboarding_steps"], found.rows["onboarding_tasks"]) == (1, 9, 8)
    assert {"onboarding: okta", "onboarding: workspace", "onboarding: onboarding-calendar"} <= set(found.by_hand)
    erase(person(email=BEA), way="skip", actor="dpo")
    assert not any(look(person(email=BEA), ask_odoo=False).rows.values())
    assert company.rows == []
    company.look()  # what was planned finds nothing, and harms nobody


def test_an_erased_manager_leaves_the_onboarding(company: Company) -> None:
    """Their address goes from it and from its tasks; the employee's stays."""
    company.sign()
    erase(person(email="luis@empresa.example"), way="skip", actor="dpo")
    assert (company.row.email, company.row.manager_email, company.row.manager_name) == (BEA, "-", None)
    assert {task.assignee for task in company.tasks} == {"-"}


def test_the_timeline_shows_it(company: Company) -> None:
    """Under the employee's address, with its state."""
    company.sign()
    with reading() as session:
        (shown,) = TIMELINE.details(session, company.rows)
    assert (shown["what"], shown["outcome"], shown["details"]["status"]) == (
        f"onboarding {company.row.id}",
        "open",
        "completed",
    )


@pytest.mark.slow
def test_retention_takes_what_has_ended(company: Company, environment: pytest.MonkeyPatch) -> None:
    """So many days after its end, with steps and tasks; an open one never."""
    environment.setattr(retention, "_remove_blobs", lambda *_given: 0)
    company.set_up(RETENTION_ONBOARDING_DAYS="30")
    company.sign()
    company.clock.advance(days=400)
    retention.remove_old()
    assert len(company.rows) == 1
    company.look()
    company.clock.advance(days=29)
    retention.remove_old()
    assert company.row.state == "ended"
    company.clock.advance(days=2)
    for _ in range(3):
        retention.remove_old()
    assert company.rows == company.tasks == []


@pytest.mark.slow
def test_follow_ups_are_the_managers(company: Company) -> None:
    """Days 1, 3, 7 and 30 after the first, at nine in Mexico City; a new day moves them, a cancellation ends them."""
    company.sign()

    def due() -> list[str]:
        with reading() as session:
            rows = session.scalars(select(EnrolmentStep).order_by(EnrolmentStep.id))
            return [row.due_at.date().isoformat() for row in rows if row.due_at is not None]

    assert due() == ["2027-01-12", "2027-01-14", "2027-01-18", "2027-02-10"]
    company.sign(200, start_date="2027-02-01")
    assert due() == ["2027-02-02", "2027-02-04", "2027-02-08", "2027-03-03"]
    company.go_to("2027-02-02")
    mail = company.post.sent[-1]
    assert (mail.message.to, mail.rendered.subject) == (
        "luis@empresa.example",
        "Día 1 de Beatriz Núñez: accesos y bienestar",
    )
    company.cancel()
    with reading() as session:
        assert session.scalars(select(Enrolment)).one().state == "exited"
    sent = len(company.post.sent)
    company.go_to("2027-03-05")
    assert len(company.post.sent) == sent


def test_the_manual_goes_with_the_mail(company: Company) -> None:
    """The newest PDF; what is none is refused, and without one the checks say so."""
    headers = {"content-type": "application/pdf"}
    put = "/api/v1/onboarding/manual"
    assert company.api("PUT", put, key="local-dev-key", body=b"text", headers=headers).status == 415
    assert company.api("PUT", put, key="local-dev-key", body=PDF, headers=headers, name="../x.pdf").status == 422
    assert company.api("PUT", put, key="local-dev-key", body=PDF, headers=headers, name="Manual 2027.pdf").status == 200
    company.sign()
    (mail,) = company.post.sent
    assert [(one.name, one.content) for one in mail.attachments] == [("Manual 2027.pdf", PDF)]
    whole = company.ask("GET", f"/{company.row.id}")
    assert (whole["compliance"]["status"], whole["compliance"]["score"], whole["progress"]["percent"]) == (
        "compliant",
        100,
        100,
    )
    assert whole["sla"]["state"] == "ok"


def test_checks_go_by_what_happened(company: Company) -> None:
    """Without the manual the documents were not sent; a task is done when somebody says so."""
    company.sign()
    whole = company.ask("GET", f"/{company.row.id}")
    assert [one["name"] for one in whole["compliance"]["checks"] if not one["passed"]] == ["documentation_sent"]
    assert whole["compliance"]["status"] == "needs_review"
    task = whole["tasks"][0]
    assert (task["task_id"], task["due_date"]) == (f"welcome_gift_{BEA}", "2027-01-11")
    done = company.ask("PATCH", f"/{company.row.id}/tasks/{task['id']}", body={"status": "done"})
    assert done["status"] == "done"
    company.sign(200, start_date="2027-02-01")
    assert company.tasks[0].due_on.isoformat() == "2027-01-11"  # what is done does not move


def test_figures_are_of_real_results(company: Company) -> None:
    """Counts, rates, durations and accounts, under the names of the replaced flow."""
    company.sign()
    report = company.ask("GET", "/report")
    assert (report["onboarding_completed_total"], report["onboarding_success_rate"]) == (1, 100)
    made = {(one["system"], one["act"]): one["count"] for one in report["onboarding_accounts_created"]}
    assert made == {("okta", "created"): 1, ("workspace", "created"): 1}
    later = datetime(2027, 1, 1, tzinfo=UTC).isoformat()
    assert company.ask("GET", "/report", since=later, until=later)["onboarding_total"] == 0
