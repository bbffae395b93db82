"""Before anything is provisioned: instances, connections and the database's size fit together, or the deployment says so."""

from __future__ import annotations

import re

import pytest

from deploy import limits, steps
from deploy.console import DeployError
from shared.settings import DatabaseSettings
from tests.infra.conftest import INFRA, LEAST, MOST, App, Deployed


def test_defaults_are_those_of_template_and_settings() -> None:
    """What is worked out beforehand is what is deployed."""
    text = (INFRA / "main.bicepparam").read_text()
    for name, default in limits.DEFAULTS.items():
        if name.startswith("PUENTE_"):
            assert f"readEnvironmentVariable('{name}', '{default}')" in text, name
    fields = DatabaseSettings.model_fields
    assert limits.DEFAULTS["DATABASE_POOL_SIZE"] == str(fields["database_pool_size"].default)
    assert limits.DEFAULTS["DATABASE_POOL_OVERFLOW"] == str(fields["database_pool_overflow"].default)


def test_function_groups_are_those_of_the_app(app: App) -> None:
    """infra/flows.json names every function that has instances of its own: queue functions and timers."""
    found = limits.deployment({})
    queues = {name for name, bindings in app.functions.items() if any(one["type"] == "queueTrigger" for one in bindings)}
    assert set(found.queue_functions) == queues
    assert set(found.timers) == set(app.timers())


def test_the_defaults_fit(capsys: pytest.CaptureFixture[str]) -> None:
    """40 instances of the app with 4 connections are 160 of the 300 workers of 4 vCores; by the other reading it warns."""
    limits.check({})
    given = limits.deployment({})
    assert (given.connections("app"), given.workers) == (160, 300)
    told = capsys.readouterr().out
    assert "warning: if the maximum counts each function group, 250 instances x 4 connections = 1000 of 300 workers" in told


@pytest.mark.parametrize(
    "environment",
    [
        {"PUENTE_SQL_MAX_VCORES": "2"},  # 160 of 150
        {"PUENTE_MAXIMUM_INSTANCES": "61"},  # 244 of 300
        {"DATABASE_POOL_OVERFLOW": "3"},  # 280 of 300
        {"PUENTE_INSTANCES_COUNT": "group"},
    ],
)
def test_more_than_four_fifths_of_the_workers_is_refused(environment: dict[str, str]) -> None:
    """By the reading that the setting names; nothing has been changed yet."""
    with pytest.raises(DeployError, match=r"lower PUENTE_MAXIMUM_INSTANCES, or raise PUENTE_SQL_MAX_VCORES"):
        limits.check(environment)


def test_four_fifths_are_just_not_too_many() -> None:
    """60 instances with 4 connections are 240 of 300."""
    limits.check({"PUENTE_MAXIMUM_INSTANCES": "60"})


def test_by_groups_four_instances_fit_four_vcores(capsys: pytest.CaptureFixture[str]) -> None:
    """Each queue function and all of http may have as many instances; a timer has one."""
    limits.check({"PUENTE_INSTANCES_COUNT": "group", "PUENTE_MAXIMUM_INSTANCES": "3", "PUENTE_SQL_MAX_VCORES": "4"})
    assert "warning" not in capsys.readouterr().out
    given = limits.deployment({"PUENTE_MAXIMUM_INSTANCES": "4"})
    assert given.instances("group") == 4 * (len(given.queue_functions) + 1) + len(given.timers)


def test_the_region_s_cores_bound_the_instances() -> None:
    """250 cores; larger instances are fewer."""
    environment = {"PUENTE_MAXIMUM_INSTANCES": "1000"}
    assert limits.deployment(environment).instances("group") == 250
    assert limits.deployment(environment | {"PUENTE_INSTANCE_MEMORY_MB": "4096"}).instances("group") == 125


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"PUENTE_INSTANCES_COUNT": "apps"}, "it is `app` or `group`"),
        ({"PUENTE_SQL_MAX_VCORES": "many"}, "no whole number"),
        ({"PUENTE_ALWAYS_READY": "http"}, "no JSON list"),
        ({"PUENTE_ALWAYS_READY": '[{"name": "function:delivery", "instanceCount": 1}]'}, "which the app does not have"),
        (
            {"PUENTE_ZONE_REDUNDANT": "true", "PUENTE_ALWAYS_READY": '[{"name": "http", "instanceCount": 1}]'},
            "needs 2 or more of each",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_its_reason(environment: dict[str, str], words: str) -> None:
    """The variable is named."""
    with pytest.raises(DeployError, match=re.escape(words)):
        limits.check(environment)


def test_one_http_instance_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    """It is drained now and then, and webhooks with it."""
    limits.check({"PUENTE_ALWAYS_READY": '[{"name": "http", "instanceCount": 1}]'})
    assert "fewer than two http instances" in capsys.readouterr().out


def test_the_step_before_the_template_checks_them(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`azd up` and `python -m deploy.steps preprovision` end before anything is provisioned."""
    for name in (*steps.NEEDED, "PUENTE_BUDGET_START"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("PUENTE_SQL_MAX_VCORES", "1")
    assert steps.run("preprovision") == 1
    assert "160 of 75 workers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("environment", "counts"), [(LEAST, {"http": 2, "function:deliver": 1}), (MOST, {"http": 2, "function:deliver": 2})]
)
def test_http_has_two_ready_instances_and_deliver_one(deployed, environment: dict[str, str], counts: dict[str, int]) -> None:
    """With zones two each, because fewer are refused there, whatever PUENTE_ALWAYS_READY says."""
    found: Deployed = deployed(environment)
    scale = found.one("Microsoft.Web/sites").body["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    assert {entry["name"]: entry["instanceCount"] for entry in scale["alwaysReady"]} == counts
