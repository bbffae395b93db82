"""Health, summary and metrics: true figures, also when half of everything is down."""

import json
import re
import threading
from concurrent.futures import wait
from datetime import UTC, datetime
from functools import partial

import pytest
from fastapi import Response

from shared import queues
from shared.errors import ThrottledError, UnavailableError
from shared.settings import get_settings
from shared.vendors import registry
from shared.vendors.rest_client import RestClient
from shared.watch import backlog, flow_figures, health, metrics, timers, vendors
from shared.watch.summary import summary
from shared.web.reports import report_health
from tests.support.vendors import lead_sync
from tests.support.world import contact, opportunity

EMPTY = {"messages": 0, "oldest_seconds": 0, "poison": 0}


@pytest.fixture
def calm(world, environment):
    """Storage that answers, with empty queues and no timers yet; Odoo that answers."""
    environment.setattr(queues, "ping", lambda: None)
    environment.setattr(backlog, "depths", lambda: {"manychat-contact-queue": dict(EMPTY)})
    environment.setattr(queues, "read_blobs", lambda _container, _prefix: [])
    environment.setattr(vendors, "questions", lambda: {"odoo": lambda: "19.0"})
    return environment


def test_all_is_well(calm):
    """Every part answers, and there is no problem."""
    found = health.health()
    assert found.problems == ()
    assert {check.status for check in found.checks.values()} == {"ok"}


def test_down_parts_are_named_and_the_others_still_answer(calm):
    """Odoo down and a queue that stands still are two problems; SQL is well."""

    def down():
        raise UnavailableError("Odoo: no connection")

    calm.setattr(vendors, "questions", lambda: {"odoo": down})
    calm.setattr(backlog, "depths", lambda: {"manychat-contact-queue": EMPTY | {"oldest_seconds": 900}})
    found = health.health()
    assert found.problems == ("odoo: Odoo: no connection", "manychat-contact-queue: a message waits for 900 s")
    assert found.checks["database"].status == "ok"


def test_hanging_parts_are_not_waited_for(calm):
    """Every outside system hangs: each is told as `no-answer`, our own parts answer all the same, and calls pile nothing up."""
    release, asked = threading.Event(), []

    def hang(name):
        asked.append(name)
        release.wait(30)

    names = VENDORS
    calm.setattr(vendors, "questions", lambda: {name: partial(hang, name) for name in names})
    calm.setattr(health, "ANSWER_WITHIN_SECONDS", 0.2)
    try:
        for _ in range(3):
            found = health.health()
            assert {found.checks[name].status for name in names} == {"no-answer"}
            assert {check.status for name, check in found.checks.items() if name not in names} == {"ok"}
    finally:
        release.set()
        wait(health._asking.values(), timeout=5)
    assert sorted(asked) == sorted(names)
    assert {health.health().checks[name].status for name in names} == {"ok"}


EVERY_VENDOR = {
    "ODOO_URL": "http://127.0.0.1:9",
    "ODOO_PASSWORD": "s3cret",
    "KOMMO_BASE_URL": "http://127.0.0.1:9",
    "KOMMO_ACCESS_TOKEN": "s3cret",
    "NOTION_BASE_URL": "http://127.0.0.1:9",
    "NOTION_TOKEN": "s3cret",
    "BREVO_BASE_URL": "http://127.0.0.1:9",
    "SENDINBLUE_API_KEY": "s3cret",
    "SENDINBLUE_SENDER_EMAIL": "a@x.example",
    "RESEND_BASE_URL": "http://127.0.0.1:9",
    "RESEND_API_KEY": "s3cret",
    "RESEND_FROM": "A <a@x.example>",
    "SMTP_URL": "smtp://u:s3cret@127.0.0.1:9",
    "SMTP_FROM": "A <a@x.example>",
    "TWILIO_BASE_URL": "http://127.0.0.1:9",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "s3cret",
    "DISCORD_WEBHOOK_URL": "http://127.0.0.1:9/api/webhooks/1/s3cret",
    "MANYCHAT_BASE_URL": "http://127.0.0.1:9",
    "MANYCHAT_API_KEY": "s3cret",
}
asks_vendors = vendors.questions
# Each system, and the setting without which it is not used. Odoo always is.
USED_BY = {
    "kommo": "KOMMO_ACCESS_TOKEN",
    "notion": "NOTION_TOKEN",
    "brevo": "SENDINBLUE_API_KEY",
    "resend": "RESEND_API_KEY",
    "smtp": "SMTP_URL",
    "twilio": "TWILIO_AUTH_TOKEN",
    "discord": "DISCORD_WEBHOOK_URL",
    "manychat": "MANYCHAT_API_KEY",
}
VENDORS = ["odoo", *USED_BY]


@pytest.fixture
def configured(calm, test_clock):
    """Sets settings; the outside systems that they configure are asked."""

    def with_settings(values):
        for name, value in values.items():
            calm.setenv(name, value)
        get_settings.cache_clear()
        calm.setattr(vendors, "questions", asks_vendors)

    return with_settings


def test_every_configured_vendor_that_is_down_is_told_with_its_reason(configured):
    """503 that names each of them, after how many milliseconds and why, and no secret."""
    configured(EVERY_VENDOR)
    response = Response()
    report = report_health(response)
    assert (response.status_code, report.status) == (503, "unhealthy")
    for vendor in VENDORS:
        check = report.checks[vendor]
        assert check.status == "failed"
        assert check.milliseconds is not None
        assert "no connection" in check.detail
        assert f"{vendor}: {check.detail}" in report.problems
    assert "s3cret" not in report.model_dump_json()


