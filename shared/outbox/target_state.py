"""What the outcomes of a batch say of the outside system as a whole: its circuit, its pace, its refusal of our account."""

from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from shared.errors import DeferredError, PermanentError, RetryableError, ThrottledError, UnavailableError, UncertainError
from shared.outbox import actions, circuit, outages
from shared.outbox.actions import Action, Done, Outcome, Shadowed, Skip
from shared.outbox.circuit import CLOSED
from shared.outbox.transitions import is_silence
from shared.store.models import Target


def judge(session: Session, target: Target, action: Action, outcomes: Mapping[int, Outcome], *, charge: bool) -> None:
    """Note in the target's row, which is locked, what the outcomes of a batch say of the whole system."""
    if charge:
        target.failures += 1  # until another call is answered, no further silence is charged to a record
    else:
        # What was not called says nothing of the system.
        _judge(session, target, action, [one for one in outcomes.values() if not isinstance(one, DeferredError | Shadowed)])
    _report_refused_account(session, target, outcomes.values())


def says_nothing_new(target: Target | None, outcomes: Iterable[Outcome]) -> bool:
    """Whether a batch was answered as ever, so that there is nothing to note in the target's row."""
    is_well = target is not None and not (target.failures or target.last_error or target.outage_id) and target.circuit == CLOSED
    return is_well and all(isinstance(one, Done | Skip | PermanentError | DeferredError) for one in outcomes)


def _report_refused_account(session: Session, target: Target, outcomes: Iterable[Outcome]) -> None:
    """Notify the listeners of `account.refused` where the system refuses our account, which only a person can mend."""
    refused = next((one for one in outcomes if isinstance(one, UnavailableError) and one.account), None)
    if refused is not None:
        actions.refused_account(session, target.name, refused)


def _judge(session: Session, target: Target, action: Action, outcomes: list[Outcome]) -> None:
    """Update the target's circuit from the outcomes of a batch: any answer at all means that the system is up."""
    throttles = [outcome for outcome in outcomes if isinstance(outcome, ThrottledError)]
    failures = [one for one in outcomes if isinstance(one, UnavailableError | UncertainError) or is_silence(action, one)]
    if throttles:
        circuit.throttled(target, max((error.after_seconds or 0 for error in throttles), default=0) or None)
    elif failures and len(failures) == len(outcomes):
        circuit.failed(target, actions.policy(target.name), str(failures[0]))
        if named := max((one.after_seconds or 0 for one in failures if isinstance(one, RetryableError)), default=0):
            circuit.throttled(target, named)  # Retry-After of a system that is down for a while
    elif outcomes:
        circuit.succeeded(target, action.batch_size())
    if not throttles and outcomes:
        outages.follow(session, target)
