"""Actions: the kinds of calls to outside systems. Flows declare them; the executor looks them up here.

Light on purpose: flow modules import it at start, so it imports neither SQL nor vendors.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from shared import flows
from shared.errors import PermanentError, PuenteError
from shared.flow import FlowError
from shared.outbox.policy import MESSAGE_POLICY, SYNC_POLICY, RetryPolicy, TargetPolicy

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class Kind(StrEnum):
    """The two kinds of delivery (design, section 2)."""

    SYNC = "sync"  # level-triggered: execution sends what SQL says then; changes coalesce
    MESSAGE = "message"  # once: never again unless it surely had no effect


class State(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"  # waits for its due time
    SENDING = "sending"  # somebody holds it; for a message: the call may be under way
    DONE = "done"  # took effect
    SKIPPED = "skipped"  # a message whose reason or time had gone
    UNCERTAIN = "uncertain"  # a message that may have taken effect; a person decides
    DEAD = "dead"  # failed for good; a person may retry it
    CANCELLED = "cancelled"  # taken back before it was begun
    SHADOWED = "shadowed"  # not carried out, because SHADOW covers its target; what would have been sent is its result


class AfterUnknown(StrEnum):
    """What may be done with a message whose outcome is unknown."""

    ASK_A_PERSON = "ask"  # nothing: it becomes uncertain
    SEND_AGAIN = "again"  # the vendor takes our idempotency key, so sending again is harmless
    LOOK_FIRST = "look"  # the action's `look_up` can ask the vendor whether it arrived


class Lane(StrEnum):
    """How urgent the deliveries of an action are, as its declaration says. Deliveries are not ordered by it."""

    TRANSACTIONAL = "transactional"  # somebody waits for it: an answer to what a person has just done
    BULK = "bulk"  # one of many at once: a broadcast, an import


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A claimed delivery, as its executor sees it. `key` is the same on every attempt: the idempotency key for the vendor."""

    id: int
    subject: str
    payload: Any
    attempt: int
    key: str
    unknown_before: bool = False
    created_at: datetime | None = None
    claimed_at: datetime | None = None
    traceparent: str | None = None
    event_key: str | None = None


@dataclass(frozen=True)
class Done:
    """It took effect; `result` is what is worth keeping of the vendor's answer (ids)."""

    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Shadowed(Done):
    """Not carried out, because SHADOW covers its target; `result` says what would have been sent (`shared.outbox.effects`).

    To whatever comes next it counts as done, so that what follows can be seen as well; but nothing is known of any answer.
    """


@dataclass(frozen=True)
class Skip:
    """Deliberately not sent, and why."""

    reason: str


@dataclass(frozen=True)
class Later:
    """Not now: at `due_at` it is asked again, and why (quiet hours, enough messages for today).

    `for_record`: it waits for a record that another delivery makes in the same outside system. In shadow mode none is made,
    so nothing waits for it.
    """

    due_at: datetime
    reason: str
    for_record: bool = False


type Outcome = Done | Skip | PuenteError
type Described = Mapping[str, Any] | Skip
type Execute = Callable[[Sequence[Claimed]], Mapping[int, Outcome]]


def _nothing(_session: "Session", _delivery: Claimed, _outcome: Outcome, _final: bool) -> None:  # noqa: FBT001
    return None


def _nothing_held(_session: "Session", _subjects: Sequence[str]) -> None:
    return None


def _nothing_again(_session: "Session", _subject: str) -> None:
    return None


def _payload(delivery: Claimed) -> Mapping[str, Any]:
    return delivery.payload if isinstance(delivery.payload, Mapping) else {}


