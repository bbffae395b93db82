"""The comparison with Odoo: every kind of difference found, and repaired as the policy says."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from shared import clock
from shared.crm import reconcile, reconciliations
from shared.crm.odoo_seen import digest
from shared.crm.odoo_sides import Side
from shared.settings import get_settings
from shared.store.models import Contact, Opportunity, Reconciliation
from shared.store.session import reading, transact
from shared.vendors.odoo.client import OdooClient
from tests.support.world import opportunity

SIDE = Side(Opportunity, "crm.lead", "x_manychat_id", {"stage": "stage_id", "phone": "phone"})
SYNCED = datetime(2026, 3, 1, 12, tzinfo=UTC)
US = 2


def record(stage=18, phone="+52", written="2026-03-01 11:59:00", writer=5, **more):
    """What Odoo has of one lead."""
    stamps = {"write_date": written, "write_uid": [writer, "x"]}
    return SIDE.theirs({"id": 7, "x_manychat_id": "m1", "stage_id": [stage, "x"], "phone": phone, **stamps} | more)


def our_row(known=None):
    """Our row, synced at noon; `known` are the values agreed on."""
    seen = None if known is None else {"known": {fact: digest(value) for fact, value in known.items()}}
    return SimpleNamespace(manychat_id="m1", odoo_synced_at=SYNCED, odoo_seen=seen)


class TestCompare:
    """One record of ours against what Odoo has under its ManyChat id."""

    def kinds(self, ours, records, known=None):
        """The kinds of difference, with their facts."""
        return [(drift.kind, drift.fact) for drift in reconcile.compare(our_row(known), ours, records, US)]

    def test_same_is_no_difference(self):
        """Equal values are in step."""
        assert self.kinds({"stage": 18, "phone": "+52"}, [record()]) == []

    def test_nothing_there_is_missing(self):
        """No record at all."""
        assert self.kinds({"stage": 18}, []) == [("missing", None)]

    def test_two_there_is_duplicate(self):
        """More than one record with the ManyChat id."""
        assert self.kinds({"stage": 18}, [record(), record(id=8)]) == [("duplicate", None)]

    def test_older_record_is_wrong_and_younger_one_was_changed_by_hand(self):
        """Where nothing was agreed on yet, Odoo's time of writing tells an old value from somebody's will."""
        assert self.kinds({"stage": 19, "phone": "+52"}, [record()]) == [("wrong", "stage")]
        later = record(written="2026-03-01 12:10:00")
        assert self.kinds({"stage": 19, "phone": "+52"}, [later]) == [("by_hand", "stage")]
        assert self.kinds({"stage": 19}, [record(written="2026-03-01 12:10:00", writer=US)]) == [("wrong", "stage")]

    def test_value_that_was_agreed_on_is_wrong_and_another_one_is_by_hand(self):
        """Afterwards the value tells, whenever the record was written and by whom."""
        later = record(written="2026-03-01 12:10:00")
        assert self.kinds({"stage": 19}, [later], known={"stage": 18}) == [("wrong", "stage")]
        assert self.kinds({"stage": 19}, [record()], known={"stage": 17}) == [("by_hand", "stage")]

    def test_what_we_do_not_know_may_be_anything(self):
        """A fact that we do not know is not compared."""
        assert self.kinds({"stage": 18, "phone": None}, [record(phone="+1 555")]) == []

    @given(st.dictionaries(st.sampled_from(["stage", "phone"]), st.none() | st.integers(1, 3), min_size=1))
    def test_record_written_from_our_values_is_in_step(self, ours):
        """Whatever we know, a record that says the same is in step."""
        theirs = record(**{SIDE.fields[fact]: value or False for fact, value in ours.items()})
        assert reconcile.compare(our_row(), ours, [theirs], US) == []


@pytest.fixture
def synced(sandbox, world, test_clock):
    """Twenty opportunities in step with the sandbox's Odoo, whose clock is the machine's."""
    test_clock.moment = datetime.now(UTC)
    at = (test_clock.moment - timedelta(hours=1)).isoformat()
    for number in range(20):
        world.post("opportunity", opportunity(f"m{number}", stage=18, at=at, phone=f"55 1234 56{number:02}"))
    world.run()
    return OdooClient.from_settings(get_settings())


def lead(client, manychat_id):
    """The lead's id in Odoo."""
    return client.search_read("crm.lead", [["x_manychat_id", "=", manychat_id]], ["id"], archived=True)[0]["id"]


def test_everything_in_step_is_complete(synced):
    """After a sync there is nothing to repair."""
    report = reconcile.run(dry_run=True)
    assert (report.compared, report.completeness, dict(report.counts)) == (20, 1.0, {})


