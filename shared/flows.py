"""The flows that are installed: found once in a package, and asked for their parts by whatever needs them.

`shared.bootstrap.build_app` hands the package over. Whoever comes another way (a command, a migration, a test) gets those of
the package `functions`. Parts are imported when they are asked for.
"""

import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from shared import references
from shared.flow import EVENTS_QUEUE, Flow, FlowError, IdentityKind, Job, Rhythm

DEFAULT_PACKAGE = "functions"
DECLARATION = "FLOW"
FOLDERS = ("journeys", "templates", "pages")

_installed: dict[str, Flow] = {}
_folders: dict[str, Path] = {}


def install(package: ModuleType) -> tuple[Flow, ...]:
    """Find the flows of a package, in the order of their names, in place of those installed before.

    Raises:
        FlowError: a declaration is missing or cannot work; two flows share a name or a queue; a required
            flow or a folder is missing.
    """
    found = dict(_declarations(package))
    flows = {flow.name: flow for flow in found.values()}
    if len(flows) != len(found):
        raise FlowError(f"two flows of {package.__name__} have one name: {', '.join(sorted(f.name for f in found.values()))}")
    _check(flows)
    for folder, flow in found.items():
        _check_folders(flow, folder)
    _installed.clear()
    _installed.update(sorted(flows.items()))
    _folders.clear()
    _folders.update({flow.name: folder for folder, flow in found.items()})
    _forget()
    return tuple(_installed.values())


def installed() -> tuple[Flow, ...]:
    """Every flow, in the order of their names."""
    if not _installed:
        install(import_module(DEFAULT_PACKAGE))
    return tuple(_installed.values())


def resolve(reference: str) -> Any:
    """The part that `package.module:attribute` names.

    Raises:
        FlowError: there is none; the text says which flow names it.
    """
    try:
        return references.load(reference)
    except (ImportError, AttributeError) as error:
        users = ", ".join(sorted(flow.name for flow in _installed.values() if reference in flow.references())) or "nobody"
        raise FlowError(f"{reference!r} (named by {users}) cannot be imported: {error}") from error


def parts(kind: str) -> tuple[Any, ...]:
    """What all flows name in the field `kind` (`syncs`, `routers`, `privacy`, ...), imported, in the order of the flows."""
    return tuple(part for _flow, part in parts_by_flow(kind))


@cache
def parts_by_flow(kind: str) -> tuple[tuple[Flow, Any], ...]:
    """The same, each with its flow."""
    return tuple((flow, resolve(reference)) for flow in installed() for reference in _named(flow, kind))


@cache
def listeners(event: str) -> tuple[tuple[str, Any], ...]:
    """Who listens to an event: each flow's name with its function, in the order of the flows."""
    return tuple((flow.name, resolve(flow.listeners[event])) for flow in installed() if event in flow.listeners)


@cache
def handlers() -> dict[str, Any]:
    """The handlers of the events on `events-queue`, by the event's type."""
    return {kind: resolve(reference) for flow in installed() for kind, reference in flow.handlers.items()}


@cache
def answer_readers() -> dict[str, Any]:
    """The flows' own readers of answers, by their names."""
    return {name: resolve(reference) for flow in installed() for name, reference in flow.answer_readers.items()}


@cache
def target_policies() -> dict[str, Any]:
    """For each outside system that a flow brings: the function that returns its limits."""
    return {target: resolve(reference) for flow in installed() for target, reference in flow.targets.items()}


@cache
def senders() -> frozenset[str]:
    """Every system that sends events with an API key."""
    return frozenset(sender for flow in installed() for sender in (flow.senders or (flow.name,)))


@cache
def identity_kinds() -> dict[str, IdentityKind]:
    """Every kind of identity that a flow declares, by its name.

    Raises:
        FlowError: two flows declare one kind in different words.
    """
    found: dict[str, IdentityKind] = {}
    for flow in installed():
        for kind in flow.identities:
            if found.setdefault(kind.name, kind) != kind:
                raise FlowError(
                    f"flow {flow.name!r}: it declares the kind of identity {kind.name!r} otherwise than another flow"
                )
    return found


