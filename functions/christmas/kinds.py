"""The four sequences: the journey that sends each, the event that begins it, and what Notion calls it. Light."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SequenceKind:
    """`template_type` is Notion's other name of the type, for databases that were made for the older one."""

    type: str
    journey: str
    event: str
    template_type: str


FIVE_DAY = SequenceKind(type="5day", journey="assessment", event="assessment.completed", template_type="5-Day")
NO_SHOW = SequenceKind(type="noshow", journey="noshow", event="noshow.reported", template_type="No-Show Recovery")
POST_CALL = SequenceKind(type="postcall", journey="postcall", event="postcall.maybe", template_type="Post-Call Follow-Up")
ONBOARDING = SequenceKind(type="onboarding", journey="onboarding", event="onboarding.started", template_type="Onboarding")

KINDS = {kind.type: kind for kind in (FIVE_DAY, NO_SHOW, POST_CALL, ONBOARDING)}
JOURNEYS = frozenset(kind.journey for kind in KINDS.values())

# Stages a person reaches, by the events that journeys know them by.
BOOKED, PAID, NO_SHOW_TAKEN_BACK = "booking.created", "payment.received", "noshow.withdrawn"
MISSED = "booking.missed"
"""The stage of whoever stayed away from a meeting, as its calendar has it; our own form's is `NO_SHOW.event`."""