def test_each_kind_is_found_and_a_dry_run_changes_nothing(synced, sandbox, test_clock):
    """Missing, duplicate, changed by hand and unknown, each counted with its example."""
    synced.unlink("crm.lead", [lead(synced, "m1")])
    synced.create("crm.lead", [{"name": "twin", "x_manychat_id": "m2"}, {"name": "stranger", "x_manychat_id": "z9"}])
    _back_date(synced, "m3")
    synced.write("crm.lead", [lead(synced, "m3")], {"stage_id": 20})
    before = sandbox.leads()
    report = reconcile.run(dry_run=True)
    assert dict(report.counts) == {"missing": 1, "duplicate": 1, "by_hand:stage": 1, "unknown": 1}
    assert report.examples["by_hand:stage"] == [{"manychat_id": "m3", "ours": 18, "theirs": 20}]
    assert report.completeness == pytest.approx(17 / 20)
    assert sandbox.leads() == before


def _back_date(client, manychat_id):
    """Let our last sync of this row lie an hour back, so that what is written now counts as written since."""
    from sqlalchemy import update

    from shared.store.session import transact

    hour_ago = clock.now() - timedelta(hours=1)
    transact(
        lambda s: s.execute(update(Opportunity).where(Opportunity.manychat_id == manychat_id).values(odoo_synced_at=hour_ago))
    )


def test_ours_can_win(synced, world, environment):
    """A deleted lead is made again, and with `stage: ours` a stage changed by hand goes back to ours."""
    environment.setenv("ODOO_RECONCILE_POLICY", '{"missing": "ours", "stage": "ours"}')
    get_settings.cache_clear()
    synced.unlink("crm.lead", [lead(synced, "m1")])
    _back_date(synced, "m3")
    synced.write("crm.lead", [lead(synced, "m3")], {"stage_id": 20})
    assert reconcile.run(dry_run=False).repaired == 2
    world.run()
    assert reconcile.run(dry_run=True).completeness == 1.0


def test_newest_stage_wins_by_default(synced, world):
    """A stage that a person has set after ours becomes ours; the nightly repair keeps to what holds at once."""
    synced.write("crm.lead", [lead(synced, "m3")], {"stage_id": 20})
    assert reconcile.run(dry_run=False).repaired == 1
    world.run()
    with reading() as session:
        assert session.scalars(select(Opportunity.stage_id).where(Opportunity.manychat_id == "m3")).one() == 20
    assert reconcile.run(dry_run=True).completeness == 1.0


def test_theirs_can_win(synced, world, environment):
    """With `stage: theirs`, a change by hand in Odoo becomes ours, history included; the lead is left as it is."""
    environment.setenv("ODOO_RECONCILE_POLICY", '{"stage": "theirs"}')
    get_settings.cache_clear()
    _back_date(synced, "m3")
    synced.write("crm.lead", [lead(synced, "m3")], {"stage_id": 20})
    assert reconcile.run(dry_run=False).repaired == 1
    world.run()
    with reading() as session:
        assert session.scalars(select(Opportunity.stage_id).where(Opportunity.manychat_id == "m3")).one() == 20


def test_stage_that_we_do_not_know_is_not_taken_over_and_holds_up_nobody(synced, world, environment):
    """A stage of Odoo outside the map is reported; the next record is repaired all the same."""
    environment.setenv("ODOO_RECONCILE_POLICY", '{"stage": "theirs"}')
    get_settings.cache_clear()
    for manychat_id, stage in (("m3", 2), ("m4", 21)):
        _back_date(synced, manychat_id)
        synced.write("crm.lead", [lead(synced, manychat_id)], {"stage_id": stage})
    report = reconcile.run(dry_run=False)
    assert (report.repaired, report.counts["by_hand:unknown-stage"]) == (1, 1)


def test_never_more_than_the_share(synced, sandbox):
    """A difference in everything is more likely a mistake: only the allowed share is repaired, the rest is held back."""
    synced.unlink("crm.lead", [lead(synced, f"m{number}") for number in range(20)])
    report = reconcile.run(dry_run=False)
    assert (report.repaired, report.held_back) == (2, 18)


def test_asked_for_through_the_queue(synced, world):
    """The timer's message runs the comparison once, and its report is kept."""
    from functions import reconcile as triggers

    world.handlers[triggers.QUEUE] = triggers.reconcile_handler
    reconciliations.ask(triggers.QUEUE, "timer", dry_run=False)
    world.run()
    with reading() as session:
        row = session.scalars(select(Reconciliation)).one()
    assert (row.state, row.compared, row.in_step, row.asked_by) == ("done", 20, 20, "timer")


def test_failure_is_kept_as_the_report(synced, world, sandbox):
    """With Odoo away the report says so, and the message is not repeated for ever."""
    from functions import reconcile as triggers

    world.handlers[triggers.QUEUE] = triggers.reconcile_handler
    sandbox.fault("down")
    reconciliations.ask(triggers.QUEUE, "timer", dry_run=False)
    world.run()
    with reading() as session:
        assert session.scalars(select(Reconciliation.state)).one() == "failed"