@cache
def kept_keys() -> frozenset[str]:
    """The types of the events whose keys outlive retention."""
    return frozenset(kind for flow in installed() for kind in flow.kept_keys)


def queues() -> frozenset[str]:
    """Every queue of the flows, those among them that events no longer go to."""
    return frozenset(queue for flow in installed() for queue in (*flow.queues, *flow.moved_queues))


def moved_queues() -> dict[str, str]:
    """The queues that events no longer go to, each with the name of the function that still handles them."""
    return {queue: function for flow in installed() for queue, function in flow.moved_queues.items()}


def owner(queue: str, kind: str | None = None) -> str | None:
    """The name of the flow that an event on a queue belongs to: by the event's type where flows share it, else the queue's."""
    by_type = (flow.name for flow in installed() if queue == EVENTS_QUEUE and kind in flow.handlers)
    by_queue = (flow.name for flow in installed() if queue in (*flow.queues, *flow.moved_queues))
    return next(by_type, None) or next(by_queue, None)


def jobs(rhythm: Rhythm) -> tuple[tuple[str, Job], ...]:
    """The jobs of that rhythm, each with the name of its flow."""
    return tuple((flow.name, job) for flow in installed() for job in flow.jobs if job.rhythm is rhythm)


def load_tables() -> None:
    """Import every module of tables, so that `Base.metadata` holds all of them. Importing again is free."""
    for flow in installed():
        for module in flow.tables:
            import_module(module)


def folders(kind: str) -> tuple[Path, ...]:
    """The folders `journeys`, `templates` or `pages` of the flows that have them, in the order of the flows."""
    return tuple(folders_by_flow(kind).values())


def folders_by_flow(kind: str) -> dict[str, Path]:
    """The same, by the names of the flows."""
    return {flow.name: _folders[flow.name] / kind for flow in installed() if getattr(flow, f"has_{kind}")}


def _declarations(package: ModuleType) -> Iterator[tuple[Path, Flow]]:
    """Each flow with its folder; a page's is one of the page's own name, which need not exist."""
    for module in pkgutil.iter_modules(package.__path__):
        name = f"{package.__name__}.{module.name}" + (".flow" if module.ispkg else "")
        try:
            declared = getattr(import_module(name), DECLARATION, None)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            declared = None
        if not isinstance(declared, Flow):
            where = f"{name.replace('.', '/')}.py"
            raise FlowError(f"{where} declares no flow; write `FLOW = Flow(...)` there (see `shared.flow`)")
        yield Path(package.__path__[0]) / module.name, declared


def _check(flows: dict[str, Flow]) -> None:
    owners: dict[str, str] = {}
    for flow in flows.values():
        for missing in sorted(set(flow.requires) - flows.keys()):
            raise FlowError(
                f"flow {flow.name!r} requires the flow {missing!r}, which is not installed: remove both, or neither"
            )
        for queue in (*flow.queues, *flow.moved_queues):
            if (other := owners.setdefault(queue, flow.name)) != flow.name:
                raise FlowError(f"flows {other!r} and {flow.name!r} both declare the queue {queue!r}; one of them owns it")
    events = {event for flow in flows.values() for event in flow.events}
    for flow in flows.values():
        for event in sorted(flow.listeners.keys() - events - flow.optional_events):
            raise FlowError(
                f"flow {flow.name!r} listens to {event!r}, which no flow has in its `events`: {', '.join(sorted(events))}"
            )


def _check_folders(flow: Flow, beside: Path) -> None:
    for kind in FOLDERS:
        is_there, is_declared = (beside / kind).is_dir(), getattr(flow, f"has_{kind}")
        if is_there and not is_declared:
            raise FlowError(
                f"flow {flow.name!r} has a folder `{kind}/`, which nobody reads: say `has_{kind}=True`, or delete it"
            )
        if is_declared and not is_there:
            raise FlowError(f"flow {flow.name!r} says `has_{kind}`, and there is no folder {beside / kind}")


def _named(flow: Flow, kind: str) -> tuple[str, ...]:
    value = getattr(flow, kind)
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _forget() -> None:
    for cached in (identity_kinds, kept_keys, senders, parts_by_flow, listeners, answer_readers, handlers, target_policies):
        cached.cache_clear()
