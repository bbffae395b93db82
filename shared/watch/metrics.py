"""The figures for Prometheus, in its text format 0.0.4. They come from SQL and Storage, so they are true across instances."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from shared.errors import PuenteError
from shared.store.models import ActionLog, DeadLetter, Delivery, InboxEvent
from shared.store.session import reading
from shared.watch import backlog, flow_figures, record
from shared.watch.flow_figures import Figures

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

type Sample = tuple[Mapping[str, str], float]


def page() -> str:
    """All metrics. A part that is down is left out and told by `puente_up`; the others still come."""
    lines: list[str] = []
    up: list[Sample] = []
    for part, collect in (("database", _from_record), ("storage", _from_storage)):
        try:
            lines += list(collect())
            up.append(({"part": part}, 1))
        except PuenteError:
            up.append(({"part": part}, 0))
    lines += _metric("puente_up", "gauge", "Whether a part could be asked.", up)
    return "\n".join(lines) + "\n"


def _from_record() -> Iterator[str]:
    figures = record.figures()
    with reading() as session:
        newest = {
            "events": session.scalar(select(func.max(InboxEvent.id))),
            "deliveries": session.scalar(select(func.max(Delivery.id))),
            "attempts": session.scalar(select(func.max(ActionLog.id))),
            "dead_letters": session.scalar(select(func.max(DeadLetter.id))),
        }
    # Rows are numbered in the order they come and never reused, so the newest number counts them without reading them.
    for name, number in newest.items():
        yield from _metric(
            f"puente_{name}_total", "counter", f"{name.replace('_', ' ').capitalize()} so far.", [({}, number or 0)]
        )
    yield from _metric(
        "puente_dead_letters_parked", "gauge", "Dead letters that wait for a person.", [({}, figures["dead_letters"])]
    )
    yield from _metric("puente_errored_syncs", "gauge", "Records whose last sync failed.", [({}, figures["errored_syncs"])])
    states = [({"state": state}, count) for state, count in figures["deliveries"].items()]
    yield from _metric("puente_deliveries", "gauge", "Open and parked deliveries (counted up to 10,000).", states)
    covered: list[Sample] = [({"target": name}, 1) for name in figures["shadow"]["targets"]]
    yield from _metric("puente_shadow_target", "gauge", "Systems that SHADOW covers: nothing is carried out there.", covered)
    kept_back: list[Sample] = [({}, figures["shadow"]["shadowed"])]
    yield from _metric("puente_deliveries_shadowed", "gauge", "Deliveries that SHADOW kept back (up to 10,000).", kept_back)
    targets = figures["targets"].items()
    yield from _metric(
        "puente_target_due", "gauge", "Deliveries due for a system.", [({"target": n}, t["due"]) for n, t in targets]
    )
    late = [({"target": name}, target["late_seconds"]) for name, target in targets]
    yield from _metric("puente_target_late_seconds", "gauge", "How long the first of them has been due.", late)
    circuits = [({"target": name}, float(target["circuit"] == "open")) for name, target in targets]
    yield from _metric("puente_target_circuit_open", "gauge", "Whether a system is left alone because it is down.", circuits)
    yield from _of_paused_flows(figures["paused_flows"])
    yield from _of_flows()


def _of_paused_flows(held: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    paused: list[Sample] = [({"flow": name}, float(one["paused"])) for name, one in held.items()]
    yield from _metric("puente_flow_paused", "gauge", "Whether a flow's events wait because a person has paused it.", paused)
    for key, name, text in (
        ("waiting", "puente_flow_held_events", "Events that wait for the end of their flow's pause (counted up to 10,000)."),
        ("waiting_seconds", "puente_flow_held_seconds", "How long the first of them has waited."),
    ):
        yield from _metric(name, "gauge", text, [({"flow": flow}, one[key]) for flow, one in held.items()])


def _of_flows() -> Iterator[str]:
    """The figures of each flow, under our names and under those of the replaced system."""
    found = flow_figures.by_flow().items()
    for system in ("puente_flow", "kestra_flows"):
        executions = [({"flow": name}, figures.executions) for name, figures in found]
        yield from _metric(f"{system}_executions_total", "counter", "Events that a flow has handled or given up.", executions)
        errors = [({"flow": name}, figures.failed) for name, figures in found]
        yield from _metric(f"{system}_errors_total", "counter", "Events that a flow could not handle: dead letters.", errors)
        yield from _summary(f"{system}_duration_seconds", "From the door to the record.", found)


def _summary(name: str, text: str, found: Iterable[tuple[str, Figures]]) -> Iterator[str]:
    yield from _metric(name, "summary", text, [])
    for flow, figures in found:
        labels = {"flow": flow}
        yield _sample(f"{name}_sum", labels, figures.milliseconds / 1000)
        yield _sample(f"{name}_count", labels, figures.handled)


def _from_storage() -> Iterator[str]:
    depths = backlog.depths().items()
    for key, name, text in (
        ("messages", "puente_queue_messages", "Messages in a queue."),
        ("oldest_seconds", "puente_queue_oldest_seconds", "Age of the first visible message."),
        ("poison", "puente_queue_poison_messages", "Messages that the host gave up on."),
    ):
        yield from _metric(name, "gauge", text, [({"queue": queue}, depth[key]) for queue, depth in depths])


def _metric(name: str, kind: str, text: str, samples: Sequence[tuple[Mapping[str, str], Any]]) -> list[str]:
    lines = [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    return lines + [_sample(name, labels, value) for labels, value in samples]


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    """One line. The value is written whole: a counter that is rounded would stand still and then jump."""
    inside = ",".join(f'{label}="{_escaped(word)}"' for label, word in labels.items())
    return f"{name}{{{inside}}} {value!r}" if inside else f"{name} {value!r}"


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
