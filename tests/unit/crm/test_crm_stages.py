"""Stages: names match despite how they are typed, an unknown one is never guessed, every change is recorded."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from shared.crm import opportunities, people
from shared.crm.stages import DEFAULT_STAGES, stage_key
from shared.errors import PermanentError
from shared.store.models import StageChange, StageMapping
from shared.store.session import reading, transact

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Recién Suscrito (Sin Asignar)", "RECIEN SUSCRITO SIN ASIGNAR"),
        ("Recién suscrito Pendiente de AC", "  recién   suscrito\u00a0pendiente de ac "),
        ("Retornó en AC", "retorno_en-ac."),
        ("Comienza Cotización", "Comienza Cotizacio\u0301n"),  # the accent as a character of its own
        ("Orden de venta Confirmada", "orden de venta confirmad\uff41"),  # a full-width letter
        ("Año", "ano"),
        ("Straße", "STRASSE"),
    ],
)
def test_spellings_of_one_stage(one, other):
    """Case, accents, spaces and punctuation do not matter."""
    assert stage_key(one) == stage_key(other)


def test_default_stages_stay_apart():
    """Eleven names, eleven keys, the ids 16 to 26."""
    assert len({stage_key(stage.manychat_name) for stage in DEFAULT_STAGES}) == 11
    assert [stage.odoo_stage_id for stage in DEFAULT_STAGES] == list(range(16, 27))


@given(st.text(max_size=100))
def test_key_of_any_text(name):
    """The key of a key is itself; whatever was typed."""
    assert stage_key(stage_key(name)) == stage_key(name)


@pytest.mark.parametrize(
    ("given_stage", "expected"),
    [(16, 16), (26, 26), ("comienza ac", 19), ("Comienza Atención Comercial", 19), ("DERIVADO  asesoria medica", 21)],
)
def test_resolves(database, given_stage, expected):
    """By Odoo's number or by ManyChat's name; Odoo's own name of a stage is one of its names too, where the map says so."""
    add_name(database, "Comienza AC", 19)
    assert transact(lambda session: opportunities.resolve_stage(session, given_stage)) == expected


def add_name(_database, name, number):
    """One more name for a stage."""
    row = StageMapping(manychat_key=stage_key(name), manychat_name=name, odoo_stage_id=number, odoo_name=name)
    transact(lambda session: session.add(row))


@pytest.mark.parametrize("unknown", [15, 27, 2**31 - 1, "Etapa Nueva", "Comienza", "16a", "x" * 100, "¿?"])
def test_unknown_stage_is_permanent(database, unknown):
    """No near match, no default: a person decides."""
    with pytest.raises(PermanentError) as caught:
        transact(lambda session: opportunities.resolve_stage(session, unknown))
    assert caught.value.reason == "unknown-stage"


def test_seeding_again_keeps_what_was_edited(database):
    """An operator's change to the map stays."""
    transact(lambda session: session.execute(update(StageMapping).values(odoo_stage_id=99)))
    assert transact(opportunities.seed_stage_map) == 0
    with reading() as session:
        assert set(session.scalars(select(StageMapping.odoo_stage_id))) == {99}


class TestHistory:
    """Every change is recorded, the newest one counts."""

    def reach(self, stage, at, key, summary=None):
        """Let the opportunity of m1 reach a stage; what changed, and the opportunity."""

        def work(session):
            row = opportunities.locked_opportunity(session, people.locked_contact(session, "m1"))
            return opportunities.change_stage(session, row, stage, at, summary, key), row

        return transact(work)

    def history(self):
        """What was recorded, in the order of its recording."""
        with reading() as session:
            rows = session.scalars(select(StageChange).order_by(StageChange.id))
            return [(row.stage_id, row.applied) for row in rows]

    def test_newer_counts_older_is_recorded(self, database):
        """The later of two dates wins, whichever comes first."""
        self.reach(18, AT, "a")
        self.reach(17, AT - timedelta(hours=1), "b")
        _, row = self.reach(19, AT + timedelta(hours=1), "c")
        assert self.history() == [(18, True), (17, False), (19, True)]
        assert (row.stage_id, row.state_date) == (19, AT + timedelta(hours=1))

    def test_the_same_stage_again_is_a_change_of_date(self, database):
        """Reached once more: the stage stays, the date moves, the history has both."""
        self.reach(18, AT, "a")
        changed, _ = self.reach(18, AT + timedelta(hours=1), "b")
        assert changed == {"state_date"}
        assert self.history() == [(18, True), (18, True)]

    def test_summary_of_an_older_stage_does_not_replace_a_newer_one(self, database):
        """But a stage without a summary leaves the one there is."""
        self.reach(18, AT, "a", "first")
        _, row = self.reach(19, AT + timedelta(hours=1), "b")
        assert row.summary == "first"
        _, row = self.reach(17, AT - timedelta(hours=1), "c", "older")
        assert row.summary == "first"

    def test_one_opportunity_for_each_person(self, database):
        """The second event finds the first one's."""
        first = self.reach(18, AT, "a")[1].id
        assert self.reach(19, AT, "b")[1].id == first
