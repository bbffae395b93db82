"""Broadcasts in the console: what they are, what a start would touch, and stopping them."""

import pytest
from sqlalchemy import delete, select, update

from functions.broadcasts import automation_edits, console_forecast, forecast_kept, forecasts, planning, running_control
from functions.broadcasts.tables import Automation, Execution
from shared import clock
from shared.journeys import chatbots
from shared.messages import approved_templates, number_states, numbers
from shared.outbox.execute import drain
from shared.settings import get_settings
from shared.store.models import ActionLog, Contact
from shared.store.session import reading, transact
from tests.functions.console.browser import Browser, Shown

LIST = "/console/broadcasts"
FLOW = chatbots.flow_id("encuesta_de_interes")


@pytest.fixture
def made(console: None, environment: pytest.MonkeyPatch, test_clock) -> str:
    """The address of an automation to three contacts, one of whom has no number."""
    environment.setenv("TWILIO_WHATSAPP_SENDER", "+14155238886")
    get_settings.cache_clear()

    def work(session) -> str:
        for place in range(3):
            phone = f"+5255123456{place:02}" if place else None
            session.add(Contact(manychat_id=str(place), first_name="Ana", phone=phone, subscribed_at=clock.now()))
        row = Automation(name="Jornada <b>", flow_id=FLOW, audience_type="all", status="active", is_active=True)
        session.add(row)
        session.flush()
        return f"{LIST}/{row.uuid}"

    return transact(work)


def planned(operator: Browser, made: str) -> Shown:
    """The page of the plan of a start; nothing has begun."""
    return operator.submit(operator.get(f"{made}/start").form(f"{made}/start"))


def approved(operator: Browser, plan: Shown) -> Shown:
    """The page after the plan was approved as it is."""
    (form,) = [one for one in plan.forms() if one.action.endswith("/approve")]
    return operator.submit(form)


def begun(operator: Browser, made: str) -> str:
    """The address of a run that was started in the console, and runs."""
    done = approved(operator, planned(operator, made))
    assert made in done.links(), done.words
    (row,) = executions()
    planning.plan_all()
    transact(lambda session: running_control.start_if_ready(session, 1))
    return f"{LIST}/executions/{row.uuid}"


def executions() -> list[Execution]:
    with reading() as session:
        return list(session.scalars(select(Execution).order_by(Execution.id)))


def test_navigation_leads_to_broadcasts(made, viewer):
    """From the first page to the list, and from there to one, whose name is only text."""
    assert LIST in viewer.get("/console").links()
    shown = viewer.get(LIST)
    assert made in shown.links()
    assert "Jornada &lt;b&gt;" in shown.text
    assert "It has not been started yet" in viewer.get(made).words


def test_what_a_start_would_touch_is_shown_before(made, operator):
    """Who gets it and who does not, and why; looking begins nothing."""
    shown = operator.get(f"{made}/start")
    assert "2 people of 3 get it. 1 person is left out." in shown.words
    assert "no number is known no_phone 1" in shown.words
    assert executions() == []


def test_cost_is_shown_before_a_start_and_a_dear_one_needs_a_second_person(made, operator, environment):
    """By the prices of the settings; what has none is counted apart."""
    environment.setenv("BROADCAST_PRICES", '{"marketing": {"MX": "0.03"}}')
    environment.setenv("BROADCAST_CURRENCY", "MXN")
    get_settings.cache_clear()
    transact(lambda session: session.add(Contact(manychat_id="8", phone="+13055551234", subscribed_at=clock.now())))
    shown = operator.get(f"{made}/start").words
    assert "Cost 0.06 MXN" in shown
    assert "Messages without a known price 1" in shown
    assert "a second person has to approve it" not in shown
    environment.setenv("BROADCAST_APPROVAL_COST", "0.05")
    get_settings.cache_clear()
    assert "a second person has to approve it" in operator.get(f"{made}/start").words


def test_double_click_starts_once(made, operator):
    """Of one plan, and of two plans of one start; the log has the operator's name."""
    first, second = planned(operator, made), planned(operator, made)
    assert executions() == []
    (form,) = [one for one in first.forms() if one.action.endswith("/approve")]
    operator.submit(form)
    operator.submit(form)
    again = approved(operator, second)
    assert (again.status, len(executions())) == (409, 1)
    assert "Nothing was done: the plan is another one now." in again.words
    with reading() as session:
        line = session.query(ActionLog).filter(ActionLog.action == "broadcast-start").one()
        assert (line.actor, executions()[0].triggered_by) == ("key:olga", "olga")


