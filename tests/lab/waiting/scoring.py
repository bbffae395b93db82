"""The places of functions/scoring that lock rows, and how somebody comes by them."""

from functions.scoring import services as scoring_services
from functions.scoring.score import Scored
from functions.scoring.tables import ScoredLead
from shared import clock
from shared.store.types import key_of
from tests.lab.rows import Wait, one

SCORED = Scored(score=20, priority="low", email=None, errors=())


WAITS = {
    "functions.scoring.services:_locked_row": Wait(
        ScoredLead,
        one(ScoredLead, key=key_of("manychat", "1"), source="manychat", ext_id="1"),
        lambda session: scoring_services._locked_row(session, "1", SCORED, clock.now()),
    ),
}
