"""What a flow declares about itself, once. Everything else that must know of a flow is derived from its declaration.

A page `functions/<name>.py` or a folder `functions/<name>/` (then in its `flow.py`) holds one `FLOW = Flow(...)`;
`shared.flows` finds it. Parts are named as strings, `"package.module:attribute"` or `"package.module"`, and imported when they
are first used: so a declaration costs nothing at start, and the webhooks of one flow never wait for the tables of another.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from shared.errors import ConfigurationError
from shared.references import is_reference

EVENTS_QUEUE = "events-queue"
"""The queue of flows that have none of their own."""

_NAME = re.compile(r"[a-z][a-z0-9-]{1,39}")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class FlowError(ConfigurationError):
    """A declaration that cannot work. The text names the flow and says what to add or to change."""


class Rhythm(StrEnum):
    """How often the engine's timers run a job."""

    HALF_MINUTE = "half-minute"  # DISPATCH_SCHEDULE
    MINUTE = "minute"  # WATCH_SCHEDULE
    FIVE_MINUTES = "five-minutes"  # RETRY_ERRORED_SCHEDULE
    NIGHT = "night"  # RETENTION_SCHEDULE


@dataclass(frozen=True, kw_only=True)
class Job:
    """Work that a flow wants done by the clock; a few timers of the engine run it, not a timer of its own.

    `run` names a function without arguments. It returns how much it did, which is logged where it is not 0. It must bear to be
    run twice, and to die in the middle: timers run again after a crash. What it raises stops no other job.
    """

    name: str
    rhythm: Rhythm
    run: str


