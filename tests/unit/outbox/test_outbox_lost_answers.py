"""The database takes a claim, or does not, and its answer is lost either way: the work goes on at once, nothing is held."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from shared import clock
from shared.errors import UnavailableError
from shared.outbox import execute, plan
from shared.outbox.actions import Action, AfterUnknown, Done, Kind
from shared.outbox.policy import TargetPolicy
from shared.store.models import Delivery, TargetSlot
from shared.store.session import get_engine, reading, transact
from tests.support.database import lost_connection
from tests.support.vendors import registered

LEASE = timedelta(seconds=15)


class Wire:
    """The way to the database. `losses` says for each of the next commits whether it takes effect before its answer is lost."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.losses: list[bool | None] = []  # None: this commit goes well
        self.lost = 0
        self.on_loss: Callable[[], None] = lambda: None
        dialect = get_engine().dialect
        self._commit: Callable[..., None] = dialect.do_commit
        self._outage: type[Exception] = dialect.loaded_dbapi.OperationalError  # of whatever database the tests run against
        monkeypatch.setattr(dialect, "do_commit", self.commit)

    def commit(self, connection: object) -> None:
        """Commit, or not, and lose the answer where the test says so."""
        takes_effect = self.losses.pop(0) if self.losses else None
        if takes_effect is not False:
            self._commit(connection)
        if takes_effect is not None:
            self.lost += 1
            self.on_loss()
            raise lost_connection(get_engine())


@pytest.fixture
def sent():
    """What reached the vendor."""
    return []


@pytest.fixture
def post(database, storage, test_clock, sent):
    """A vendor of letters that takes no idempotency key, one batch of two at a time."""

    def execute_batch(batch):
        sent.extend((one.subject, one.attempt, one.unknown_before) for one in batch)
        return {one.id: Done() for one in batch}

    action = Action(
        target="post",
        name="letter",
        kind=Kind.MESSAGE,
        execute=execute_batch,
        batch_size=lambda: 2,
        after_unknown=AfterUnknown.ASK_A_PERSON,
    )
    with registered(action, TargetPolicy(slots=1, batches_per_second=1e9)) as action:
        yield action


@pytest.fixture
def wire(post, monkeypatch):
    """The way to the database."""
    return Wire(monkeypatch)


def enqueue(action, *keys):
    """Plan letters."""
    for key in keys:
        transact(lambda session, key=key: plan.message(session, action, f"to-{key}", key, {}))


def states():
    """State and attempts of every delivery, oldest first."""
    with reading() as session:
        return [tuple(row) for row in session.execute(select(Delivery.state, Delivery.attempts).order_by(Delivery.id))]


def holders():
    """Who holds a slot."""
    with reading() as session:
        return session.scalars(select(TargetSlot.token).where(TargetSlot.token.is_not(None))).all()


@pytest.mark.parametrize("took_effect", [True, False], ids=["the claim took effect", "the claim did not take effect"])
class TestLostAnswer:
    """One answer is lost."""

    def test_to_a_claim(self, post, wire, sent, took_effect):
        """Everything goes out once, at its first attempt, within the time of a quick repetition."""
        enqueue(post, "a", "b", "c")
        begun, wire.losses = clock.now(), [took_effect]
        assert execute.drain("post") == 3
        assert wire.lost == 1
        assert sent == [("to-a", 1, False), ("to-b", 1, False), ("to-c", 1, False)]
        assert states() == [("done", 0)] * 3
        assert clock.now() - begun < timedelta(seconds=5)

    def test_to_a_later_claim(self, post, wire, sent, took_effect):
        """The second batch is as safe as the first: claim, record, claim."""
        enqueue(post, "a", "b", "c")
        wire.losses = [None, None, took_effect]
        assert execute.drain("post") == 3
        assert (wire.lost, len(sent), holders()) == (1, 3, [])

    def test_to_the_claim_that_finds_nothing(self, post, wire, sent, took_effect):
        """The slot is given back all the same, so the next worker need not wait for the lease to end."""
        enqueue(post, "a")
        wire.losses = [None, None, took_effect]
        assert execute.drain("post") == 1
        assert (wire.lost, holders()) == (1, [])

    def test_to_the_release(self, post, wire, sent, took_effect):
        """A worker whose time is up leaves its slot free."""
        enqueue(post, "a", "b", "c")
        wire.losses = [None, None, took_effect]
        assert execute.drain("post", budget=timedelta(0)) == 2
        assert (wire.lost, holders()) == (1, [])


class TestLongOutage:
    """The database stays away."""

    def test_several_answers_in_a_row(self, post, wire, sent):
        """Whatever the order of commits that took effect and such that did not."""
        enqueue(post, "a", "b")
        wire.losses = [False, True, False, True]
        assert execute.drain("post") == 2
        assert [subject for subject, *_ in sent] == ["to-a", "to-b"]
        assert holders() == []

    def test_it_is_not_waited_for_without_end(self, post, wire, sent):
        """The host brings the nudge back; nothing was sent meanwhile."""
        enqueue(post, "a")
        begun, wire.losses = clock.now(), [False] * 100
        with pytest.raises(UnavailableError):
            execute.drain("post")
        assert clock.now() - begun < timedelta(minutes=1)
        assert sent == []

    def test_a_lease_that_ran_out_meanwhile_is_not_taken_up_again(self, post, wire, sent, test_clock):
        """What somebody else may hold by then is not ours, whatever our first claim had taken."""
        enqueue(post, "a")
        wire.losses, wire.on_loss = [True], lambda: test_clock.advance(minutes=6)
        assert execute.drain("post") == 0
        assert (sent, holders()) == ([], [])
