"""The places of shared/intake that lock rows, and how somebody comes by them."""

from shared.intake import dead_letter_store, holding
from shared.store.flow_models import FlowHold
from shared.store.models import DeadLetter
from tests.lab.rows import Wait, one

WAITS = {
    "shared.intake.holding:_HOLD": Wait(
        FlowHold, one(FlowHold, flow="contacts"), lambda session: holding.lock(session, "contacts"), held="contacts"
    ),
    "shared.intake.dead_letter_store:_note_replay": Wait(
        DeadLetter, one(DeadLetter), lambda session: dead_letter_store._note_replay(session, 1, "a")
    ),
}
