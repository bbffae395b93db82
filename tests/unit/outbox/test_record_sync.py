"""`RecordSync`: rows copied to an outside system, with a status on each row that is true."""

from dataclasses import replace

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from functions.christmas import notion_sync
from shared import flows
from shared.crm import odoo_sync
from shared.errors import NoAnswerError, PermanentError, RetryableError
from shared.outbox import actions, operator_actions, plan
from shared.outbox.actions import Done, Lane, Skip
from shared.outbox.execute import drain
from shared.outbox.policy import TargetPolicy
from shared.outbox.record_sync import RecordSync, one_by_one
from shared.store.models import Contact, Delivery, Timestamped
from shared.store.session import reading, transact
from shared.store.sync_columns import SyncColumns
from tests.support.vendors import registered

PEOPLE = "shared.store.models:Contact"


class Copies:
    """The outside system: what it holds, and how it answers next."""

    def __init__(self) -> None:
        self.rows, self.answers, self.during, self.used = {}, {}, None, True

    def put(self, row):
        """Take a row as it is."""
        if self.during:
            deed, self.during = self.during, None
            deed()
        answer = self.answers.get(row.id)
        if isinstance(answer, Exception):
            raise answer
        self.rows[row.id] = row.first_name
        return {"odoo_id": 70 + row.id, "odoo_linked": True}


@pytest.fixture
def copies():
    """An empty one."""
    return Copies()


@pytest.fixture
def sync(database, storage, test_clock, copies):
    """People, copied one by one, four in a batch."""
    held = dict(actions._actions)
    made = RecordSync(
        target="copies",
        name="person",
        table=PEOPLE,
        subject_prefix="person:",
        prefix="odoo",
        put=copies.put,
        batch_size=lambda: 4,
        keep=("odoo_id", "odoo_linked"),
        is_used=lambda: copies.used,
        lane=Lane.BULK,
    )
    with registered(made.action, TargetPolicy(batches_per_second=1e9)):
        yield made
    actions._actions.clear()
    actions._actions.update(held)


def add(sync, *names):
    """New people, each requested in the transaction that makes them."""

    def work(session):
        for name in names:
            row = Contact(manychat_id=name, first_name=name)
            session.add(row)
            sync.request(session, row, "event-1")

    transact(work)


def person(number=1):
    with reading() as session:
        return session.get(Contact, number)


def deliveries():
    with reading() as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.id)))


def change(sync, name, number=1):
    """A change of the row, requested with it."""

    def work(session):
        row = session.get_one(Contact, number)
        row.first_name = name
        sync.request(session, row)

    transact(work)


