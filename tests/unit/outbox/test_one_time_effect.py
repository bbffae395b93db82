"""`OneTimeEffect`: one effect for a row, at most once, its answer kept in the row."""

from dataclasses import replace

import pytest
from sqlalchemy import delete, select, update

from shared import references
from shared.errors import PermanentError, RetryableError, UncertainError
from shared.outbox import actions
from shared.outbox.actions import AfterUnknown, Lane
from shared.outbox.execute import drain
from shared.outbox.one_time_effect import OneTimeEffect
from shared.outbox.policy import TargetPolicy
from shared.store.models import Contact, Delivery
from shared.store.session import reading, transact
from tests.support.vendors import registered


class Printer:
    """The outside system: what it has printed, and how it answers next."""

    def __init__(self) -> None:
        self.printed, self.answer, self.finished = [], None, []

    def print(self, row):
        """One page for the row."""
        if self.answer:
            raise self.answer
        self.printed.append(row.first_name)
        return {"odoo_id": 9, "paper": "A4"}

    def then(self, _session, subject):
        """What follows a success."""
        self.finished.append(subject)


@pytest.fixture
def printer():
    """One that works."""
    return Printer()


@pytest.fixture
def effect(database, storage, test_clock, printer):
    """A page for each person, its number kept with them."""
    held = dict(actions._actions)
    made = OneTimeEffect(
        target="printer",
        name="page",
        table="shared.store.models:Contact",
        subject_prefix="person:",
        do=printer.print,
        keep=("odoo_id",),
        then=printer.then,
    )
    with registered(made.action, TargetPolicy(batches_per_second=1e9)):
        yield made
    actions._actions.clear()
    actions._actions.update(held)


def request(effect, name="Ana"):
    """Request it for the person, who is made where they are new."""

    def work(session):
        row = session.scalars(select(Contact).where(Contact.first_name == name)).one_or_none()
        if row is None:
            row = Contact(manychat_id=name, first_name=name)
            session.add(row)
        return effect.request(session, row, "event-1")

    return transact(work)


def only_delivery():
    with reading() as session:
        return session.scalars(select(Delivery)).one()


def test_happens_once_and_keeps_the_answer(effect, printer):
    """A second request changes nothing, not even after it has happened."""
    assert request(effect)
    assert not request(effect)
    drain("printer")
    assert not request(effect)
    drain("printer")
    assert (printer.printed, printer.finished) == (["Ana"], ["person:1"])
    with reading() as session:
        assert session.get_one(Contact, 1).odoo_id == 9
    assert only_delivery().result == {"odoo_id": 9, "paper": "A4"}


def test_row_that_has_its_answer_is_not_sent_again(effect, printer):
    """The answer was kept, and the delivery was restored from an older backup."""
    request(effect)
    transact(lambda session: session.execute(update(Contact).values(odoo_id=5)))
    drain("printer")
    assert (printer.printed, only_delivery().state, only_delivery().result) == ([], "done", {"odoo_id": 5})


def test_erased_row_is_skipped(effect, printer):
    """Nobody has to act."""
    request(effect)
    transact(lambda session: session.execute(delete(Contact)))
    drain("printer")
    assert (only_delivery().state, only_delivery().reason, printer.printed) == ("skipped", "no-such-record", [])


@pytest.mark.parametrize(
    ("error", "state"),
    [(RetryableError("busy"), "pending"), (PermanentError("refused", "no"), "dead"), (UncertainError("cut"), "uncertain")],
)
def test_failure_goes_its_usual_way(effect, printer, error, state):
    """An unknown outcome is a person's business, as it may have happened."""
    printer.answer = error
    request(effect)
    drain("printer")
    assert (only_delivery().state, printer.finished) == (state, [])


def test_harmless_one_is_tried_for_days_when_its_outcome_is_unknown(effect, printer, test_clock):
    """Doing it twice does no harm, so nobody need be asked; a message would be given up after six attempts or a day."""
    copy = OneTimeEffect(
        target="printer",
        name="page",
        table="shared.store.models:Contact",
        subject_prefix="person:",
        do=printer.print,
        harmless_to_repeat=True,
    )
    assert copy.action.after_unknown is AfterUnknown.SEND_AGAIN
    printer.answer = UncertainError("cut")
    with registered(copy.action, TargetPolicy(batches_per_second=1e9)):
        request(copy)
        for _hour in range(30):
            drain("printer")
            test_clock.advance(hours=1)
        assert (only_delivery().state, only_delivery().attempts > 6) == ("pending", True)
        printer.answer = None
        test_clock.advance(hours=8)
        drain("printer")
    assert (only_delivery().state, printer.printed) == ("done", ["Ana"])


def test_lane_is_that_of_the_declaration(effect):
    """The action carries it; without one it is transactional."""
    many = replace(effect, lane=Lane.BULK)
    assert (many.action.lane, effect.action.lane) == (Lane.BULK, Lane.TRANSACTIONAL)


def test_is_not_requested_where_the_system_is_not_used(effect):
    """No delivery then."""
    object.__setattr__(effect, "is_used", lambda: False)
    assert not request(effect)
    with reading() as session:
        assert session.scalars(select(Delivery)).all() == []


def test_uniqueness_may_be_of_something_else_than_the_row(effect, printer):
    """Two rows that stand for one thing get one effect."""
    object.__setattr__(effect, "once_per", lambda _row: "house-7")
    assert request(effect, "Ana")
    assert not request(effect, "Eva")


class TestReferences:
    """Objects named by text."""

    def test_is_imported_on_first_use(self):
        """The very object."""
        assert references.load("shared.store.models:Contact") is Contact

    @pytest.mark.parametrize("text", ["shared.store.models", "shared.store.models:", ":Contact", ""])
    def test_of_another_form_is_refused(self, text):
        """With the form that is wanted."""
        with pytest.raises(ValueError, match="module:attribute"):
            references.load(text)
