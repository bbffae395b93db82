"""The host dies while it dead-letters events and while people replay them. Every event is applied once in the end."""

import http.client

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from shared.crm.stages import stage_key
from shared.store.models import DeadLetter, InboxEvent, StageMapping
from tests.crash import ledger
from tests.crash.load import NEW_STAGE, Load, make_load
from tests.crash.rig import QUIET_SECONDS, Rig, Senders
from tests.support.world import LOCAL_KEY

pytestmark = pytest.mark.slow

PARKING = "deadletter.after_send=kill:0.2"
REPLAYING = "deadletter.after_replay_sent=kill:0.2"


@pytest.mark.host
def test_killed_while_dead_lettering_and_replaying(rig: Rig, seed: int) -> None:
    """Events with an unknown stage are all parked; once the stage map has it, a replay applies each of them once."""
    load = make_load(seed, people=20, posts=120, unknown_stages=30)
    with Senders(rig.host, load.posts) as sending:
        rig.survive(sending, [PARKING] * 3)
        wait_until(lambda: sending.done and rig.is_quiet(sending.accepted), QUIET_SECONDS, pause=0.2)
    assert PARKING in rig.deaths
    check_parked(rig, load)
    rig.host.stop()
    teach_stage(rig)
    replay_everything(rig)
    wait_until(lambda: rig.is_quiet(sending.accepted) and not waiting(rig), QUIET_SECONDS, pause=0.2)
    rig.host.stop()
    ledger.check(rig, load, sending.accepted)


def check_parked(rig: Rig, load: Load) -> None:
    """Every event with the unknown stage has a dead letter that says so, and is not in the inbox."""
    with Session(rig.engine) as session:
        parked = set(session.scalars(select(DeadLetter.event_id).where(DeadLetter.reason == "unknown-stage")))
        assert parked.isdisjoint(session.scalars(select(InboxEvent.event_id)))
        subjects = set(session.scalars(select(DeadLetter.subject)))
    assert len(parked) == sum(not event.known for event in load.events)
    assert subjects == {event.manychat_id for event in load.events if not event.known}


def teach_stage(rig: Rig) -> None:
    """Put the new stage into the map, as a person would."""
    name, odoo_id = NEW_STAGE
    with Session(rig.engine) as session, session.begin():
        session.add(StageMapping(manychat_key=stage_key(name), manychat_name=name, odoo_stage_id=odoo_id, odoo_name=name))


def waiting(rig: Rig) -> list[int]:
    """Dead letters that are not resolved yet."""
    with Session(rig.engine) as session:
        return list(session.scalars(select(DeadLetter.id).where(DeadLetter.state != "resolved").order_by(DeadLetter.id)))


def replay_everything(rig: Rig) -> None:
    """Replay each letter over the API; a person whose request got no answer presses the button again."""
    rig.start(REPLAYING)
    rig.host.wait_until_running()
    for letter in waiting(rig):
        while not replayed(rig, letter):
            wait_until(rig.is_dead)
            rig.note_death(REPLAYING)
            rig.start(REPLAYING if rig.deaths.count(REPLAYING) < 3 else "")
            rig.host.wait_until_running()
    assert REPLAYING in rig.deaths


def replayed(rig: Rig, letter: int) -> bool:
    """Whether the replay was acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", rig.host.port, timeout=30)
    try:
        connection.request("POST", f"/api/v1/dead-letters/{letter}/replay", headers={"X-API-KEY": LOCAL_KEY})
        answer = connection.getresponse()
        assert answer.status < 300, answer.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
