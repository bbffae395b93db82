"""Health, summary and metrics: true figures, also when half of everything is down."""

import json
import re
from datetime import UTC, datetime

import pytest

from shared import queues
from shared.errors import UnavailableError
from shared.watch import backlog, health, metrics, timers
from shared.watch.summary import summary
from tests.support.vendors import fake_odoo
from tests.support.world import contact, opportunity

EMPTY = {"messages": 0, "oldest_seconds": 0, "poison": 0}


@pytest.fixture
def calm(world, environment):
    """Storage that answers, with empty queues and no timers yet; Odoo that answers."""
    environment.setattr(queues, "ping", lambda: None)
    environment.setattr(backlog, "depths", lambda: {"manychat-contact-queue": dict(EMPTY)})
    environment.setattr(queues, "read_blobs", lambda _container, _prefix: [])
    environment.setattr(health, "_odoo", lambda: "19.0")
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

    calm.setattr(health, "_odoo", down)
    calm.setattr(backlog, "depths", lambda: {"manychat-contact-queue": EMPTY | {"oldest_seconds": 900}})
    found = health.health()
    assert found.problems == ("odoo: Odoo: no connection", "manychat-contact-queue: a message waits for 900 s")
    assert found.checks["database"].status == "ok"


def test_hanging_part_is_not_waited_for(calm):
    """A part that hangs is told as `no-answer`; the answer comes in time all the same."""
    import threading

    release = threading.Event()
    calm.setattr(health, "_odoo", release.wait)
    calm.setattr(health, "ANSWER_WITHIN_SECONDS", 0.2)
    found = health.health()
    release.set()
    assert found.checks["odoo"].status == "no-answer"


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
    with fake_odoo():
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


def test_metrics_of_a_broken_storage_still_come(calm, world):
    """`puente_up` tells what could not be asked."""

    def down():
        raise UnavailableError("no")

    calm.setattr(backlog, "depths", down)
    page = metrics.page()
    assert 'puente_up{part="storage"} 0' in page
    assert "puente_errored_syncs 0" in page
