"""One trace from webhook to vendor call, with and without OpenTelemetry."""

import hashlib
import re
import subprocess
import sys

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import telemetry
from tests.support.vendors import lead_sync
from tests.support.world import opportunity

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans():
    """What is recorded."""
    exporter = InMemorySpanExporter()
    telemetry.enable(SimpleSpanProcessor(exporter))
    yield exporter
    telemetry.disable()


def test_without_a_connection_string_only_the_context_is_handed_on():
    """A step begins a trace of its own or goes on with the one it is given; nothing is recorded."""
    with telemetry.span("a") as begun:
        assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", begun)
        with telemetry.span("b") as inner:
            assert inner == begun == telemetry.current()
    with telemetry.span("c", parent=TRACEPARENT) as given:
        assert given == TRACEPARENT
    assert telemetry.current() is None


def test_no_opentelemetry_is_loaded_without_a_connection_string():
    """The webhooks do not pay for what is not used."""
    code = "import sys; from shared import telemetry; telemetry.configure(None)\nwith telemetry.span('x'): pass\n"
    code += "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_steps_of_one_trace_belong_together(spans):
    """A child has its parent's trace; links name the other steps that led to it."""
    with telemetry.span("handle", parent=TRACEPARENT) as handled:
        pass
    with telemetry.span("odoo.opportunity", parent=handled, links=[TRACEPARENT, "not a traceparent"], deliveries=2):
        pass
    first, second = spans.get_finished_spans()
    assert {f"{span.context.trace_id:032x}" for span in (first, second)} == {"0af7651916cd43dd8448eb211c80319c"}
    assert second.parent.span_id == first.context.span_id
    assert len(second.links) == 1
    assert second.attributes["deliveries"] == 2


def test_a_share_of_the_traces_is_sent_and_each_of_them_whole():
    """Which ones they are follows from the trace's id, so webhook, handler and deliveries agree; the context always goes on."""
    from azure.monitor.opentelemetry.exporter import ApplicationInsightsSampler

    exporter = InMemorySpanExporter()
    telemetry.enable(SimpleSpanProcessor(exporter), ApplicationInsightsSampler(sampling_ratio=0.25))
    try:
        for number in range(400):
            trace = hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()
            with telemetry.span("door", parent=f"00-{trace}-b7ad6b7169203331-01") as here:
                pass
            with telemetry.span("handle", parent=here) as inner:
                assert inner[3:35] == trace
    finally:
        telemetry.disable()
    names = [(span.context.trace_id, span.name) for span in exporter.get_finished_spans()]
    sent = {trace for trace, _name in names}
    assert 50 < len(sent) < 150
    assert sorted(names) == sorted((trace, name) for trace in sent for name in ("door", "handle"))


def test_event_and_its_sync_are_one_trace(world, spans):
    """From the sender's own trace through webhook, handler and executor: one trace id."""
    with lead_sync():
        world.post("opportunity", opportunity(), traceparent=TRACEPARENT)
        world.run()
    found = spans.get_finished_spans()
    assert [span.name for span in found] == ["manychat.opportunity", "handle manychat.opportunity", "odoo.opportunity"]
    assert {f"{span.context.trace_id:032x}" for span in found} == {"0af7651916cd43dd8448eb211c80319c"}


def test_error_texts_are_not_in_the_trace(spans):
    """An exception's text may tell of a person; only the status says that something failed."""
    with pytest.raises(ValueError, match="Ana"), telemetry.span("x"):
        raise ValueError("Ana Gómez, 55 1234 5678")
    (span,) = spans.get_finished_spans()
    assert span.events == ()
    assert "Ana" not in str(span.to_json())
