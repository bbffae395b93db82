"""What the outbox carries out, in the test's hand: answers as it likes. Outside systems themselves are the sandbox's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select

from shared.errors import PuenteError
from shared.outbox import actions
from shared.outbox.actions import Action, Claimed, Done, Kind, Later, Outcome
from shared.outbox.policy import TargetPolicy
from shared.store.models import Opportunity
from shared.store.session import get_engine, reading


@dataclass
class LeadSync:
    """Carries out the app's sync of leads: reads our record at the moment of the call, notes it, and fails as it is told."""

    leads: dict[str, int | None] = field(default_factory=dict)
    calls: list[list[str]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    down: PuenteError | None = None
    bad: dict[str, PuenteError] = field(default_factory=dict)
    during: Callable[[], None] | None = None

    def execute(self, deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
        """One call for the batch."""
        assert not get_engine().pool.checkedout(), "a vendor is called while a transaction is open (law 4)"
        subjects = [delivery.subject for delivery in deliveries]
        self.calls.append(subjects)
        with reading() as session:
            rows = session.scalars(select(Opportunity).where(Opportunity.manychat_id.in_(subjects))).all()
            stages = {row.manychat_id: row.stage_id for row in rows}
        if self.during:
            deed, self.during = self.during, None
            deed()
        if self.down:
            raise self.down
        if self.failures:
            raise self.failures.pop(0)
        return {delivery.id: self._one(delivery, stages) for delivery in deliveries}

    def _one(self, delivery: Claimed, stages: dict[str, int | None]) -> Outcome:
        if delivery.subject in self.bad:
            return self.bad[delivery.subject]
        self.leads[delivery.subject] = stages[delivery.subject]
        return Done({"odoo_id": 1000 + len(self.leads), "linked": True})


@dataclass
class Postman:
    """A vendor of messages to people. `sent` is what really went out, with its idempotency key."""

    sent: list[tuple[str, Any]] = field(default_factory=list)
    answers: list[Outcome | Exception] = field(default_factory=list)
    unwanted: str | Later | None = None
    arrived: set[str] = field(default_factory=set)
    idempotent: bool = False

    def execute(self, deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
        """One message for each delivery; `answers` are consumed in order, an exception is raised after sending."""
        outcomes: dict[int, Outcome] = {}
        for delivery in deliveries:
            if not (self.idempotent and delivery.key in self.arrived):
                self.sent.append((delivery.subject, delivery.payload))
            self.arrived.add(delivery.key)
            answer = self.answers.pop(0) if self.answers else Done({"sid": f"SM{delivery.id}"})
            if isinstance(answer, Exception) and not isinstance(answer, PuenteError):
                raise answer
            outcomes[delivery.id] = answer  # type: ignore[assignment]
        return outcomes

    def look_up(self, delivery: Claimed) -> Done | None:
        """Whether it arrived."""
        return Done({"found": True}) if delivery.key in self.arrived else None


@contextmanager
def registered(action: Action, policy: TargetPolicy | None = None) -> Iterator[Action]:
    """Put `action` in the register for the length of a test."""
    held, held_policies = dict(actions._actions), dict(actions._policies)
    actions.register(action)
    if policy is not None:
        actions.register_target(action.target, lambda: policy)
    try:
        yield action
    finally:
        actions._actions.clear()
        actions._actions.update(held)
        actions._policies.clear()
        actions._policies.update(held_policies)


@contextmanager
def lead_sync() -> Iterator[LeadSync]:
    """The opportunity sync of the app, carried out by a `LeadSync`."""
    from shared.crm.odoo_sync import OPPORTUNITY

    odoo = LeadSync()
    with registered(replace(OPPORTUNITY, execute=odoo.execute)):
        yield odoo


@contextmanager
def postman(**more: Any) -> Iterator[tuple[Postman, Action]]:
    """A message action on the target `post`."""
    person = Postman()
    values: dict[str, Any] = {"unwanted": lambda _session, _delivery: person.unwanted} | more
    action = Action(target="post", name="letter", kind=Kind.MESSAGE, execute=person.execute, look_up=person.look_up, **values)
    with registered(action, TargetPolicy(batches_per_second=1000)):
        yield person, action
