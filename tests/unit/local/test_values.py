"""`make run` keeps what somebody has chosen in local.settings.json, and says which settings it replaces and why."""

import json
import shutil
from pathlib import Path

import pytest

from local import outside, values
from local.ports import ROOT, Ports
from shared.messages import template_sources, templates

PORTS = Ports(7171, 7172, 10100, 10101, 10102, 7125)


def run_with(folder: Path, environment: dict[str, str] | None = None, **chosen: str) -> values.Values:
    """The settings of a run whose file differs from the example in what was `chosen`."""
    shutil.copy(ROOT / values.EXAMPLE, folder)
    document = json.loads((ROOT / values.EXAMPLE).read_text())
    document["Values"] |= chosen
    (folder / values.FILE).write_text(json.dumps(document))
    return values.read(folder, PORTS, environment or {})


def sentences(found: values.Values) -> str:
    """What is printed."""
    return "\n".join(f"{what} {sentence}" for what, sentence in found.lines())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QUIET_HOURS", "22:00-07:00"),
        ("WORKING_DAYS", "mon"),
        ("SURVEY_URL", "https://own.example/survey"),
        ("RESOURCE_URL", "https://own.example/guide"),
        ("CAMPAIGN_VARIABLES", '{"portal_url": "https://own.example"}'),
        ("LINK_SIGNING_SECRETS", "own"),
        ("TESTING_MODE", "true"),
        ("ODOO_URL", "https://odoo.own.example"),
        ("DATABASE_URL", "sqlite:///own.db"),
        ("API_KEYS", '[{"name": "own", "key": "own-key", "scopes": ["admin"]}]'),
    ],
)
def test_what_somebody_has_chosen_is_kept(tmp_path: Path, name: str, value: str) -> None:
    """And is not said to be replaced."""
    found = run_with(tmp_path, **{name: value})
    assert found.environment[name] == value
    assert f"{name}:" not in sentences(found)
    assert name not in [each for names in found.replaced.values() for each in names]


def test_demonstration_is_complete_where_nothing_is_chosen(tmp_path: Path) -> None:
    """No quiet hours and every link that a text needs; what stands otherwise in the example is said to be replaced."""
    found = run_with(tmp_path)
    assert found.environment["QUIET_HOURS"] == outside.NO_QUIET_HOURS
    assert found.environment["SURVEY_URL"]
    assert json.loads(found.environment["CAMPAIGN_VARIABLES"])["portal_url"]
    replaced = "CAMPAIGN_VARIABLES, MEETINGS_CALENDAR, PAYMENTS_ALERT_ABOVE, QUIET_HOURS, TICKETS_SENDERS, WORKING_DAYS"
    assert f"{replaced}: for the demonstration" in sentences(found)


def test_no_text_of_the_repository_lacks_a_link_in_the_demonstration(environment: pytest.MonkeyPatch) -> None:
    """Each variable of a template that only settings give is set."""
    given = set(json.loads(outside.demonstration()["CAMPAIGN_VARIABLES"])) | {"survey_url", "resource_url"}
    from_settings = {"survey_url", "resource_url", "portal_url", "pdf_download_link", "spots_remaining", "deadline_date"}
    needed = {name for text in templates.names() for name in templates.variables(template_sources.of_repository(text))}
    assert needed & from_settings <= given


def test_real_outside_systems_of_the_file_are_replaced_and_named(tmp_path: Path) -> None:
    """An oversight in a file never sends anything to a real person; the names are told, the values are not."""
    found = run_with(tmp_path, TWILIO_AUTH_TOKEN="t0p-secret", NOTION_TOKEN="n0t-secret", AzureWebJobsStorage="Account=x")
    printed = sentences(found)
    assert found.environment["TWILIO_AUTH_TOKEN"] != "t0p-secret"
    assert "NOTION_TOKEN, TWILIO_AUTH_TOKEN: outside systems are the sandbox" in printed
    assert "AzureWebJobsStorage: the queues of this run" in printed
    assert "secret" not in printed


def test_environment_wins_and_is_named(tmp_path: Path) -> None:
    """Also over what somebody has chosen; an empty variable is none."""
    found = run_with(tmp_path, {"ODOO_DB": "shell", "ODOO_URL": ""}, ODOO_DB="file", ODOO_URL="https://own.example")
    assert (found.environment["ODOO_DB"], found.environment["ODOO_URL"]) == ("shell", "https://own.example")
    assert "ODOO_DB: the environment wins" in sentences(found)


def test_key_testing_mode_and_quiet_hours_are_told(tmp_path: Path) -> None:
    """What a user needs for a request of their own, and why a message may not come."""
    printed = sentences(run_with(tmp_path, TESTING_MODE="true", QUIET_HOURS="22:00-07:00"))
    assert "API key local-dev-key" in printed
    assert "TESTING_MODE is on" in printed
    assert "QUIET_HOURS 22:00-07:00 (America/Mexico_City)" in printed


@pytest.mark.parametrize(
    "url",
    [
        "mssql+pyodbc://sa:geheim@server/puente?driver=x",
        "mssql+pyodbc:///?odbc_connect=Server%3Dtcp%3Aserver%3BUid%3Dsa%3BPwd%3Dgeheim",
        "postgresql://server/puente?password=geheim&user=sa",
    ],
)
def test_no_password_is_printed(url: str) -> None:
    """Wherever in the address it stands."""
    assert "geheim" not in values.database({"DATABASE_URL": url})


def test_ports_of_the_run_are_those_of_odoos_sandbox(tmp_path: Path) -> None:
    """Where the file has the example's address, Odoo is the sandbox wherever it listens."""
    assert run_with(tmp_path).environment["ODOO_URL"] == "http://127.0.0.1:7172/odoo"
