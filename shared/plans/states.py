"""The states of a plan, and what it counts."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.outbox.actions import Kind
from shared.plans.kinds import CREATE, NONE, STOP, UPDATE, Going
from shared.plans.trying import TriedUnit
from shared.store.plan_models import Plan

MAKING: Final = "making"  # it is worked out
READY: Final = "ready"  # somebody may approve it
WAITING: Final = "waiting"  # approved by one, and a second person is asked
CARRYING: Final = "carrying"
DONE: Final = "done"
REPLACED: Final = "replaced"  # another plan was made in its place: `next_id`
DROPPED: Final = "dropped"  # by a person, or the second person said no
FAILED: Final = "failed"

AT_WORK = (MAKING, CARRYING)
OPEN = (MAKING, READY, WAITING, CARRYING)

# Of a part.
PLANNED: Final = "planned"
PART_DONE: Final = "done"
DIFFERS: Final = "differs"  # it would do something else now, so it was left alone

WHATS = (CREATE, UPDATE, NONE, STOP)
PARTS, WEIGHT, MESSAGES, DELIVERIES = "parts", "weight", "messages", "deliveries"
PEOPLE: Final = "people"  # written to in consequence, later on
SECOND: Final = "second"  # parts that need a second person whatever they touch


def changes(plan: Plan) -> int:
    """How many parts change something."""
    return plan.figures.get(CREATE, 0) + plan.figures.get(UPDATE, 0)


def counted(figures: Mapping[str, int], tried: Iterable[TriedUnit]) -> dict[str, int]:
    """The figures with those of more units. A delivery that several units share counts for each of them."""
    found = {name: figures.get(name, 0) for name in (*WHATS, PARTS, WEIGHT, MESSAGES, DELIVERIES, PEOPLE, SECOND)}
    for one in (step for unit in tried for step in unit.steps):
        found[one.what] += 1
        found[PARTS] += 1
        found[WEIGHT] += one.weight if one.what in (CREATE, UPDATE) else 0
        found[PEOPLE] += one.people
        found[SECOND] += one.needs_second
        found[DELIVERIES] += len(one.caused)
        found[MESSAGES] += sum(going.kind == Kind.MESSAGE and going.state != "cancelled" for going in one.caused)
    return found


def gone_out(goings: Mapping[str, Any], tried: Iterable[TriedUnit]) -> dict[str, Any]:
    """The deliveries by what they are, with those of more units: how many, of how many units, and when the first is due."""
    found = {name: list(values) for name, values in goings.items()}
    for unit in tried:
        kinds = set()
        for one in (going for step in unit.steps for going in step.caused):
            name = _name(one)
            number, units, first = found.get(name, [0, 0, one.due_at])
            found[name] = [number + 1, units + (name not in kinds), min(first, one.due_at)]
            kinds.add(name)
    return found


def _name(one: Going) -> str:
    template = f"{one.template or ''}{f'@{one.version}' if one.version else ''}"
    return "|".join((one.target, one.action, one.kind, template, "cancelled" if one.state == "cancelled" else ""))