class TestOneRow:
    """A row and its status."""

    def test_is_pending_then_copied(self, sync, copies):
        """The request names the row with its prefix; the answer fills the columns that are kept."""
        add(sync, "Ana")
        assert (person().odoo_sync_status, deliveries()[0].subject) == ("pending", "person:1")
        drain("copies")
        row = person()
        assert copies.rows == {1: "Ana"}
        assert (row.odoo_sync_status, row.odoo_id, row.odoo_linked, row.odoo_sync_error) == ("success", 71, True, None)
        assert row.odoo_synced_at is not None

    def test_stays_pending_where_a_newer_change_waits(self, sync, copies):
        """What was sent is old already, so it is no success yet; the next run sends the new state."""
        add(sync, "Ana")
        found = []
        copies.during = lambda: change(sync, "Eva")
        original = sync.action.after

        def noting(session, delivery, outcome, final):
            original(session, delivery, outcome, final)
            session.flush()
            found.append((session.scalars(select(Contact.odoo_sync_status)).one(), final))

        with registered(replace(sync.action, after=noting)):
            drain("copies")
        assert found == [("pending", False), ("success", True)]
        assert copies.rows == {1: "Eva"}

    def test_partial_copy_in_notion_stays_pending_too(self):
        """Neither is it partly in step, nor is its sequence over, while a newer change waits."""
        result = {"page": "p1", "lacking": ["Email"], "open": False}
        assert set(notion_sync.SEQUENCES.keep(result, False)) == {"notion_page_id", "notion_sync_error"}
        assert notion_sync.SEQUENCES.keep(result, True)["notion_sync_status"] == "partial"

    def test_error_is_written_with_its_attempt(self, sync, copies):
        """A person sees why, and how often it was tried."""
        copies.answers[1] = RetryableError("no room")
        add(sync, "Ana")
        drain("copies")
        row = person()
        assert (row.odoo_sync_status, row.odoo_sync_error, row.odoo_sync_attempts) == ("error", "no room", 1)

    def test_erased_row_is_skipped(self, sync, copies):
        """Nobody has to act: the delivery is skipped and not dead."""
        add(sync, "Ana")
        transact(lambda session: session.execute(delete(Contact)))
        drain("copies")
        assert [(row.state, row.reason) for row in deliveries()] == [("skipped", "no-such-record")]
        assert copies.rows == {}

    def test_subject_of_another_table_is_skipped(self, sync, copies):
        """A subject that names no row of this table reaches nobody's row."""
        transact(lambda session: [plan.sync(session, sync.action, name) for name in ("contact:1", "person:x", "person:²")])
        add(sync, "Ana")
        drain("copies")
        assert sorted(row.state for row in deliveries()) == ["done", "skipped", "skipped", "skipped"]

    def test_nothing_is_requested_where_the_system_is_not_used(self, sync, copies):
        """No delivery, and no status that would wait for ever."""
        copies.used = False
        add(sync, "Ana")
        transact(lambda session: sync.request_many(session, [1]))
        assert (deliveries(), person().odoo_sync_status) == ([], None)
        assert transact(sync.requeue_lost) == 0

    def test_many_are_requested_at_once(self, sync, copies):
        """As if each had been requested."""
        add(sync, "Ana", "Eva")
        drain("copies")
        transact(lambda session: sync.request_many(session, [1, 2]))
        assert {person(1).odoo_sync_status, person(2).odoo_sync_status} == {"pending"}
        drain("copies")
        assert {person(1).odoo_sync_status, person(2).odoo_sync_status} == {"success"}

    def test_lane_is_that_of_the_declaration(self, sync):
        """The action carries it; without one it is transactional."""
        assert sync.action.lane is Lane.BULK
        assert odoo_sync.CONTACT.lane is Lane.TRANSACTIONAL


class TestBatches:
    """Rows that are sent together."""

    def test_bad_row_does_not_fail_its_neighbours(self, sync, copies):
        """Its error is its own."""
        copies.answers[2] = PermanentError("refused", "no")
        add(sync, "Ana", "Eva", "Ida")
        drain("copies")
        assert [person(number).odoo_sync_status for number in (1, 2, 3)] == ["success", "error", "success"]

    def test_system_that_does_not_answer_is_not_asked_for_the_rest(self):
        """One silence speaks for those that follow; what was answered before counts."""
        asked = []

        def put(key):
            asked.append(key)
            if key == "b":
                raise NoAnswerError("silent")
            return Done()

        outcomes = one_by_one(put)(["a", "b", "c"])
        assert asked == ["a", "b"]
        assert [type(outcomes[key]) for key in "abc"] == [Done, NoAnswerError, NoAnswerError]

    def test_row_that_exists_and_got_no_outcome_is_tried_again(self, sync, copies, test_clock):
        """A mistake in `send` must not look like an erased row."""
        add(sync, "Ana")
        object.__setattr__(sync, "put", None)
        object.__setattr__(sync, "send", lambda _keys: {})
        drain("copies")
        assert [row.state for row in deliveries()] == ["pending"]
        assert person().odoo_sync_status == "error"


