"""Alerts, workbook and dashboard: they read what the app writes, cover what it has, and each alert has its runbook."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from deploy import dashboards
from shared.watch import report, timers
from tests.infra.conftest import INFRA, LEAST, ROOT, App, Deployed
from tests.infra.kql import TABLES
from tests.support.described import openapi
from tests.support.world import contact, opportunity

ALERTS: list[dict[str, Any]] = yaml.safe_load((INFRA / "watching/alerts.yaml").read_text())
PANELS = dashboards.panels()
QUERIES = [(one["name"], one["query"]) for one in ALERTS] + [(one["title"], one["query"]) for one in PANELS]
# Azure Monitor: how often a log alert may run, and over how long a window ("scheduledQueryRules" reference).
MINUTES = {"PT5M": 5, "PT10M": 10, "PT15M": 15, "PT30M": 30, "PT1H": 60, "P1D": 1440, "P2D": 2880}


@pytest.fixture
def line(world, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A state line with something in every part of it, as the app writes it."""
    monkeypatch.setattr(
        report, "depths", lambda: {"delivery-queue": {"messages": 1, "oldest_seconds": 2, "poison": 0, "flow": "system"}}
    )
    monkeypatch.setattr(report.dead_letter_blobs, "count", lambda: 0)
    world.post("contact", contact("m1"))
    world.post("opportunity", opportunity("m1"))
    world.run()
    return report.write()


@pytest.mark.share(10)
@pytest.mark.parametrize(("name", "query"), QUERIES, ids=[name for name, _ in QUERIES])
def test_queries_read_what_the_app_writes(name: str, query: str, line: dict[str, Any]) -> None:
    """Every figure that a query takes from the state line is in the line, at that place."""
    for top, key, inner in re.findall(r"\bstate\.(\w+)(?:\[(\w+)\])?(?:\.(\w+))?", query):
        assert top in line, f"{name}: the state line has no {top}"
        where = next(iter(line[top].values())) if key else line[top]
        if inner:
            assert inner in where, f"{name}: {top} has no {inner}"
    if "state" in query:
        assert f'startswith "{report.MARK}"' in query
        assert f"substring(Message, {len(report.MARK)})" in query


@pytest.mark.parametrize(("name", "query"), QUERIES, ids=[name for name, _ in QUERIES])
def test_queries_use_tables_and_columns_that_exist(name: str, query: str) -> None:
    """Every capitalised word of a query is a table or a column of the tables that it reads."""
    bare = re.sub(r'"[^"]*"|DAILY_CAP_GB', "", query)
    tables = set(re.findall(r"\bApp[A-Z][a-z]+s\b|\bUsage\b", bare))
    assert tables <= set(TABLES)
    columns = set().union(*(TABLES[table] for table in tables))
    words = set(re.findall(r"\b[A-Z][A-Za-z]+\b", bare)) - tables - {"GRAIN"}
    assert words <= columns, name


@pytest.mark.parametrize(("name", "query"), QUERIES, ids=[name for name, _ in QUERIES])
def test_queries_are_balanced(name: str, query: str) -> None:
    """Brackets close, each step begins with a pipe, and nothing but ASCII is in it."""
    for opening, closing in ("()", "[]", "{}"):
        assert query.count(opening) == query.count(closing), name
    assert query.count('"') % 2 == 0
    assert query.isascii()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["name"])
def test_alert_is_well_formed(alert: dict[str, Any]) -> None:
    """Name, sentence, severity, times that Azure takes, and the columns that tell its cases apart."""
    assert set(alert) == {"name", "says", "severity", "every", "window", "by", "query"}
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", alert["name"])
    assert alert["says"].endswith(".")
    assert alert["severity"] in range(4)
    assert MINUTES[alert["every"]] <= MINUTES[alert["window"]]
    for column in alert["by"]:
        assert re.search(rf"by {column}\b|\b{column}:|, {column} =|by {column} =", alert["query"]), column


def test_every_alert_has_its_runbook_and_every_runbook_its_alert(deployed_alerts: list[str]) -> None:
    """docs/operate.md tells for each alert what it means, who is affected, how to see it and how to mend it."""
    text = (ROOT / "docs/operate.md").read_text()
    runbooks = re.split(r"^### ", text.partition("## Runbooks")[2].partition("\n## ")[0], flags=re.MULTILINE)[1:]
    headings = [runbook.splitlines()[0].strip() for runbook in runbooks]
    assert sorted(headings) == sorted(deployed_alerts)
    for runbook in runbooks:
        for part in ("**Means.**", "**Affects.**", "**See.**", "**Mend.**"):
            assert part in runbook, f"{runbook.splitlines()[0]} lacks {part}"


@pytest.fixture
def deployed_alerts(either: Deployed) -> list[str]:
    """The names of all alerts: log alerts, metric alerts and the budget."""
    rules = either.all("Microsoft.Insights/scheduledQueryRules") + either.all("Microsoft.Insights/metricAlerts")
    return [rule.name.removeprefix("puente-") for rule in rules] + ["budget"]


def test_alerts_name_their_runbook(either: Deployed) -> None:
    """Who is woken reads where to look."""
    for rule in either.all("Microsoft.Insights/scheduledQueryRules") + either.all("Microsoft.Insights/metricAlerts"):
        assert f"docs/operate.md#{rule.name.removeprefix('puente-')}" in rule.body["properties"]["description"]


def test_everybody_is_told(either: Deployed) -> None:
    """Every alert and the budget go to the action group."""
    group = either.one("Microsoft.Insights/actionGroups").id
    for rule in either.all("Microsoft.Insights/scheduledQueryRules"):
        assert rule.body["properties"]["actions"] == {"actionGroups": [group]}
    for rule in either.all("Microsoft.Insights/metricAlerts"):
        assert rule.body["properties"]["actions"] == [{"actionGroupId": group}]
    for notification in either.one("Microsoft.Consumption/budgets").body["properties"]["notifications"].values():
        assert notification["contactGroups"] == [group]


