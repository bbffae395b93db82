"""What people do to a flow as a whole: have its events wait, and end that."""

from datetime import datetime

from sqlalchemy.orm import Session

from shared import clock, flows
from shared.errors import FieldError, RefusedError
from shared.intake import holding
from shared.intake.endpoint import routes_by_flow
from shared.store.dialect import insert_if_absent
from shared.store.flow_models import FlowHold, FlowPause
from shared.store.models import ActionLog
from shared.store.session import transact


def takes_events(flow: str) -> bool:
    """Whether a flow has events that could wait."""
    return bool(routes_by_flow().get(flow))


def pause(flow: str, actor: str, until: datetime | None, note: str | None) -> FlowPause:
    """Have a flow's events wait, until a time or until somebody resumes it. One that is paused already is paused anew.

    What it has applied goes on: deliveries, journeys and timers have pauses of their own.

    Raises:
        RefusedError: 404, there is no such flow; 409, it takes no events; 422, `until` is not in the future.
        UnavailableError: the database cannot be reached; nothing was changed.
    """
    check(flow)
    if until is not None and until <= clock.now():
        fault = FieldError("until", "must be in the future")
        raise RefusedError(422, "invalid-fields", "The request has values that are not as they must be.", errors=[fault])

    def work(session: Session) -> FlowPause:
        made = FlowPause(flow=flow, paused_by=actor[:60], until=until, note=note)
        session.add(made)
        session.flush()
        if not insert_if_absent(session, FlowHold, "flow", {"flow": flow, "pause_id": made.id, "until": until}):
            hold = holding.lock(session, flow)
            if hold is None:  # it ended at this moment
                insert_if_absent(session, FlowHold, "flow", {"flow": flow, "pause_id": made.id, "until": until})
            else:
                end_pause(session, hold, actor).drained_at = clock.now()  # what waited waits for the end of this one
                hold.pause_id, hold.until, hold.resumed_at = made.id, until, None
        _log(session, flow, actor, "pause", note)
        return made

    made = transact(work)
    holding.forget()
    return made


def end(flow: str, actor: str) -> FlowPause:
    """End the pause of a flow now. Its events still wait, until `shared.intake.releasing` has handled them.

    Raises:
        RefusedError: 404, there is no such flow; 409, it is not paused.
        UnavailableError: the database cannot be reached; nothing was changed.
    """
    check(flow)

    def work(session: Session) -> FlowPause:
        hold = holding.lock(session, flow)
        if hold is None or not hold.is_paused:
            raise RefusedError(409, "not-paused", f"The flow {flow} is not paused.")
        ended = end_pause(session, hold, actor)
        hold.resumed_at = clock.now()
        _log(session, flow, actor, "resume", f"{holding.waiting(session, flow)[0]} events had waited")
        return ended

    return transact(work)


def check(flow: str) -> None:
    """Nothing where a flow can be paused.

    Raises:
        RefusedError: 404, there is no such flow; 409, it takes no events.
    """
    if flow not in {one.name for one in flows.installed()}:
        raise RefusedError(404, "no-such-flow", "There is no flow of that name.")
    if not takes_events(flow):
        raise RefusedError(409, "no-events", f"The flow {flow} takes no events, so none can wait.")


def end_pause(session: Session, hold: FlowHold, actor: str) -> FlowPause:
    """Note who ended the pause of a hold, unless it was over by itself; the hold is locked."""
    ended = session.get_one(FlowPause, hold.pause_id)
    if hold.is_paused:
        ended.ended_at, ended.ended_by = clock.now(), actor[:60]
    return ended


def _log(session: Session, flow: str, actor: str, what: str, detail: str | None) -> None:
    session.add(ActionLog(actor=actor[:60], action=f"flow.{flow}.{what}", result=f"{what}d", detail=detail))