class TestLost:
    """What the outbox does not have any more."""

    def lose(self, status, minutes, test_clock, sync, **more):
        """A row whose delivery is gone."""
        add(sync, "Ana")
        transact(lambda session: session.execute(delete(Delivery)))
        transact(lambda session: session.execute(update(Contact).values(odoo_sync_status=status, **more)))
        test_clock.advance(minutes=minutes)

    @pytest.mark.parametrize(
        ("status", "minutes", "found"),
        [("pending", 16, 1), ("pending", 14, 0), ("error", 0, 1), ("success", 600, 0), ("skipped", 600, 0)],
    )
    def test_is_requested_again(self, status, minutes, found, sync, test_clock):
        """Pending for long, or in error; what is settled is not."""
        self.lose(status, minutes, test_clock, sync)
        assert transact(sync.requeue_lost) == found
        assert len(deliveries()) == found

    def test_is_not_requested_when_its_attempts_are_used_up(self, sync, test_clock):
        """A parked row stays parked, even where its delivery is no longer kept."""
        self.lose("error", 600, test_clock, sync, odoo_sync_attempts=14)
        assert transact(sync.requeue_lost) == 0

    @pytest.mark.parametrize(("state", "found"), [("pending", 0), ("sending", 0), ("dead", 0), ("cancelled", 0), ("done", 1)])
    def test_delivery_that_is_open_or_parked_is_left_alone(self, state, found, sync, test_clock):
        """Only what nobody will deliver is requested again."""
        add(sync, "Ana")
        transact(lambda session: session.execute(update(Delivery).values(state=state, dedupe_key=None)))
        test_clock.advance(minutes=20)
        assert transact(sync.requeue_lost) == found

    def test_overdue_rows_are_requested_too(self, sync, test_clock):
        """Rows that have changed without a request; none is counted twice."""
        self.lose("pending", 20, test_clock, sync)
        object.__setattr__(sync, "overdue", lambda session, _limit: session.scalars(select(Contact)).all())
        assert transact(sync.requeue_lost) == 1

    def test_retry_by_a_person_sets_the_row_pending(self, sync, copies):
        """The row says that it waits again."""
        copies.answers[1] = PermanentError("refused", "no")
        add(sync, "Ana")
        drain("copies")
        assert person().odoo_sync_status == "error"
        operator_actions.retry(1, "ana")
        assert (person().odoo_sync_status, person().odoo_sync_error) == ("pending", None)

    def test_row_that_was_skipped_says_why(self, sync, copies):
        """An executor may decline a row; that is neither success nor error."""
        add(sync, "Ana")
        object.__setattr__(sync, "put", None)
        object.__setattr__(sync, "send", lambda keys: dict.fromkeys(keys, Skip("not-wanted")))
        drain("copies")
        assert (person().odoo_sync_status, person().odoo_sync_error) == ("skipped", "not-wanted")


class TestDeclaration:
    """What a declaration must say."""

    @pytest.mark.parametrize("given", [{}, {"send": "a:b", "put": "c:d"}])
    def test_needs_one_way_to_send(self, given):
        """Both or neither is a mistake, seen at import."""
        with pytest.raises(ValueError, match=r"copies\.person: give either `send` or `put`"):
            RecordSync(target="copies", name="person", table=PEOPLE, prefix="odoo", **given)

    @pytest.mark.parametrize("sync", flows.parts("syncs"), ids=lambda one: one.action.name)
    def test_tables_of_the_app_have_the_columns(self, sync):
        """Every sync finds its table, its columns and its functions."""
        assert sync.missing_columns() == []
        assert actions.action(sync.target, sync.name) is sync.action

    @pytest.mark.parametrize(
        "sync", [sync for sync in flows.parts("syncs") if sync.target != "notion"], ids=lambda one: one.action.name
    )
    def test_erased_row_is_skipped_everywhere(self, sync, database, storage, test_clock):
        """Whatever the outside system; it is not even called."""
        transact(lambda session: plan.sync(session, sync.action, sync.subject_of(1)))
        drain(sync.target)
        assert [(row.state, row.reason) for row in deliveries()] == [("skipped", "no-such-record")]

    def test_says_which_columns_are_missing(self, sync):
        """So that whoever adds a flow knows what to add."""
        object.__setattr__(sync, "prefix", "fax")
        assert sync.missing_columns() == ["fax_sync_status", "fax_sync_error", "fax_sync_at", "fax_synced_at"]

    def test_mixin_makes_the_columns(self):
        """One line for a table; a column of the mixin's own is left as it is."""

        class Other(DeclarativeBase):
            pass

        class FaxSynced(SyncColumns, prefix="fax"):
            fax_sync_attempts: Mapped[int] = mapped_column(default=7)

        class Page(Timestamped, FaxSynced, Other):
            __tablename__ = "pages"
            id: Mapped[int] = mapped_column(primary_key=True)

        columns = Page.__table__.columns
        assert {column.name for column in columns if column.name.startswith("fax")} == {
            "fax_sync_status",
            "fax_sync_error",
            "fax_sync_attempts",
            "fax_sync_at",
            "fax_synced_at",
        }
        assert columns["fax_sync_attempts"].default.arg == 7
        assert columns["fax_sync_status"].index
