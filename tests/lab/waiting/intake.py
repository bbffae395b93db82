"""The places of shared/intake that lock rows, and how somebody comes by them."""

from shared.intake import dead_letter_store
from shared.store.models import DeadLetter
from tests.lab.rows import Wait, one

WAITS = {
    "shared.intake.dead_letter_store:_note_replay": Wait(
        DeadLetter, one(DeadLetter), lambda session: dead_letter_store._note_replay(session, 1, "a")
    ),
}
