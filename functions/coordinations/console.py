"""What the console shows of coordinations."""

from functions.coordinations.tables import (
    APPROVAL,
    COMPENSATING,
    DONE,
    FAILED,
    REPORTING,
    STARTING,
    TRIGGERING,
    WAITING,
    Coordination,
)
from shared.console.records import Field, Records
from shared.console.words import mark

COORDINATIONS = Records(
    name="coordinations",
    title=mark("Coordinations"),
    about=mark("A process in Flowable and the robot that does a part of it."),
    model=Coordination,
    name_of=lambda row: row.business_key,
    fields=(
        Field(title=mark("State"), value=lambda row: row.state),
        Field(title=mark("Process"), value=lambda row: row.process_key),
        Field(title=mark("Robot"), value=lambda row: row.bot),
        Field(title=mark("Waits until"), value=lambda row: row.wait_until),
    ),
    state="state",
    states=(STARTING, APPROVAL, TRIGGERING, WAITING, REPORTING, COMPENSATING, DONE, FAILED),
    words=("business_key", "process_id", "execution_id"),
    subject=lambda row: f"coordination:{row.id}",
    is_bad=lambda row: row.state == FAILED or row.escalated_at is not None,
)