@dataclass(frozen=True, kw_only=True)
class IdentityKind:
    """By what a flow's system knows people, such as `manychat` or `email`; `title` is for people.

    An `exclusive` kind keeps people apart: its system has one id for a person, so two ids are two people, unless the system
    (or an operator) says that they are the same. `read` names a function that gives the value's one spelling, or raises
    ValueError where it is none; without it the value is trimmed. Two flows may declare one kind, in the same words.

    `is_address`: messages go to it. A person's name is `<kind>:<value>`; with `names_alone` the value by itself as well.
    """

    name: str
    title: str
    exclusive: bool = False
    read: str | None = None
    is_address: bool = False
    names_alone: bool = False


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)  # to compare or show fifty fields takes a millisecond to set up
class Flow:
    """One flow: what it is for people, and where its parts are.

    `about` is one paragraph for people. `functions` names its blueprints. An `optional` flow may be deleted with its folder;
    `requires` names the flows whose parts it imports, which then must be there.

    `tables` names modules of tables. Each of their tables must be covered by `privacy`, or be listed in `impersonal_tables`.
    `privacy` names a `shared.privacy.holdings.PersonalData`: which rows are a person's, and what erasing does with them.

    `timeline` names further sources of a person's timeline (`shared.crm.timeline.Source`), `retention` names rules for what is
    removed after a time (a mapping of names to `shared.retention_rules.Rule`). `kept` says of each table that has no rule why
    its rows stay.

    `syncs` and `effects` name what is done to outside systems (`Action`, or an object with an `action`), `targets` the
    limits of a system that the flow alone uses (a function that returns a `TargetPolicy`), `clients` the clients of systems.
    `comparisons` maps the name of an outside system to the function that holds our record against it
    (`shared.crm.reconciliations.Comparison`).
    `events` are the events that its code calls listeners for, `listeners` maps an event to the function that is called for it,
    in the transaction of whoever calls; `optional_events` are those of flows that may have been deleted. Flows meet by events;
    they import each other only where `requires` says so.
    `answer_readers` maps the name of a reader of answers to questions to its function (`shared.journeys.talks.answers.Reader`),
    for what the shared ones do not read.
    `settings` names a `SettingsGroup`. `has_journeys` and `has_templates`: the folders `journeys/` and `templates/` beside it.
    `has_pages`: the folder `pages/` with templates of the console and the translations of what it shows, its own
    title and description and the meanings of its settings among them;
    `console` names what stands in the console's navigation (`shared.console.navigation.Entry`),
    `records` the lists of rows that it shows (`shared.console.records.Records`),
    `waiting` what waits for a person (functions from a session to `shared.console.waiting.Waiting`), `figures` what reports
    count of a day (`shared.watch.day_figures.Source`).
    `senders` are the systems that send events with an API key, the first part of their webhooks' names; without any it is the
    flow's own name. Each has a scope, `webhook:<sender>`.
    `queues` are the queues whose messages its functions handle. A flow without one shares `events-queue`, and `handlers` maps
    the types of its events to their handlers. `moved_queues` names queues that its events no longer go to, each with the
    function that handled them, which is kept for what still lies there. Seven days after the deployment nothing can, and the
    line goes. `kept_keys` are the types of those events whose senders sign no time: a copy of a request is genuine for ever,
    so that retention keeps the event's key when it removes the event. `stand_ins` name
    what the sandbox puts in the place of the systems that it talks to (`sandbox.vendor.Vendor`), on one machine only.

    `by_hand` names a mapping of ids to webhooks: what may be started by hand, with inputs in place of a webhook's body; or to
    a `shared.intake.by_hand.Synchronous`, which answers at once.
    `secret_inputs` are names of such inputs that are never taken, in lower case, beside those that look like a secret
    (`shared.intake.by_hand`).

    `plans` maps the name of a kind of plan to what says its units (`shared.plans.kinds.PlanKind`): a change to many is
    worked out and shown before it is carried out.

    `logs` maps the name of a replaced system's log to the function that reads it for the comparison of shadow mode
    (`shared.shadow.acts.Reader`).

    `identities` are the kinds by which its systems know people (`shared.people`); `people` names the tables whose rows tell of
    them (`shared.people.backfill.Source`), so that those that were stored before are taken in as well.
    """

    name: str
    title: str
    about: str
    functions: tuple[str, ...]
    optional: bool = True
    requires: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    routers: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    impersonal_tables: frozenset[str] = frozenset()
    privacy: str | None = None
    timeline: tuple[str, ...] = ()
    retention: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    syncs: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    targets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    comparisons: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    events: tuple[str, ...] = ()
    optional_events: frozenset[str] = frozenset()
    listeners: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    answer_readers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    handlers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    moved_queues: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    clients: tuple[str, ...] = ()
    settings: str | None = None
    has_journeys: bool = False
    has_templates: bool = False
    has_pages: bool = False
    console: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    kept_keys: frozenset[str] = frozenset()
    stand_ins: tuple[str, ...] = ()
    jobs: tuple[Job, ...] = ()
    by_hand: str | None = None
    secret_inputs: frozenset[str] = frozenset()
    identities: tuple[IdentityKind, ...] = ()
    people: tuple[str, ...] = ()
    importers: tuple[str, ...] = ()
    plans: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    logs: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        """Refuse what cannot work. Raises FlowError."""
        if not _NAME.fullmatch(self.name):
            raise FlowError(f"flow {self.name!r}: its name is to be 2 to 40 lower-case letters, digits and hyphens")
        for missing in (name for name in ("title", "about") if not getattr(self, name).strip()):
            raise FlowError(f"flow {self.name!r}: it has no {missing}; say in `{missing}` what it is, for people")
        self._check_references()
        self._check_tables()
        self._check_outside()
        self._check_pages()

    def references(self) -> tuple[str, ...]:
        """Every `module:attribute` that the declaration names."""
        single = (name for name in (self.privacy, self.settings, self.by_hand) if name is not None)
        several = (
            *self.functions,
            *self.routers,
            *self.timeline,
            *self.retention,
            *self.syncs,
            *self.effects,
            *self.clients,
            *self.people,
            *self.importers,
            *self.stand_ins,
            *self.console,
            *self.records,
            *self.waiting,
            *self.figures,
        )
        named = (self.targets, self.comparisons, self.logs, self.listeners, self.answer_readers, self.handlers, self.plans)
        mapped = (*(part for each in named for part in each.values()), *(job.run for job in self.jobs))
        readers = (kind.read for kind in self.identities if kind.read is not None)
        return (*single, *several, *mapped, *readers)

    def _check_references(self) -> None:
        for reference in self.references():
            if not is_reference(reference):
                raise FlowError(f"flow {self.name!r}: {reference!r} names no part; write `package.module:attribute`")
        for module in self.tables:
            if not _MODULE.fullmatch(module):
                raise FlowError(f"flow {self.name!r}: {module!r} names no module of tables; write `package.module`")

    def _check_tables(self) -> None:
        if self.tables and self.privacy is None and not self.impersonal_tables:
            raise FlowError(
                f"flow {self.name!r}: it has tables, so say in `privacy` which of their rows are a person's and what erasing "
                "does with them, or list in `impersonal_tables` those that hold nothing of a person"
            )

    def _check_outside(self) -> None:
        if (self.syncs or self.effects) and not (self.clients or self.requires or not self.optional):
            raise FlowError(
                f"flow {self.name!r}: it changes outside systems, so name their clients in `clients`: the health report asks "
                "them, and the lease of a delivery is held against how long their calls may take"
            )

    def _check_pages(self) -> None:
        if self.optional and (self.console or self.records or self.waiting) and not self.has_pages:
            raise FlowError(
                f"flow {self.name!r}: what it shows in the console has texts, so say `has_pages=True`: their translations "
                "stand in its folder `pages/`, such as `pages/es.po`, which `python -m local.words` fills"
            )
