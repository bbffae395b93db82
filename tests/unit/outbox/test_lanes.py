"""Lanes: what somebody waits for comes strictly first, bulk sources share the rest by weight, and each has its queue."""

import json
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from shared import clock, queues
from shared.outbox import claims, dispatch, execute, lanes, plan
from shared.outbox.actions import Action, AfterUnknown, Done, Kind
from shared.outbox.lanes import Serves
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.support.vendors import registered


class Carrier:
    """Notes whom it has sent to, and what is to happen meanwhile."""

    def __init__(self) -> None:
        self.sent = []
        self.meanwhile = []

    def execute(self, batch):
        self.sent.append([one.subject for one in batch])
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return {one.id: Done() for one in batch}


@pytest.fixture
def carrier(database, storage, test_clock):
    """Two slots, batches of ten."""
    carrier = Carrier()
    carrier.action = Action(
        target="post",
        name="letter",
        kind=Kind.MESSAGE,
        execute=carrier.execute,
        batch_size=lambda: 10,
        after_unknown=AfterUnknown.SEND_AGAIN,
    )
    with registered(carrier.action, TargetPolicy(slots=2, batches_per_second=1e9)):
        yield carrier


def enqueue(carrier, *subjects, **more):
    """Plan messages, and wake whom they need."""

    def work(session):
        for subject in subjects:
            plan.message(session, carrier.action, subject, subject, {}, **more)
        return plan.newly_due(session)

    plan.nudge(transact(work))


def many(lane, count, since=timedelta(hours=1)):
    """Bulk messages, written at once, that have been due for longer than anything else."""
    facts = {"kind": "message", "target": "post", "action": "letter", "lane": lane, "due_at": clock.now() - since}
    rows = [facts | {"subject": f"{lane}-{number}", "dedupe_key": f"{lane}-{number}"} for number in range(count)]
    transact(lambda session: session.execute(insert(Delivery), rows))


def test_confirmation_goes_out_in_the_next_claim(carrier):
    """However much of bulk was due before it: also while an executor of bulk is at work."""
    many("bulk:news", 200)
    carrier.meanwhile = [lambda: enqueue(carrier, "confirmation")]
    execute.drain("post", serves=Serves.BULK)
    assert carrier.sent[1] == ["confirmation"]
    assert [len(batch) for batch in carrier.sent] == [10, 1, *[10] * 19]


def test_each_lane_wakes_its_own_executor(carrier, storage):
    """A message of bulk is not woken on the queue of what somebody waits for, whose executor leaves it to the other."""
    enqueue(carrier, "a", "b", source="news")
    assert (storage.bodies(queues.DELIVERY_QUEUE), storage.bodies(queues.BULK_DELIVERY_QUEUE)) == ([], [{"target": "post"}])
    enqueue(carrier, "c")
    assert storage.bodies(queues.DELIVERY_QUEUE) == [{"target": "post"}]
    assert execute.drain("post", serves=Serves.TRANSACTIONAL) == 1
    assert dispatch.dispatch_due() == {"post:bulk"}
    assert execute.drain("post", serves=Serves.BULK) == 2
    assert dispatch.dispatch_due() == set()


def test_bulk_leaves_a_slot(carrier, storage):
    """Its executors hold one of two slots at most, so a confirmation finds one that is free and wakes its executor."""
    many("bulk", 50)
    bulk = [
        transact(lambda session, worker=worker: claims.claim(session, "post", worker, serves=Serves.BULK))
        for worker in ("w1", "w2")
    ]
    assert [found is not None for found in bulk] == [True, False]
    enqueue(carrier, "confirmation")
    assert storage.bodies(queues.DELIVERY_QUEUE) == [{"target": "post"}]
    found = transact(lambda session: claims.claim(session, "post", "w3", serves=Serves.TRANSACTIONAL))
    assert [one.subject for one in found.deliveries] == ["confirmation"]


