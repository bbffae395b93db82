"""Every page of the console, over a record with something of everything in it."""

import re
from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from starlette.requests import Request

from shared import clock, flows
from shared.console import pages
from shared.crm import reconciliations
from shared.store.models import ActionLog, Reconciliation, Target
from shared.store.session import reading, transact
from tests.functions.console.addresses import NO_PAGES, PLACES, flat, of_page, routes
from tests.functions.console.addresses import pages as addresses_of_pages
from tests.functions.console.browser import Browser, is_of_console
from tests.functions.console.filling import fill, fill_rest

ROLES = ("vera", "olga", "ana", "adan")
OF_A_KIND = 6
NOT_FOLLOWED = ("/console/static", "/console/sign-in")


@pytest.fixture
def filled(console: None) -> None:
    fill()


def walked(browser: Browser, at_most: int = 200) -> dict[str, int]:
    """Every kind of page that links lead to from the first one, a few of each kind, with their status."""
    seen: dict[str, int] = {}
    kinds: Counter[str] = Counter()
    ahead = ["/console"]
    while ahead and len(seen) < at_most:
        address = ahead.pop(0)
        kind = "/".join(address.partition("?")[0].split("/")[:3])
        if address in seen or kinds[kind] >= OF_A_KIND:
            continue
        kinds[kind] += 1
        shown = browser.get(address)
        seen[address] = shown.status
        assert "Traceback" not in shown.text
        links = (link.partition("#")[0] for link in shown.links())
        ahead += [link for link in links if link and is_of_console(link) and not link.startswith(NOT_FOLLOWED)]
    return seen


SLOW = pytest.mark.slow
WALKS = [
    pytest.param(who, language, marks=[] if (who, language) in (("vera", "es"), ("adan", "en")) else [SLOW])
    for who in ROLES
    for language in ("es", "en")
]


@pytest.mark.share(1)
@pytest.mark.parametrize(("who", "language"), WALKS)
def test_every_link_leads_to_a_page(filled, who, language):
    """For every role and in both languages: no dead link, no link to what the role may not see."""
    seen = walked(Browser(language=language).signed_in(f"{who}-key"))
    assert {address: status for address, status in seen.items() if status != 200} == {}
    assert len(seen) > 10


def test_new_page_has_to_say_with_what_it_is_opened():
    """In a sentence with where; and nothing is said of pages that are gone."""
    with pytest.raises(AssertionError, match="say in PLACES of tests/functions/console/"):
        of_page("/console/new/{number:id}")
    paths = {route.path for route in routes()}
    assert [path for path in (*PLACES, *NO_PAGES) if path not in paths] == []


@pytest.mark.share(2)
def test_every_time_is_in_the_zone_of_the_reader(filled):
    """On every page, whatever the machine's zone is; half an hour beside every other zone, so that none passes by chance."""
    fill_rest()
    viewer, zone = Browser().signed_in("vera-key"), ZoneInfo("Asia/Kolkata")
    viewer.cookies["puente_zone"] = zone.key
    seen = 0
    for address in (one for addresses in addresses_of_pages().values() for one in addresses):
        for instant, text in re.findall(r'<time datetime="([^"]+)"[^>]*>([^<]*)</time>', viewer.get(address).text):
            if clock_time := re.search(r"\b\d\d:\d\d\b", text):
                local = datetime.fromisoformat(instant).astimezone(zone)
                assert (address, clock_time[0]) == (address, f"{local:%H:%M}")
                seen += 1
    assert seen > 100


def test_no_page_shows_anything_before_sign_in(filled):
    """Whatever its address is: the page that asks for a key, and nothing of the record."""
    every = [route for router in flows.parts("routers") for route in flat(router)]
    pages = [str(getattr(route, "path", "")) for route in every if str(getattr(route, "path", "")).startswith("/console")]
    assert len(pages) > 80
    for path in pages:
        if "/static/" in path:
            continue
        address = re.sub(r"{\w+(:id)?}", "1", path)
        shown = Browser().get(address)
        assert shown.status in (200, 405)
        assert "Robles" not in shown.text
        assert shown.status == 405 or shown.heading == "Sign in to Puente"