class TestInRounds:
    """A comparison of any length: a page after the other, five minutes in an invocation, then a new message."""

    @pytest.fixture
    def rounds(self, synced, world, environment):
        """Pages of seven, a round of one page; twenty records in step, one of which is deleted in Odoo."""
        from functions import reconcile as triggers

        environment.setattr(reconcile, "PAGE", 7)
        environment.setattr(reconciliations, "ROUND", timedelta(0))
        synced.unlink("crm.lead", [lead(synced, "m1")])
        world.handlers[triggers.QUEUE] = triggers.reconcile_handler
        reconciliations.ask(triggers.QUEUE, "timer", dry_run=True)
        return triggers.QUEUE

    def report(self):
        """The only one."""
        with reading() as session:
            return session.scalars(select(Reconciliation)).one()

    def test_each_round_goes_on_where_the_last_one_stopped(self, rounds, world, storage):
        """Three pages of ours and their end, three of Odoo's and their end; the report is that of one long run."""
        taken = 0
        while item := storage.take(rounds):
            assert self.report().pages == taken
            reconciliations.carry_out(json.loads(item.body)["reconciliation"])
            taken += 1
        row = self.report()
        assert (taken, row.state, row.compared, row.in_step, row.counts) == (8, "done", 20, 19, {"missing": 1})
        assert row.examples["missing"][0]["manychat_id"] == "m1"

    def test_crash_costs_the_page_that_was_under_way(self, rounds, world, environment):
        """The message comes again and the comparison goes on there; nothing is counted twice."""
        environment.setattr(reconciliations, "ROUND", timedelta(minutes=5))
        real, calls = reconcile.go_on, []

        def dies(report, place, **more):
            calls.append(place)
            found = real(report, place, **more)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return found

        environment.setattr(reconcile, "go_on", dies)
        with pytest.raises(KeyboardInterrupt):
            reconciliations.carry_out(1)
        assert (self.report().compared, self.report().pages) == (7, 1)
        reconciliations.carry_out(1)
        assert calls[1] == calls[2]
        assert (self.report().state, self.report().compared, self.report().counts) == ("done", 20, {"missing": 1})

    def test_second_invocation_leaves_it_to_the_first(self, rounds, world, storage, environment):
        """A message that came twice: whoever keeps a page first goes on, the other ends without a word in the report."""
        environment.setattr(reconciliations, "ROUND", timedelta(minutes=5))
        real = reconcile.go_on

        def overtaken(report, place, **more):
            environment.setattr(reconcile, "go_on", real)
            reconciliations.carry_out(1)
            return real(report, place, **more)

        environment.setattr(reconcile, "go_on", overtaken)
        reconciliations.carry_out(1)
        assert (self.report().state, self.report().compared, self.report().counts) == ("done", 20, {"missing": 1})


@pytest.mark.parametrize(
    "rows", [pytest.param(2_000, id="2,000"), pytest.param(1_000_000, id="a million", marks=pytest.mark.nightly)]
)
def test_many_records_in_rounds(sandbox, world, storage, test_clock, environment, rows):
    """However many they are, no round takes longer than it may by more than a page, and each difference is found once.

    A call to Odoo takes four seconds of the test's clock: longer than a slow one.
    """
    client = OdooClient.from_settings(get_settings())
    differences = fill(client, rows)
    real = OdooClient.search_read

    def slow(self, *arguments, **more):
        test_clock.advance(seconds=4)
        return real(self, *arguments, **more)

    environment.setattr(OdooClient, "search_read", slow)
    environment.setattr(reconciliations, "ROUND", timedelta(minutes=5) if rows > 10_000 else timedelta(seconds=10))
    number, longest, rounds = reconciliations.ask("reconcile-queue", "timer", dry_run=True), timedelta(0), 0
    while item := storage.take("reconcile-queue"):
        began = clock.now()
        reconciliations.carry_out(json.loads(item.body)["reconciliation"])
        longest, rounds = max(longest, clock.now() - began), rounds + 1
    with reading() as session:
        row = session.get_one(Reconciliation, number)
    assert (row.state, row.compared, row.counts) == ("done", rows, differences)
    assert longest <= reconciliations.ROUND + timedelta(seconds=4)
    assert rounds >= 2


def fill(client, rows):
    """So many opportunities in step with Odoo, but one in 1,000 deleted there and one in 500 in another stage."""
    at = clock.now() - timedelta(hours=1)
    stamps = {"fact_times": {}, "created_at": at, "updated_at": at}
    synced = {"odoo_sync_status": "success", "odoo_synced_at": datetime(2020, 1, 1, tzinfo=UTC), "stage_id": 18}
    for numbers in itertools.batched(range(rows), 1000, strict=False):
        made = client.create("crm.lead", [{"name": f"Ana {n}", "stage_id": 18, "x_manychat_id": f"n{n}"} for n in numbers])
        client.unlink("crm.lead", made[1:2])
        client.write("crm.lead", made[2:4], {"stage_id": 20})
        people = [{"id": n + 1, "manychat_id": f"n{n}", "first_name": "Ana", "last_name": str(n)} | stamps for n in numbers]
        ours = [{"manychat_id": f"n{n}", "contact_id": n + 1} | synced | stamps for n in numbers]
        transact(
            lambda session, people=people, ours=ours: (
                session.execute(insert(Contact), people),
                session.execute(insert(Opportunity), ours),
            )
        )
    return {"missing": rows // 1000, "wrong:stage": rows // 500}