def test_many_people_need_a_second_person(made, operator, environment):
    """The page says so before, and the plan waits: nothing has begun until somebody else approves it, and then it runs."""
    environment.setenv("BROADCAST_APPROVAL_ABOVE", "1")
    get_settings.cache_clear()
    assert "a second person has to approve it" in operator.get(f"{made}/start").words
    waits = approved(operator, planned(operator, made))
    assert "Nothing is done until somebody other than olga approves it." in waits.words
    assert executions() == []
    (asked,) = [address for address in waits.links() if address.startswith("/console/approvals/")]
    assert [form for form in operator.get(asked).forms() if form.action.startswith(asked)] == []
    ana = Browser().signed_in("ana-key")
    decided = ana.submit(ana.get(asked).form(f"{asked}/approved"))
    assert decided.status == 200
    drain("puente")
    planning.plan_all()
    (row,) = executions()
    assert (row.status, row.approval, row.triggered_by) == ("queued", "approved", "olga")
    transact(lambda session: running_control.start_if_ready(session, row.id))
    assert executions()[0].status == "running"


def test_audience_that_changed_meanwhile_is_shown_again(made, operator):
    """With what was approved beside what it is now; nothing has begun until that is approved."""
    plan = planned(operator, made)
    assert "2 people would be written to" in plan.words
    transact(lambda session: session.add(Contact(manychat_id="9", phone="+525512345699", subscribed_at=clock.now())))
    again = approved(operator, plan)
    assert (again.status, executions()) == (409, [])
    assert "3 people would be written to" in again.words
    assert "Written to before: 2. Now: 3." in again.words
    approved(operator, again)
    assert len(executions()) == 1


def test_audience_of_nobody_is_no_start(made, operator):
    """The plan says so, and there is nothing to approve."""
    transact(lambda session: session.execute(delete(Contact)))
    plan = planned(operator, made)
    assert "Nobody belongs to the audience." in plan.words
    assert [form for form in plan.forms() if form.action.endswith("/approve")] == []


def test_run_is_paused_with_its_reason_resumed_and_cancelled(made, operator):
    """Three clicks to stop a broadcast: the list, the broadcast, the button."""
    where = begun(operator, made)
    paused = operator.submit(operator.get(where).form(f"{where}/pause"), reason="texto equivocado")
    assert "texto equivocado" in paused.words
    resumed = operator.submit(paused.form(f"{where}/resume"))
    assert executions()[0].status == "running"
    operator.submit(resumed.form(f"{where}/cancel"))
    assert executions()[0].status == "cancelled"
    assert [form.action for form in operator.get(where).forms() if form.action.startswith(where)] == []


def test_run_that_a_deletion_has_cancelled_says_so(made, operator):
    """In the language of whoever looks for why nothing more went out."""
    where = begun(operator, made)
    transact(lambda session: running_control.pause(session, 1, "ana", None))
    transact(lambda session: automation_edits.delete(session, made.rpartition("/")[2], "ana"))
    assert "Cancelled: its automation was deleted" in operator.get(where).words
    assert "Cancelada: su difusión se eliminó" in Browser(language="es").signed_in("vera-key").get(where).words


def test_whole_broadcast_is_paused_resumed_and_cancelled(made, operator):
    """With all that runs of it, by the same functions as the API."""
    begun(operator, made)
    paused = operator.submit(operator.get(made).form(f"{made}/pause"), reason="espera")
    assert (executions()[0].status, "espera" in paused.words) == ("paused", True)
    resumed = operator.submit(paused.form(f"{made}/resume"))
    assert executions()[0].status == "running"
    operator.submit(resumed.form(f"{made}/cancel"))
    with reading() as session:
        states = [row.status for row in session.scalars(select(Automation))]
    assert (executions()[0].status, states) == ("cancelled", ["draft"])


def test_pause_by_errors_says_why(made, operator):
    """The reason that the watch has written stands on both pages."""
    where = begun(operator, made)
    transact(lambda session: running_control.pause(session, 1, "system", "12 of 20 messages failed"))
    assert "12 of 20 messages failed" in operator.get(where).words
    assert "12 of 20 messages failed" in operator.get(made).words