def test_silent_timer_knows_every_timer(app: App) -> None:
    """The list in the alert is the app's timers: add `"<function>", <minutes>` to `silent-timer` in alerts.yaml."""
    query = next(alert["query"] for alert in ALERTS if alert["name"] == "silent-timer")
    listed = dict(re.findall(r'"(\w+)", (\d+)', query))
    assert set(listed) == set(app.timers())


def test_availability_test_calls_an_address_that_exists(either: Deployed, app: App) -> None:
    """The outside test asks /health, which is a function of ours, from at least three places."""
    properties = either.one("Microsoft.Insights/webtests").body["properties"]
    path = properties["Request"]["RequestUrl"].rsplit("/", 1)[-1]
    routes = [binding.get("route") for bindings in app.functions.values() for binding in bindings]
    assert path in routes
    assert len(properties["Locations"]) >= 3


def test_refused_webhooks_leaves_out_the_api_only(app: App) -> None:
    """The alert is about senders, so it leaves out the catch-all that serves the API, and nothing else."""
    query = next(alert["query"] for alert in ALERTS if alert["name"] == "refused-webhooks")
    (left_out,) = re.findall(r'OperationName != "(\w+)"', query)
    assert [binding["route"] for binding in app.functions[left_out] if "route" in binding] == ["{*path}"]


@pytest.mark.parametrize(("name", "make"), [("workbook.json", dashboards.workbook), ("grafana.json", dashboards.grafana)])
def test_pages_are_made_from_the_list_of_panels(name: str, make: Any) -> None:
    """Both pages are what `python -m deploy.dashboards` writes."""
    assert json.loads((INFRA / "watching" / name).read_text()) == make(PANELS)


def test_pages_show_every_panel_once() -> None:
    """Portal and Grafana show the same figures, none beside another's place."""
    shown = [item["name"] for item in dashboards.workbook(PANELS)["items"] if item["type"] == 3]
    panels = dashboards.grafana(PANELS)["panels"]
    assert shown == [panel["title"] for panel in panels] == [panel["title"] for panel in PANELS]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= dashboards.FULL for panel in panels)


def test_runbooks_name_only_addresses_that_exist(environment: pytest.MonkeyPatch, app: App) -> None:
    """Who mends something at night does not find out first that an address of the API has changed."""
    described = openapi()["paths"]
    known = {re.sub(r"\{\w+\}", "{}", path).rstrip("/") for path in described}
    known |= {"/" + str(binding["route"]) for bindings in app.functions.values() for binding in bindings if "route" in binding}
    for page in ("operate.md", "deploy.md", "security.md", "scale.md"):
        text = (ROOT / "docs" / page).read_text()
        named = {found.rstrip("/") for found in re.findall(r"/api/v1/[a-z/{}<>-]+", text)}
        paths = {re.sub(r"\{\w+\}|<\w+>", "{}", path) for path in named}
        assert paths - known == set(), page


def test_requests_are_sampled_and_no_alert_depends_on_a_single_one() -> None:
    """What counts requests counts what each stands for; what must not be missed is found in lines or exceptions as well."""
    for one in ALERTS:
        query = one["query"]
        if "AppRequests" in query:
            assert "sum(ItemCount)" in query or ("AppExceptions" in query and "dcount(OperationId)" in query), one["name"]
        assert not re.search(r"\bcount\(\)", query) or "AppRequests" not in query, one["name"]


def test_every_timer_says_that_it_has_run(app: App, environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Each function logs the line that `silent-timer` reads, under its own name."""
    source = "".join((ROOT / "functions" / page).read_text() for page in ("system.py", "watch.py", "reconcile.py"))
    assert set(re.findall(r'timers\.ran\("(\w+)"\)', source)) == set(app.timers())
    timers.ran("watch")
    assert caplog.messages[-1] == "puente.ran watch"


def test_the_host_logs_its_own_lines_from_warnings_on_and_all_of_ours(app: App) -> None:
    """LOG_LEVEL alone decides about what our code says; the host's two or three lines for each execution are left out."""
    levels = json.loads((ROOT / "host.json").read_text())["logging"]["logLevel"]
    assert (levels["default"], levels["Function"], levels["Host.Results"]) == ("Warning", "Warning", "Information")
    assert {name for name in app.functions if levels.get(f"Function.{name}.User") != "Information"} == set()


def test_the_alert_of_the_log_budget_knows_the_cap(deployed) -> None:
    """Half of PUENTE_LOG_DAILY_CAP_GB; without a cap it never rings."""
    for cap in ("5", "-1"):
        rules = deployed(LEAST | {"PUENTE_LOG_DAILY_CAP_GB": cap}).all("Microsoft.Insights/scheduledQueryRules")
        (query,) = [
            rule.body["properties"]["criteria"]["allOf"][0]["query"]
            for rule in rules
            if rule.body["name"] == "puente-log-budget"
        ]
        assert f"{cap} > 0 and gigabytes > 0.5 * {cap}" in query


def test_lines_that_alerts_count_are_not_sampled_away() -> None:
    """The host keeps traces and exceptions, whatever it leaves out of the rest."""
    host = json.loads((ROOT / "host.json").read_text())
    sampling = host["logging"]["applicationInsights"]["samplingSettings"]
    tables = {table for one in ALERTS for table in re.findall(r"\bApp[A-Z][a-z]+s\b", one["query"])}
    assert "AppTraces" in tables
    assert {"Trace", "Exception"} <= set(sampling["excludedTypes"].split(";"))