def test_bulk_that_found_all_slots_held_is_woken_by_who_held_them(carrier, storage):
    """No message is sent while nobody could take it up; the one who leaves sends it."""
    slots = TargetPolicy(slots=1, batches_per_second=1e9)
    with registered(carrier.action, slots):
        carrier.meanwhile = [lambda: enqueue(carrier, "b", source="news")]
        enqueue(carrier, "a")
        execute.drain("post", serves=Serves.TRANSACTIONAL)
        assert carrier.sent == [["a"]]
        assert storage.bodies(queues.BULK_DELIVERY_QUEUE) == [{"target": "post"}]


def test_sources_share_by_weight(carrier, environment):
    """Three to one, as long as both have something due; nobody waits until another is done."""
    environment.setenv("BULK_WEIGHTS", json.dumps({"news": 3}))
    get_settings.cache_clear()
    many("bulk:news", 400)
    many("bulk:import", 400, since=timedelta(days=1))
    execute.drain("post", timedelta(0), serves=Serves.BULK)
    for _ in range(39):
        execute.drain("post", timedelta(0), serves=Serves.BULK)
    had = Counter(subject.partition("-")[0] for batch in carrier.sent for subject in batch)
    assert had == {"bulk:news": 300, "bulk:import": 100}


def test_source_that_comes_back_does_not_catch_up(carrier):
    """It gets its share from then on, and not what it did not need while it had nothing to send."""
    many("bulk:a", 400)
    many("bulk:b", 400)
    for _ in range(40):
        execute.drain("post", timedelta(0), serves=Serves.BULK)
    many("bulk:c", 500)
    carrier.sent.clear()
    for _ in range(20):
        execute.drain("post", timedelta(0), serves=Serves.BULK)
    had = Counter(subject.partition("-")[0] for batch in carrier.sent for subject in batch)
    assert had["bulk:c"] <= 200 / 3 + lanes.CREDIT / lanes.ONE  # without that limit: all 200
    assert min(had["bulk:a"], had["bulk:b"]) >= 40


def test_change_of_one_record_takes_it_out_of_bulk(carrier, database):
    """What was asked for with many others is asked for by somebody who waits: it moves to the front."""
    sync = Action(target="post", name="copy", kind=Kind.SYNC, execute=carrier.execute, batch_size=lambda: 2)
    with registered(sync):
        transact(lambda session: plan.sync_many(session, sync, ["a", "b", "c", "d"]))
        transact(lambda session: plan.sync(session, sync, "d"))
        execute.drain("post")
    assert carrier.sent == [["d"], ["a", "b"], ["c"]]


def plans(session, statement):
    """How SQLite would carry out a statement, whatever its values."""
    compiled = statement.compile(dialect=session.get_bind().dialect, compile_kwargs={"render_postcompile": True})
    values = (1,) * len(compiled.positiontup)
    return [row[3] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values)]


@pytest.mark.slow
def test_claim_costs_the_same_beside_a_hundred_thousand(carrier):
    """Each step of a claim seeks in the index of what is due, and none looks at the rows of another lane."""
    for lane in ("bulk:a", "bulk:b"):
        for part in range(50):
            facts = {"kind": "message", "target": "post", "action": "letter", "lane": lane, "due_at": clock.now()}
            rows = [facts | {"subject": "x", "dedupe_key": f"{lane}-{part}-{number}"} for number in range(1000)]
            transact(lambda session, rows=rows: session.execute(insert(Delivery), rows))
    enqueue(carrier, "confirmation")
    execute.drain("post", timedelta(0), serves=Serves.BULK)
    assert carrier.sent == [["confirmation"]]
    with reading() as session:
        for statement in (claims._FIRST, lanes._NEXT, lanes._FIRST):
            (step,) = plans(session, statement)
            assert "ix_deliveries_due" in step
            assert "SEARCH" in step
        (step,) = plans(session, claims._next(10))
        assert "ix_deliveries_due (target=? AND lane=? AND due_at<?)" in step
        assert session.scalar(select(Delivery.id).where(Delivery.subject == "confirmation", Delivery.state == "done"))