def test_forecast_of_many_shows_its_progress_and_then_itself(made, operator, monkeypatch):
    """On the page before a start and on the broadcast's own; nothing says how many get it before everybody is looked at."""
    monkeypatch.setattr(forecasts, "AT_ONCE", 2)
    waiting = operator.get(f"{made}/start").words
    assert "The forecast is being worked out: 0 of 3 people." in waiting
    assert "gets it" not in waiting
    assert "The forecast is being worked out" in operator.get(made).words
    forecast_kept.keep_all()
    assert "2 people of 3 get it" in operator.get(made).words
    monkeypatch.setattr(console_forecast, "FEW", 2)
    assert "2 people of 3 get it" in operator.get(f"{made}/start").words
    assert operator.get(f"{made}/audience").words.count("2 people of 3 get it") == 1


def test_forecast_stands_beside_what_happened(made, operator):
    """As soon as it is kept."""
    where = begun(operator, made)
    assert "There is no forecast of it" in operator.get(where).words
    forecast_kept.keep_all()
    shown = operator.get(where)
    assert "Forecast: 2 messages. 1 person is left out. Happened so far: 0 messages." in shown.words
    assert "no number is known no_phone 1" in shown.words


@pytest.mark.parametrize("who", ["vera", "ana"])
def test_who_may_not_operate_starts_and_stops_nothing(made, operator, who):
    """No button, and each post is refused."""
    where = begun(operator, made)
    browser = Browser().signed_in(f"{who}-key")
    for address in (LIST, made, f"{made}/start", where):
        forms = [form.action for form in browser.get(address).forms() if form.method == "post"]
        assert set(forms) <= {"/console/language"}
    token = browser.get("/console/me").form("/console/sign-out").fields["token"]
    for address in (f"{made}/start", f"{made}/pause", f"{made}/cancel", f"{where}/pause", f"{where}/cancel"):
        assert browser.post(address, {"token": token, "mark": "0"}).status == 403


def test_pages_are_in_spanish_and_without_style(made, operator):
    """All four."""
    where = begun(operator, made)
    spanish = Browser(language="es").signed_in("vera-key")
    pages = [spanish.get(address) for address in (LIST, made, f"{made}/start", where)]
    assert [page.status for page in pages] == [200] * 4
    assert all("style=" not in page.text for page in pages)
    assert "Todos los envíos juntos" in pages[1].words


@pytest.mark.parametrize("address", [f"{LIST}/00000000-0000-4000-8000-000000000009", f"{LIST}/x", f"{LIST}/executions/x"])
def test_broadcast_that_is_not_there_is_told_on_a_page(viewer, address):
    """Not as JSON."""
    shown = viewer.get(address)
    assert (shown.status in (404, 422), shown.headers["content-type"].partition(";")[0]) == (True, "text/html")


def test_template_that_the_vendor_would_refuse_is_shown_before_the_start(made, operator, environment):
    """On the page of the start and beside the newest forecast, in the reader's language."""
    environment.setenv("META_NUMBERS", '{"1": "+525500000001"}')
    environment.setenv("META_TEMPLATES", '{"broadcast_news": "promo:es"}')
    get_settings.cache_clear()
    values = {"flow_id": chatbots.flow_id("novedades"), "whatsapp_number_id": numbers.id_of("+525500000001")}
    text = {"type": "BODY", "text": "Hola, {{1}}"}
    page = [{"name": "promo", "language": "es", "status": "APPROVED", "components": [text]}]
    transact(lambda session: session.execute(update(Automation).values(**values)))
    assert "would refuse" not in operator.get(f"{made}/start").words
    transact(lambda session: approved_templates.keep(session, page, clock.now()))
    words = "The vendor would refuse every message. Meta's template promo wants 1 variables, and ours gives 2"
    assert words in operator.get(f"{made}/start").words
    assert words in operator.get(made).words
    spanish = Browser(language="es").signed_in("vera-key").get(made).words
    words = "El proveedor rechazaría todos los mensajes. la plantilla promo de Meta pide 1 variables y la nuestra da 2"
    assert words in spanish


def test_the_messaging_limit_is_shown_with_what_is_used(made, operator, environment):
    """On the list, and before a start that would go beyond it: so many wait."""
    environment.setenv("WHATSAPP_PROVIDER", "meta")
    environment.setenv("META_NUMBERS", '{"1": "+525500000001"}')
    get_settings.cache_clear()
    assert "people written to" not in operator.get(LIST).words
    number_states.keep(numbers.id_of("+525500000001"), {"whatsapp_business_manager_messaging_limit": "TIER_1"})
    assert "WhatsApp: 0 of 1 people written to within 24 hours." in operator.get(LIST).words
    assert "1 person waits until a place of this limit is free." in operator.get(f"{made}/start").words
