"""What a coordination does outside, each once: start the process, start the robot, report its result, cancel, undo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from functions.coordinations import flowable, robots
from functions.coordinations.settings import CoordinationSettings
from shared.outbox.one_time_effect import OneTimeEffect
from shared.outbox.record_sync import RecordSync
from shared.settings import settings_of

if TYPE_CHECKING:
    from functions.coordinations.tables import Coordination

RESULT = ("execution_id", "robot_answer")


def _start(row: Coordination) -> dict[str, Any]:
    """Start the process; not before the robot could be started as well. Raises as `flowable.start`."""
    robots.require()
    return flowable.start(row)


def _robot(row: Coordination) -> dict[str, Any]:
    """In shadow mode: what the robot would be given, without the callback's token."""
    return {"bot": row.bot, "payload": row.payload, "business_key": row.business_key}


def _looked(result: Mapping[str, Any], _is_final: bool) -> dict[str, Any]:  # noqa: FBT001  # as RecordSync calls it
    since = result["item_ended_at"]
    return {"item_state": result["item_state"], "item_ended_at": datetime.fromisoformat(since) if since else None}


START = OneTimeEffect(
    target=flowable.TARGET,
    name="start",
    table="functions.coordinations.tables:Coordination",
    subject_prefix="coordination:",
    do=_start,
    keep=("process_id", "definition_id"),
    then="functions.coordinations.services:process_started",
    failed="functions.coordinations.services:process_not_started",
    harmless_to_repeat=True,
    describe=flowable.request_of,
)
REPORT = replace(
    START,
    name="report",
    do=flowable.report,
    keep=(),
    then="functions.coordinations.services:reported",
    failed="functions.coordinations.services:not_reported",
    describe=None,
)
CANCEL = replace(
    REPORT,
    name="cancel",
    do=flowable.cancel,
    then="functions.coordinations.services:cancelled",
    failed="functions.coordinations.services:not_cancelled",
)
RUN = OneTimeEffect(
    target=robots.TARGET,
    name="run",
    table="functions.coordinations.tables:Coordination",
    subject_prefix="coordination:",
    do=robots.run,
    keep=RESULT,
    then="functions.coordinations.services:robot_started",
    failed="functions.coordinations.services:robot_not_started",
    describe=_robot,
)
RUN_AGAIN = replace(RUN, name="run-again", harmless_to_repeat=True)
"""Where what stands at the address runs a robot once for a number of ours, however often it is asked."""

PUSH = replace(
    RUN,
    target=robots.QUEUE_TARGET,
    name="push",
    do=robots.push,
    look_up=robots.find_item,
)
UNDO = replace(
    RUN,
    name="undo",
    do=robots.undo,
    keep=(),
    then="functions.coordinations.services:undone",
    failed="functions.coordinations.services:not_undone",
)
PUSH_UNDO = replace(UNDO, target=robots.QUEUE_TARGET, do=robots.push_undo, look_up=robots.find_undo)
ITEM = RecordSync(
    target=robots.QUEUE_TARGET,
    name="item",
    table=START.table,
    subject_prefix=START.subject_prefix,
    prefix="item",
    put="functions.coordinations.items:look",
    keep=_looked,
    overdue="functions.coordinations.items:to_look",
    is_used=robots.can_ask,
    describe=lambda row: {"business_key": row.business_key},
)
"""The state of a run's work item, which is read while its robot is waited for."""


def undoing() -> OneTimeEffect:
    """How the robot that undoes is started by the settings."""
    return PUSH_UNDO if settings_of(CoordinationSettings).coordinations_robot_by == "queue" else UNDO


def start_of_robot() -> OneTimeEffect:
    """How robots are started by the settings."""
    settings = settings_of(CoordinationSettings)
    if settings.coordinations_robot_by == "queue":
        return PUSH
    return RUN_AGAIN if settings.openrpa_ignores_repeats else RUN
