"""One trace from the webhook to the vendor's answer, in W3C trace context (www.w3.org/TR/trace-context).

The context travels with the work: in the event's envelope, and in the rows of deliveries. Spans go to Azure Monitor when
`APPLICATIONINSIGHTS_CONNECTION_STRING` is set; without it no OpenTelemetry library is even imported, and only the context is
handed on.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.trace import Link, Tracer

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)
_tracer: "Tracer | None" = None


def configure(connection_string: str | None, share: float = 1) -> None:
    """Send the spans of a `share` of all traces to Azure Monitor if there is a connection string. Once; again changes nothing.

    Which traces they are follows from the trace's id, so every part of the app sends all of a trace or none of it.
    """
    if not connection_string or _tracer is not None:
        return
    from azure.monitor.opentelemetry.exporter import ApplicationInsightsSampler, AzureMonitorTraceExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = AzureMonitorTraceExporter.from_connection_string(connection_string)
    # This sampler writes its ratio into each span, so that `ItemCount` tells how many it stands for.
    enable(BatchSpanProcessor(exporter), ApplicationInsightsSampler(sampling_ratio=share))


def enable(processor: Any, sampler: Any = None) -> None:
    """Record spans from now on and hand those that `sampler` takes (None: all) to `processor`, an OpenTelemetry one."""
    global _tracer  # noqa: PLW0603  # one tracer for the process
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(sampler=sampler, resource=Resource.create({"service.name": "puente"}))
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("puente")


def disable() -> None:
    """Record no spans any more (tests)."""
    global _tracer  # noqa: PLW0603  # one tracer for the process
    _tracer = None


def current() -> str | None:
    """The trace context of what is being done now, as a `traceparent`."""
    return _current.get()


@contextmanager
def span(name: str, *, parent: str | None = None, links: Sequence[str] = (), **attributes: str | int) -> Iterator[str]:
    """Do something as one step of a trace; gives the `traceparent` for what comes after.

    Its parent is `parent`, else what is being done now, else it begins a trace. `links` are other steps that led to it.
    """
    above = parent or _current.get()
    if _tracer is None:
        with _as_current(above or _fresh()) as here:
            yield here
        return
    with _recorded(_tracer, name, above, links, attributes) as made, _as_current(made) as here:
        yield here


@contextmanager
def _recorded(tracer: "Tracer", name: str, above: str | None, links: Sequence[str], attributes: Any) -> Iterator[str]:
    """A span that says whether it failed, but not how: the text of an error may tell of a person."""
    from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

    made = tracer.start_span(name, context=_context(above), links=_links(links), attributes=attributes)
    context = made.get_span_context()
    try:
        yield f"00-{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}-01"
    except BaseException:
        made.set_status(StatusCode.ERROR)
        raise
    finally:
        made.end()


@contextmanager
def _as_current(traceparent: str) -> Iterator[str]:
    token = _current.set(traceparent)
    try:
        yield traceparent
    finally:
        _current.reset(token)


def _fresh() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def _context(traceparent: str | None) -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": traceparent} if traceparent else {})


def _links(traceparents: Sequence[str]) -> "list[Link]":
    from opentelemetry.trace import Link, get_current_span

    contexts = (get_current_span(_context(traceparent)).get_span_context() for traceparent in traceparents)
    return [Link(context) for context in contexts if context.is_valid]