@pytest.mark.parametrize("who", ["vera", "ana"])
def test_who_may_not_operate_changes_nothing(filled, who):
    """Each post is refused, with the page that says which role it needs; and no page shows them its button."""
    browser = Browser().signed_in(f"{who}-key")
    token = browser.get("/console/me").form("/console/sign-out").fields["token"]
    for path in ("systems/odoo/pause", "systems/odoo/probe", "deliveries/1/retry", "executions/1/show"):
        assert browser.post(f"/console/{path}", {"token": token}).status == 403
    for address in ("/console/systems", "/console/systems/odoo", "/console/deliveries", "/console/executions/1"):
        forms = [form.action for form in browser.get(address).forms() if form.method == "post"]
        assert set(forms) <= {"/console/language"}


def test_first_page_says_what_waits_for_a_person(viewer):
    """Nothing at first; then each matter with how many it touches and where it is settled."""
    assert viewer.get("/console").heading == "All is well: nothing waits for a person"
    fill()
    shown = viewer.get("/console")
    assert shown.heading == "odoo does not answer, and something waits for a person"
    assert "1 event could not be applied; it is kept whole. It touches 1 person or record." in shown.words
    assert "Dora: “¿Puedo pasar mi cita al viernes?”" in shown.words
    assert "21 h left" in shown.words
    assert "1 message that may have arrived" in shown.words


def test_personal_data_is_masked_until_it_is_shown(filled, operator):
    """Showing it is a post, and stands in the action log with the person's name."""
    shown = operator.get("/console/executions/1")
    assert "ana.robles@" not in shown.text
    assert "1234" not in shown.text
    assert "Ana &lt;b&gt;Robles" in shown.text
    whole = operator.submit(shown.form("/console/executions/1/show"))
    assert "ana.robles@example.com" in whole.text
    with reading() as session:
        line = session.query(ActionLog).filter(ActionLog.action == "execution.show").one()
        assert (line.actor, line.subject) == ("key:olga", "manychat:88213")


def test_differences_of_a_comparison_wait_and_are_planned(console, operator, viewer, monkeypatch):
    """What the newest comparison left to a person stands on the first page; its mending begins with a plan, for operators."""
    row = Reconciliation(asked_by="timer", dry_run=True, system="calcom", state="done", finished_at=clock.now())
    row.compared, row.in_step, row.repaired, row.held_back, row.counts = 3, 2, 0, 0, {"missing": 1}
    transact(lambda session: session.add(row))
    assert "1 record differs in calcom" in viewer.get("/console").words
    address = "/console/reports/comparison/1"
    assert [form.action for form in viewer.get(address).forms() if form.action.endswith("/backfill")] == []
    monkeypatch.setattr(reconciliations, "comparison_with", lambda _system: lambda _report, _place, _dry_run: None)
    shown = operator.submit(operator.get(address).form(f"{address}/backfill"))
    assert (shown.status, shown.heading) == (200, "There is nothing to do any more")


def test_waits_are_told_apart_from_work(filled, viewer):
    """Each attempt, each wait and its reason stand in the waterfall, in words."""
    shown = viewer.get("/console/executions/1")
    assert shown.text.count('class="try') > 10
    assert "the system does not answer" in shown.words
    assert "waits for the person's day to begin" in shown.words


def test_failed_attempts_of_the_day_are_counted(filled, viewer):
    """By the results that the outbox writes: what was done, skipped or moved is no failure."""
    shown = viewer.get("/console/systems")
    row = next(line for line in re.findall(r"<tr.*?</tr>", shown.text, re.DOTALL) if "/console/systems/odoo" in line)
    figures = [int(number) for number in re.findall(r'<td role="cell" class="num p2">(\d+)</td>', row)]
    assert figures == [4, 4]


