"""What is heavy is imported after the first request, while no request is under way, and never at the cost of one."""

import threading

import pytest

from shared import warming
from shared.warming import Warming, imports
from tests.support.processes import in_a_new_process

pytestmark = pytest.mark.slow

PATIENCE = 10


@pytest.fixture
def warm() -> Warming:
    """One of our own; that of the process belongs to the app."""
    return Warming()


def test_nothing_begins_before_the_first_request(warm):
    """The start of an instance pays for nothing that its first webhook does not need."""
    warm.prepare(lambda: pytest.fail("no request has come"))
    assert not warm.wait(0)


def test_steps_are_carried_out_in_order_after_the_first_request(warm):
    """Each once, however many requests come."""
    done = []
    warm.prepare(lambda: done.append("first"), lambda: done.append("second"))
    for _ in range(3):
        with warm.under_way():
            pass
    assert warm.wait(PATIENCE)
    assert done == ["first", "second"]


def test_an_instance_that_is_kept_ready_begins_by_itself(warm):
    """No request comes when it starts; it is warm before the first one all the same."""
    done = threading.Event()
    warm.prepare(done.set)
    warm.begin_after(0.01)
    assert done.wait(PATIENCE)


def test_zero_seconds_leave_it_to_the_first_request(warm):
    """As on one machine, where every start would pay for it."""
    warm.prepare(lambda: pytest.fail("no request has come"))
    warm.begin_after(0)
    assert not warm.wait(0)


def test_a_ready_app_imports_what_deliveries_need():
    """Those of the REST API and those of the deliveries: an instance does not know which of both it will be asked for."""
    program = """
import os, sys
os.environ["WARM_AFTER_SECONDS"] = "0.01"
import function_app
from shared.warming import warming
while warming._thread is None: pass
print(warming.wait(60), *(name in sys.modules for name in ("shared.outbox.execute", "shared.vendors.registry", "fastapi")))
"""
    assert in_a_new_process(program).split() == ["True"] * 4


def test_no_step_begins_while_a_request_is_under_way(warm):
    """Not the first, and not one that another request has come in front of."""
    seen, between = [], threading.Event()
    warm.prepare(between.set, lambda: seen.append(warm._requests))
    with warm.under_way():
        pass
    assert between.wait(PATIENCE)
    with warm.under_way():
        assert not warm.wait(3 * warming.QUIET_SECONDS)
        assert seen == []
    assert warm.wait(PATIENCE)
    assert seen == [0]


def test_busy_instance_becomes_warm_as_well(warm, monkeypatch):
    """Where requests never cease, the steps wait for PATIENCE_SECONDS and no longer."""
    monkeypatch.setattr(warming, "PATIENCE_SECONDS", 0.3)
    done = threading.Event()
    warm.prepare(done.set)
    with warm.under_way():
        with warm.under_way():
            pass
        assert done.wait(PATIENCE)


def test_step_that_fails_harms_nobody(warm, caplog):
    """The request that needs it meets the reason itself; the log has it too."""
    warm.prepare(*imports("shared.no_such_module"), lambda: pytest.fail("what comes after a failure is left alone"))
    with warm.under_way():
        pass
    assert warm.wait(PATIENCE)
    assert "no_such_module" in caplog.text


def test_app_prepares_its_web_half_and_the_import_stays_light():
    """A health check brings the whole REST API in; before it nothing of it is there."""
    program = """
import asyncio, sys
import azure.functions as func
import function_app
from functions import web
from shared.warming import warming
before = "fastapi" in sys.modules
ask = func.HttpRequest("GET", "/health", body=b"")
health = next(f for f in function_app.app.get_functions() if f.get_function_name() == "health").get_user_function()
print(asyncio.run(health(ask)).status_code, before, warming.wait(60), "shared.web.app" in sys.modules)
from shared.web import app
print(app._built.cache_info().currsize)
"""
    assert in_a_new_process(program).split() == ["200", "False", "True", "True", "1"]


def test_webhook_begins_the_warming():
    """An instance that is started by an event is ready for people soon after, even where the event is refused."""
    program = """
import asyncio
import azure.functions as func
import function_app
from functions.contacts import WEBHOOK
from shared.warming import warming
class Out:
    def set(self, message): raise AssertionError(message)
request = func.HttpRequest("POST", "/", headers={}, body=b"{}")
print(asyncio.run(WEBHOOK.accept(request, Out())).status_code, warming.wait(60))
"""
    assert in_a_new_process(program).split() == ["401", "True"]