def test_vendor_that_is_not_configured_is_not_listed(configured):
    """Odoo always is; every other one when its key is set, and only then."""
    configured({})
    assert list(vendors.questions()) == ["odoo"]
    expected = {"odoo"}
    for vendor, key in USED_BY.items():
        configured({key: EVERY_VENDOR[key]})
        expected.add(vendor)
        assert set(vendors.questions()) == expected


def test_vendor_that_is_set_up_in_part_says_what_is_missing(configured):
    """A key without its address is a mistake that nobody would see otherwise."""
    configured({"RESEND_API_KEY": "re_s3cret"})
    assert "resend: Resend is not set up: RESEND_API_KEY, RESEND_FROM missing" in health.health().problems


def test_vendor_that_is_busy_is_there(configured, environment):
    """429 is how a vendor works, and no reason to call anybody."""

    def busy(_client, seconds):
        assert seconds == registry.PING_SECONDS
        raise ThrottledError("Kommo: GET /account answered 429", after_seconds=300)

    environment.setattr(RestClient, "ping", busy)
    configured({"KOMMO_BASE_URL": "https://a.kommo.invalid", "KOMMO_ACCESS_TOKEN": "k", "ODOO_URL": "http://127.0.0.1:9"})
    check = health.health().checks["kommo"]
    assert (check.status, check.detail) == ("ok", "busy: Kommo: GET /account answered 429")


def test_there_is_a_thread_for_every_part(configured):
    """Else those that hang would keep others waiting."""
    configured(EVERY_VENDOR)
    assert len(health.questions()) <= health.MOST_QUESTIONS


def test_timers_are_read_from_the_hosts_own_blobs(environment, test_clock):
    """The newest record of a timer counts; one whose next run has long passed is late."""
    body = {
        "Last": "2026-03-02T08:00:00+00:00",
        "Next": "2026-03-02T08:30:00+00:00",
        "LastUpdated": "2026-03-02T08:00:01+00:00",
    }
    old = body | {"Next": "2020-01-01T00:00:00+00:00", "LastUpdated": "2020-01-01T00:00:00+00:00"}
    blobs = [
        ("timers/old-host/Host.Functions.dispatch_due/status", json.dumps(old).encode()),
        ("timers/host/Host.Functions.dispatch_due/status", json.dumps(body).encode()),
        ("timers/host/Host.Functions.broken/status", b"{"),
    ]
    environment.setattr(queues, "read_blobs", lambda _container, _prefix: blobs)
    runs = timers.last_runs()
    assert runs["dispatch_due"]["last"] == "2026-03-02T08:00:00+00:00"
    assert timers.late(runs) == [("dispatch_due", datetime(2026, 3, 2, 8, 30, tzinfo=UTC))]


def test_summary_counts_events_people_stages_and_lag(world):
    """Two events of one person, one of them repeated."""
    with lead_sync():
        world.post("contact", contact(canal_entrada="WhatsApp"))
        world.post("opportunity", opportunity(stage=18))
        world.post("opportunity", opportunity(stage=18))
        world.run()
    found = summary(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
    assert [(row["type"], row["outcome"], row["count"]) for row in found["events"]] == [
        ("manychat.contact", "applied", 1),
        ("manychat.opportunity", "applied", 1),
    ]
    assert found["contacts_by_channel"] == [{"channel": "WhatsApp", "contacts": 1}]
    assert found["opportunities_by_stage"][0]["stage"] == "Retornó en AC"
    assert found["sync_lag"]["syncs"] == 1


def test_summary_of_another_time_is_empty(world):
    """Events outside the period do not count."""
    world.post("contact", contact())
    world.run()
    assert summary(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC))["events"] == []


def test_metrics_are_well_formed_and_true(calm, world):
    """Each family has one HELP and one TYPE, each line parses, and the numbers are those of the record."""
    world.post("opportunity", opportunity(stage=99))
    world.run()
    page = metrics.page()
    samples = [line for line in page.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r'[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.e+]+', line) for line in samples)
    families = re.findall(r"^# TYPE (\S+)", page, flags=re.MULTILINE)
    assert len(families) == len(set(families))
    assert "puente_dead_letters_parked 1" in samples
    assert 'puente_queue_messages{queue="manychat-contact-queue"} 0' in samples


def test_metrics_tell_of_each_flow_under_both_names(calm, world, test_clock):
    """Executions, errors and time, as counters that a dashboard of the replaced system reads as well."""
    flow_figures.count()
    world.post("contact", contact("m1"))
    test_clock.advance(seconds=3)
    world.run()
    world.post("opportunity", opportunity(stage=99))
    world.run()
    test_clock.advance(minutes=2)
    flow_figures.count()
    samples = metrics.page().splitlines()
    for system in ("puente_flow", "kestra_flows"):
        assert f'{system}_executions_total{{flow="contacts"}} 1' in samples
        assert f'{system}_duration_seconds_sum{{flow="contacts"}} 3.0' in samples
        assert f'{system}_duration_seconds_count{{flow="contacts"}} 1' in samples
        assert f'{system}_errors_total{{flow="opportunities"}} 1' in samples


def test_counters_are_written_whole(calm):
    """A rounded counter would stand still, and then seem to jump."""
    assert metrics._metric("n", "counter", "text", [({}, 12_345_678)])[-1] == "n 12345678"


def test_metrics_of_a_broken_storage_still_come(calm, world):
    """`puente_up` tells what could not be asked."""

    def down():
        raise UnavailableError("no")

    calm.setattr(backlog, "depths", down)
    page = metrics.page()
    assert 'puente_up{part="storage"} 0' in page
    assert "puente_errored_syncs 0" in page