def test_system_is_paused_and_resumed(filled, operator):
    """By name, with a note; the action log has both."""
    page = operator.get("/console/systems/discord")
    paused = operator.submit(page.form("/console/systems/discord/pause"), note="obras", hours="4")
    assert paused.heading == "discord is paused"
    assert "obras" in paused.words
    resumed = operator.submit(paused.form("/console/systems/discord/resume"))
    assert resumed.heading == "discord answers"


def test_system_that_is_down_is_tried_at_once(filled, operator):
    """Its time is up now."""
    operator.submit(operator.get("/console/systems/odoo").form("/console/systems/odoo/probe"))
    with reading() as session:
        assert session.get_one(Target, "odoo").closed_until <= clock.now()


def test_uncertain_message_is_decided_one_by_one(filled, operator):
    """It arrived: it is taken back, so that nobody sends it again, and the list is shown again."""
    address = "/console/deliveries?state=uncertain"
    form = next(form for form in operator.get(address).forms() if form.action.endswith("/cancel"))
    shown = operator.submit(form)
    assert shown.address == address
    assert "No delivery fits these filters" in shown.words


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("/console/executions?flow=contacts", True),
        ("/console/executions?flow=payments", False),
        ("/console/executions?text=ROBLES", True),
        ("/console/executions?text=nobody%25", False),
        ("/console/executions?subject=manychat:88213&since=", True),
        ("/console/executions?outcome=stale", False),
        ("/console/deliveries?state=retrying&target=odoo", True),
        ("/console/deliveries?subject=x", False),
    ],
)
def test_filters_stand_in_the_address(filled, viewer, address, fits):
    """And narrow the list down; what fits nothing says so."""
    shown = viewer.get(address)
    assert shown.status == 200
    assert ("fits these filters" not in shown.words) is fits


@pytest.mark.parametrize(
    "address", ["/console/executions/99", "/console/deliveries/99", "/console/outages/99", "/console/systems/x"]
)
def test_what_is_not_there_is_told_on_a_page(viewer, address):
    """Not as JSON."""
    shown = viewer.get(address)
    assert (shown.status, shown.headers["content-type"].partition(";")[0]) == (404, "text/html")


def test_wrong_filter_is_told_on_a_page(viewer):
    """With the field's name."""
    shown = viewer.get("/console/executions?since=3w")
    assert shown.status == 422
    assert "since" in shown.words


def test_pages_may_run_nothing_but_our_files(filled, viewer):
    """The policy says so, and no page has a style or a script of its own."""
    for address in walked(viewer, 40):
        shown = viewer.get(address)
        assert "unsafe" not in shown.headers["content-security-policy"]
        assert "style=" not in shown.text
        assert shown.text.count("<script") == shown.text.count('<script src="/console/static/')


def test_refusal_of_the_api_is_in_the_language_of_the_reader(filled):
    """What the REST API would say in English is said on the page as the reader speaks; the code of the reason stands by it."""
    browser = Browser(language="es").signed_in("olga-key")
    token = browser.get("/console/me").form("/console/sign-out").fields["token"]
    shown = browser.post("/console/systems/discord/resume", {"token": token})
    assert (shown.status, shown.heading) == (409, "Este sistema no está en pausa.")
    assert "not-paused" in shown.words
    assert "<title>Este sistema no está en pausa." in shown.text


def test_title_of_a_page_is_in_the_language_of_the_reader(filled):
    """In the browser's tab as well."""
    assert "<title>Sistemas · Puente</title>" in Browser(language="es").signed_in("olga-key").get("/console/systems").text


def test_what_a_page_shows_takes_no_name_of_the_frame(console) -> None:
    """It would stand in the navigation instead of what belongs there."""
    request = Request({"type": "http", "method": "GET", "path": "/console", "query_string": b"", "headers": []})
    with pytest.raises(ValueError, match=r"refusal\.html: these names are the frame's: counts, groups"):
        pages.render(request, "refusal.html", heading="x", groups=(), counts={})