def _still_wanted(_session: "Session", _delivery: Claimed) -> str | Later | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Action:
    """One kind of effect on one target.

    `execute` gets a batch and answers for each delivery id; an id without an answer, or an error of the whole call, counts as
    failed (a sync) or unknown (a message). It runs outside any transaction. `after` keeps our own rows true to the outcome, in
    the transaction that records it; its last argument says whether the delivery is finished. `unwanted` is asked just before
    a message is sent: a reason not to send it any more, or None. `asked_again` keeps our own rows true when a person has it
    retried; it is told the subject. `hold` locks the rows that `after` will change, before the deliveries are locked: in the
    order in which a flow locks them, so that neither waits for the other. `key_recurs`: what causes a message may happen again
    at any time with the same dedupe key, so that retention keeps the key when it removes the message.
    `describe` says what carrying out a delivery would send, as fields and their values; it may read from an outside system and
    changes nothing. It raises what `execute` would have found out before any call. Unless given, it is the payload.
    `redirected` makes of a message's payload one that goes to the address or number of whoever tries a flow; None where they
    have given none for its channel (`shared.outbox.trials`).
    `is_inside`: it calls no outside system, so that shadow mode lets it be.
    `at_once`: above 1 each delivery of a batch is a call of its own, so many of them are under way at once, and each takes a
    turn in the target's pace; else a batch is one call.
    `part` says by which part of the target a payload goes, where each part has a pace of its own (`shared.outbox.parts`).
    """

    target: str
    name: str
    kind: Kind
    execute: Execute
    retry: RetryPolicy = SYNC_POLICY
    batch_size: Callable[[], int] = lambda: 1
    after: Callable[["Session", Claimed, Outcome, bool], None] = _nothing
    hold: Callable[["Session", Sequence[str]], None] = _nothing_held
    asked_again: Callable[["Session", str], None] = _nothing_again
    unwanted: Callable[["Session", Claimed], str | Later | None] = _still_wanted
    after_unknown: AfterUnknown = AfterUnknown.ASK_A_PERSON
    look_up: Callable[[Claimed], Done | None] | None = None
    describe: Callable[[Claimed], "Described"] = _payload
    redirected: Callable[[Mapping[str, Any], str | None, str | None], Mapping[str, Any] | None] | None = None
    is_inside: bool = False
    lane: Lane = Lane.TRANSACTIONAL
    key_recurs: bool = True
    at_once: int = 1
    part: Callable[[Any], str] | None = None


_actions: dict[tuple[str, str], Action] = {}
_policies: dict[str, Callable[[], TargetPolicy]] = {}


def register_target(name: str, policy: Callable[[], TargetPolicy]) -> None:
    """Make a target known, with its limits (asked each time, so that settings count)."""
    _policies[name] = policy


def register(action: Action) -> Action:
    """Make an action known that no flow declares. Registering the same name again replaces it."""
    _actions[action.target, action.name] = action
    return action


def message(target: str, name: str, execute: Execute, **more: Any) -> Action:
    """A once-only message with the policy for messages."""
    return Action(target=target, name=name, kind=Kind.MESSAGE, execute=execute, **({"retry": MESSAGE_POLICY} | more))


def action(target: str, name: str) -> Action:
    """The action of that name.

    Raises:
        PermanentError: `unknown-action`; the code that planned the delivery is no longer deployed.
    """
    try:
        return known()[target, name]
    except KeyError:
        raise PermanentError("unknown-action", f"nothing deployed can do {target}.{name}") from None


def find(target: str, name: str) -> Action | PermanentError:
    """The action of that name, or why there is none."""
    try:
        return action(target, name)
    except PermanentError as error:
        return error


def known() -> dict[tuple[str, str], Action]:
    """Every action, by target and name: those that the flows declare, and those that were registered."""
    return _declared() | _actions


def targets() -> set[str]:
    """Every target that the deployed code can reach."""
    return {target for target, _name in known()} | set(flows.target_policies()) | set(_policies)


def require_clients() -> None:
    """Nothing where each target that calls somebody has a client of its name; shadow mode stops a client by that name.

    Raises:
        FlowError: a flow brings the limits of a target that none of the clients is named after.
    """
    served = {getattr(client, "target", "") or client.name.lower() for client in flows.parts("clients")}
    inside = {one.target for one in known().values() if one.is_inside}
    for target in sorted(flows.target_policies().keys() - served - inside):
        raise FlowError(
            f"the target {target!r} has no client of its name, so that shadow mode would not stop its calls: say "
            f"`RestClient(..., target={target!r})`, or call client and target alike; there are clients of {sorted(served)}"
        )


def policy(target: str) -> TargetPolicy:
    """The limits of a target; the default ones where nobody has set any."""
    return (_policies.get(target) or flows.target_policies().get(target, TargetPolicy))()


def _declared() -> dict[tuple[str, str], Action]:
    """What the flows declare as syncs and effects. A part is an action, several, or something that has one."""
    found: dict[tuple[str, str], Action] = {}
    for part in (*flows.parts("syncs"), *flows.parts("effects")):
        for one in part if isinstance(part, tuple) else (part,):
            made = one if isinstance(one, Action) else one.action
            found[made.target, made.name] = made
    return found


def refused_account(session: "Session", target: str, error: PuenteError) -> None:
    """Notify the listeners of `account.refused`, in the transaction that records that a system refuses our account."""
    for _flow, listener in flows.listeners("account.refused"):
        listener(session, target, error)
