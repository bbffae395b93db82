"""What people do in Odoo comes to us, as the policy has it, on both sides the same, and once."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import azure.functions as func
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import select

from shared import clock
from shared.crm import odoo_changes, odoo_rows
from shared.crm.odoo_seen import Seen
from shared.settings import get_settings
from shared.store.models import ActionLog, Advisor, Contact, Delivery, OdooCursor, Opportunity, StageChange
from shared.store.session import reading, transact
from shared.vendors.odoo.client import OdooClient
from tests.support import loops
from tests.support.payloads import payload
from tests.support.world import Out, contact, opportunity

KEY = "a-key-for-odoo-that-nobody-guesses-27"
ANA, BRUNO = 5, 6  # salespeople of the sandbox's Odoo
HINT = json.dumps(payload("odoo.changed", "crm.lead")).encode()


@pytest.fixture
def people(sandbox):
    """Odoo as a salesperson sees it: what is written through this is no write of ours."""
    settings = get_settings()
    return OdooClient.from_settings(settings.model_copy(update={"odoo_username": "ana", "odoo_password": SecretStr("advisor")}))


@pytest.fixture
def lead(sandbox, world, test_clock):
    """The number of a lead in step, at stage 18, an hour old; the app's clock is the machine's, as the sandbox's is."""
    test_clock.moment = datetime.now(UTC)
    post(world, 18, hours=1, phone="55 1234 5678", first_name="Eva", last_name="Ríos")
    world.run()
    look(world)
    return row().odoo_id


def post(world, stage, *, hours=0.0, later=0.0, **more):
    """A stage that ManyChat reports: of so many hours ago, or of some seconds after whatever was done in Odoo until now."""
    at = clock.now() - timedelta(hours=hours, seconds=-later)
    answer = world.post("opportunity", opportunity("m1", stage=stage, at=at.isoformat(), **more))
    assert answer.status_code == 202


def look(world):
    """A look at what there is now, and all that follows from it."""
    present()
    odoo_changes.look(clock.now() + timedelta(days=1))
    world.run()


def present():
    """Bring the app's clock to the machine's, which the sandbox's Odoo has."""
    clock.sleep((datetime.now(UTC) - clock.now()).total_seconds())


def row(table=Opportunity):
    """Our row of the person."""
    with reading() as session:
        return session.scalars(select(table)).unique().one()


def theirs(client, number, *fields):
    """What Odoo has of the lead."""
    return client.search_read("crm.lead", [["id", "=", number]], fields, archived=True)[0]


def policy(environment, **chosen):
    """Set who wins."""
    environment.setenv("ODOO_RECONCILE_POLICY", json.dumps(chosen))
    get_settings.cache_clear()


def deliveries():
    """How many deliveries there were, and how often they stood for a change."""
    with reading() as session:
        return [(one.action, one.wanted) for one in session.scalars(select(Delivery).order_by(Delivery.id))]


class TestStage:
    """The newest stage wins, by when it was set."""

    def test_stage_moved_by_a_salesperson_comes_within_a_minute(self, world, people, lead):
        """The row, its history and the action log have it; nothing is written back."""
        before = deliveries()
        people.write("crm.lead", [lead], {"stage_id": 21})
        look(world)
        assert row().stage_id == 21
        with reading() as session:
            assert [one.stage_id for one in session.scalars(select(StageChange).order_by(StageChange.id))] == [18, 21]
            line = session.scalars(select(ActionLog).where(ActionLog.action == "odoo.taken-over")).one()
        assert (line.actor, line.subject) == (f"odoo-user:{ANA}", "m1")
        assert deliveries() == before

    def test_our_own_write_that_comes_back_is_no_change(self, world, lead):
        """A stage of ours is written, read again, and does nothing more."""
        post(world, 20)
        world.run()
        before = deliveries()
        for _ in range(3):
            look(world)
        assert deliveries() == before
        with reading() as session:
            assert [one.stage_id for one in session.scalars(select(StageChange).order_by(StageChange.id))] == [18, 20]

    def test_a_persons_edit_right_after_ours_is_seen(self, world, people, lead):
        """Between our write and the look somebody puts the stage back to what it was before."""
        post(world, 20, hours=0.5)
        world.run()
        people.write("crm.lead", [lead], {"stage_id": 18})
        look(world)
        assert row().stage_id == 18
        assert theirs(people, lead, "stage_id")["stage_id"][0] == 18

    def test_newer_stage_of_ours_wins(self, world, people, lead):
        """Moved in Odoo first, reported by ManyChat afterwards, looked at last."""
        people.write("crm.lead", [lead], {"stage_id": 21})
        post(world, 22, later=5)
        world.run()
        look(world)
        assert (row().stage_id, theirs(people, lead, "stage_id")["stage_id"][0]) == (22, 22)

    def test_older_stage_of_ours_that_comes_late_does_not_win(self, world, people, lead):
        """What ManyChat reports of before, the salesperson's later move outlasts: also where it has not been looked at."""
        people.write("crm.lead", [lead], {"stage_id": 21})
        post(world, 22, hours=0.5)
        world.run()
        assert (row().stage_id, theirs(people, lead, "stage_id")["stage_id"][0]) == (21, 21)

    def test_sync_of_something_else_does_not_write_over_a_stage_that_nobody_has_looked_at(self, world, people, lead):
        """A new name is written, the salesperson's stage of a moment ago stays and is taken over."""
        people.write("crm.lead", [lead], {"stage_id": 21})
        world.post("contact", contact("m1", at=clock.now().isoformat(), nombre_lead="Evelia"))
        world.run()
        assert row().stage_id == 21
        found = theirs(people, lead, "stage_id", "name")
        assert (found["stage_id"][0], found["name"]) == (21, "Evelia Ríos")

    def test_stage_outside_the_map_stays_theirs(self, world, people, lead):
        """A stage that our map lacks is neither taken over nor written over."""
        people.write("crm.lead", [lead], {"stage_id": 2})
        look(world)
        world.post("contact", contact("m1", at=clock.now().isoformat(), nombre_lead="Evelia"))
        world.run()
        assert (row().stage_id, theirs(people, lead, "stage_id")["stage_id"][0]) == (18, 2)


class TestWonAndLost:
    """Won and lost are theirs."""

    def test_lost_and_opened_again(self, world, people, lead):
        """The outcome follows; a stage that we report later is written and opens nothing."""
        people.call("crm.lead", "action_set_lost", ids=[lead])
        look(world)
        assert row().outcome == "lost"
        post(world, 20)
        world.run()
        look(world)
        assert row().outcome == "lost"
        people.call("crm.lead", "write", {"vals": {"active": True, "probability": 10}}, ids=[lead])
        look(world)
        assert row().outcome is None

    def test_what_a_person_has_won_no_event_opens_again(self, world, people, lead):
        """A newer stage of ManyChat's does not move a lead out of a stage that means won; the row keeps that stage, too."""
        won = _won_stage(people)
        people.write("crm.lead", [lead], {"stage_id": won})
        look(world)
        assert (row().outcome, row().stage_id) == ("won", won)
        post(world, 20, later=5)
        world.run()
        look(world)
        assert (row().outcome, row().stage_id) == ("won", won)
        assert theirs(people, lead, "stage_id")["stage_id"][0] == won

    def test_what_we_have_won_we_open_again(self, world, people, lead):
        """Where ManyChat reported the stage that means won, its next stage counts."""
        won = _won_stage(people)
        post(world, won)
        world.run()
        look(world)
        assert row().outcome == "won"
        post(world, 20, later=5)
        world.run()
        look(world)
        assert (row().outcome, row().stage_id, theirs(people, lead, "stage_id")["stage_id"][0]) == (None, 20, 20)


def _won_stage(client):
    """Stage 26 means won from now on, as the seed of a customer's Odoo has it."""
    settings = get_settings().model_copy(update={"odoo_username": "admin", "odoo_password": SecretStr("admin")})
    OdooClient.from_settings(settings).write("crm.stage", [26], {"is_won": True})
    return 26


class TestSalesperson:
    """The salesperson is theirs."""

    def test_salesperson_set_in_odoo_becomes_our_advisor(self, world, people, lead):
        """One whom we know by number; one whom we know by address; one whom we do not know."""
        transact(lambda s: s.add_all([Advisor(id=1, name="Ana", odoo_user_id=ANA)]))
        people.write("crm.lead", [lead], {"user_id": ANA})
        look(world)
        assert row().commercial_advisor_id == 1
        people.write("crm.lead", [lead], {"user_id": BRUNO})
        look(world)
        with reading() as session:
            bruno = session.scalars(select(Advisor).where(Advisor.odoo_user_id == BRUNO)).one()
        assert (row().commercial_advisor_id, bruno.name) == (bruno.id, "Bruno Asesor")

    def test_what_a_person_has_decided_stays_whatever_is_reported(self, world, people, lead):
        """ManyChat assigns somebody else later; only Odoo changes it again."""
        transact(
            lambda s: s.add_all([Advisor(id=1, name="Ana", odoo_user_id=ANA), Advisor(id=2, name="B", odoo_user_id=BRUNO)])
        )
        post(world, 19, hours=0.5, commercial_advisor_id=1)
        world.run()
        assert theirs(people, lead, "user_id")["user_id"][0] == ANA
        people.write("crm.lead", [lead], {"user_id": BRUNO})
        look(world)
        post(world, 20, commercial_advisor_id=1)
        world.run()
        look(world)
        assert (row().commercial_advisor_id, theirs(people, lead, "user_id")["user_id"][0]) == (2, BRUNO)
        people.write("crm.lead", [lead], {"user_id": False})
        look(world)
        assert row().commercial_advisor_id is None


class TestAddresses:
    """Names and phones are ours, unless the policy says otherwise."""

    def test_ours_is_written_again(self, world, people, lead):
        """A phone number and a name that somebody changed in Odoo go back to ours, once."""
        people.write("crm.lead", [lead], {"phone": "+52 55 0000 0000", "name": "Otra"})
        look(world)
        found = theirs(people, lead, "phone", "name")
        assert (found["phone"], found["name"]) == ("+525512345678", "Eva Ríos")
        before = deliveries()
        look(world)
        assert deliveries() == before

    def test_theirs_is_taken_over_and_only_proposes_who_they_are(self, world, people, lead, environment):
        """With `theirs` a number and an address typed in Odoo become ours; a typed address proves nobody."""
        from shared.people import kinds, queries

        policy(environment, phone="theirs", email="theirs")
        people.write("crm.lead", [lead], {"phone": "55 8765 4321", "email_from": "eva@example.com"})
        look(world)
        found = row(Contact)
        assert (found.phone, found.email) == ("+525587654321", "eva@example.com")
        (address,) = kinds.identities(email="eva@example.com")
        with reading() as session:
            assert queries.of(session, address) == []
            assert len(queries.with_proposals(session, address)) == 1

    def test_report_takes_nothing_and_writes_nothing(self, world, people, lead, environment):
        """A fact that is only reported stays different."""
        policy(environment, phone="report")
        people.write("crm.lead", [lead], {"phone": "123"})
        before = deliveries()
        look(world)
        assert (row(Contact).phone, theirs(people, lead, "phone")["phone"], deliveries()) == ("+525512345678", "123", before)


class TestLook:
    """How the cursor goes on."""

    @pytest.mark.slow
    def test_thousand_records_of_one_moment(self, world, people, lead, monkeypatch):
        """More records with one time than a page holds are all read."""
        monkeypatch.setattr(odoo_changes, "PAGE", 7)
        keys = [f"p{number}" for number in range(18)]
        for key in keys:
            world.post("opportunity", opportunity(key, stage=18, at=(clock.now() - timedelta(hours=1)).isoformat()))
        world.run()
        with reading() as session:
            ids = list(session.scalars(select(Opportunity.odoo_id).where(Opportunity.manychat_id.in_(keys))))
        people.write("crm.lead", ids, {"stage_id": 21})
        look(world)
        with reading() as session:
            assert set(session.scalars(select(Opportunity.stage_id).where(Opportunity.manychat_id.in_(keys)))) == {21}

    def test_look_that_somebody_made_since_does_for_all_wishes(self, world, people, lead, sandbox):
        """A hundred hints of one mass edit cost one look."""
        for _ in range(100):
            clock.sleep(0.01)
            odoo_changes.ask()
        clock.sleep(1)
        calls = []
        original = odoo_changes._looked
        odoo_changes._looked = lambda *given: calls.append(1) or original(*given)
        try:
            world.run()
        finally:
            odoo_changes._looked = original
        assert len(calls) == 1

    def test_look_that_died_is_gone_on_with(self, world, people, lead):
        """A worker dies after the record, another before the cursor; the next look takes up what is left, once."""
        from shared import faults

        for point in ("odoo.after_record", "odoo.before_cursor"):
            stage = row().stage_id + 1
            people.write("crm.lead", [lead], {"stage_id": stage})
            faults.inject(f"{point}=raisex1")
            with pytest.raises(faults.InjectedFault):
                look(world)
            faults.inject("")
            look(world)
            assert row().stage_id == stage
        with reading() as session:
            assert len(list(session.scalars(select(StageChange)))) == 3

    def test_look_without_time_for_all_is_gone_on_with(self, world, people, lead, monkeypatch):
        """Its cursor stands behind the last page that it has taken over; the next minute reads on from there."""
        long_ago = clock.now() - timedelta(hours=1)
        transact(lambda s: s.execute(OdooCursor.__table__.update().values(changed_to=long_ago)))
        people.write("crm.lead", [lead], {"stage_id": 21})
        monkeypatch.setattr(odoo_changes, "LONGEST_LOOK", timedelta(seconds=-1))  # a page, and no more
        look(world)
        with reading() as session:
            cursor = session.scalars(select(OdooCursor)).one()
        assert (row().stage_id, cursor.changed_to > long_ago + timedelta(minutes=30)) == (21, True)

    def test_another_look_is_waited_for(self, world, people, lead):
        """Where a look is under way, which may not see the change, the wish comes again."""
        clock.sleep(1)
        busy = clock.now() + timedelta(seconds=3)
        transact(lambda s: s.execute(OdooCursor.__table__.update().values(busy_until=busy)))
        people.write("crm.lead", [lead], {"stage_id": 21})
        odoo_changes.ask()
        world.run()
        assert row().stage_id == 18
        clock.sleep(4)
        world.run()
        assert row().stage_id == 21

    def test_deleted_lead_is_noted_once_and_made_again_by_our_next_change(self, world, people, lead, sandbox):
        """It is no erasure: what we know stays."""
        _admin().unlink("crm.lead", [lead])
        look(world)
        look(world)
        with reading() as session:
            assert len(list(session.scalars(select(ActionLog).where(ActionLog.action == "odoo.deleted")))) == 1
        post(world, 20)
        world.run()
        assert row().odoo_id != lead
        assert theirs(people, row().odoo_id, "stage_id")["stage_id"][0] == 20

    def test_deleted_lead_stays_deleted_where_theirs_wins(self, world, people, lead, environment):
        """With `missing: theirs` no change makes it anew."""
        policy(environment, missing="theirs", stage="newest")
        _admin().unlink("crm.lead", [lead])
        post(world, 20)
        world.run()
        assert people.search_read("crm.lead", [["x_manychat_id", "=", "m1"]], ["id"], archived=True) == []
        assert (row().odoo_sync_status, row().odoo_sync_error) == ("skipped", "deleted-in-odoo")


def _admin():
    return OdooClient.from_settings(get_settings())


class TestWebhook:
    """Odoo's automation rule hurries the look."""

    def send(self, world, key, body=HINT):
        """POST with the key in the address."""
        from functions.odoo import WEBHOOK

        headers = {"content-type": "application/json"}
        asked = func.HttpRequest(method="POST", url="http://x/hook", headers=headers, route_params={"key": key}, body=body)
        out = Out()
        answer = loops.run(WEBHOOK.accept(asked, out))
        if out.value is not None:
            world.storage.send(WEBHOOK.queue, out.value)
        return answer.status_code

    @pytest.fixture(autouse=True)
    def keys(self, environment):
        """A key for Odoo's webhook beside the operators' own."""
        scopes = [("odoo", KEY, ["webhook:odoo"]), ("local", "local-dev-key", ["admin"])]
        environment.setenv("API_KEYS", json.dumps([{"name": n, "key": k, "scopes": s} for n, k, s in scopes]))
        get_settings.cache_clear()

    def test_hint_brings_the_change_at_once(self, world, people, lead):
        """Nobody waits for the minute."""
        people.write("crm.lead", [lead], {"stage_id": 21})
        clock.sleep(1)
        assert self.send(world, KEY) == 202
        world.run()
        assert row().stage_id == 21

    def test_key_that_opens_more_does_not_stand_in_an_address(self, world, sandbox):
        """401 without a key, 403 with an operator's."""
        assert self.send(world, "wrong") == 401
        assert self.send(world, "local-dev-key") == 403

    def test_needs_no_database(self, world, environment, sandbox):
        """It answers while the database is away: what it says is only put on the queue."""
        environment.setenv("DATABASE_URL", "sqlite:////nowhere/at/all.db")
        assert self.send(world, KEY) == 202


def test_odoo_away_is_waited_for(world, people, lead, sandbox):
    """A look fails without noise, and the next one misses nothing."""
    people.write("crm.lead", [lead], {"stage_id": 21})
    sandbox.fault("down")
    clock.sleep(1)
    odoo_changes.ask()
    world.run()
    assert row().stage_id == 18
    sandbox.fault("none")
    look(world)
    assert row().stage_id == 21


class TestAnyOrder:
    """Whatever is reported, edited, looked at, sent, and lost, in any order: both sides end with the policy's value."""

    STEPS = st.lists(
        st.one_of(
            st.tuples(st.just("ours"), st.integers(18, 21), st.integers(-5, 5)),
            st.tuples(st.just("theirs"), st.integers(18, 21)),
            st.just(("look",)),
            st.just(("sync",)),
            st.just(("lost answer",)),
        ),
        max_size=7,
    )

    @pytest.mark.slow
    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=STEPS)
    @example(steps=[("theirs", 19), ("theirs", 18), ("ours", 19, 0)])
    @example(steps=[("theirs", 19), ("theirs", 18), ("ours", 19, -1)])
    @example(steps=[("theirs", 19), ("theirs", 18), ("theirs", 19), ("theirs", 18), ("theirs", 19)])
    @pytest.mark.usefixtures("lead")
    def test_stage_and_salesperson(self, world, people, steps):
        """The stage is the newest by its own time, the salesperson the one whom a person has set last, else our newest."""
        key = f"x{uuid.uuid4().hex[:12]}"
        self.known_advisors()
        start = clock.now() - timedelta(hours=1)
        self.report(world, key, 18, start)
        world.run()
        look(world)
        ours, edits = [(start, 18)], []
        for step in steps:
            self.do(world, people, key, step, ours, edits)
        world.run()
        look(world)
        look(world)
        self.check(people, key, ours, edits, steps)

    def do(self, world, people, key, step, ours, edits):
        """One step; what it says is noted."""
        present()
        match step:
            case ("ours", stage, minutes):
                at = clock.now() + timedelta(
                    minutes=10 * min(minutes, 0), seconds=60 * max(minutes, 0) / 2, milliseconds=len(ours)
                )
                at = at.replace(microsecond=at.microsecond // 1000 * 1000)
                self.report(world, key, stage, at)
                ours.append((at, stage))
            case ("theirs", stage):
                self.edit(world, people, key, stage, edits)
            case ("look",):
                look(world)
            case ("sync",):
                world.run()
            case ("lost answer",):  # it is written, and its worker dies before it can note that
                odoo_rows.sync_opportunities([key])

    def edit(self, world, people, key, stage, edits):
        """A salesperson sets a stage and a user; what differs from what was there is noted.

        What is set and set back between two looks cannot be told from what nobody has touched: there a look comes first.
        """
        ours = self.ours(key)
        number, user, seen = ours.odoo_id, ANA + stage % 2, Seen.of(ours)
        if seen.knows("stage", stage) or seen.knows("advisor", user):
            look(world)
        before = theirs(people, number, "stage_id", "user_id")
        people.write("crm.lead", [number], {"stage_id": stage, "user_id": user})
        if before["stage_id"][0] != stage:  # else nobody has set anything
            edits.append((theirs(people, number, "date_last_stage_update")["date_last_stage_update"], stage))
        if not before["user_id"] or before["user_id"][0] != user:
            edits.append((None, user))

    def ours(self, key):
        """Our row."""
        with reading() as session:
            return session.scalars(select(Opportunity).where(Opportunity.manychat_id == key)).unique().one()

    def report(self, world, key, stage, at):
        """ManyChat reports a stage and an advisor."""
        event = opportunity(key, stage=stage, at=at.isoformat(), commercial_advisor_id=1 + stage % 2)
        assert world.post("opportunity", event).status_code == 202
        while world.step("manychat-crm-opportunities-queue"):
            pass

    def known_advisors(self):
        """Our advisors 1 and 2 are Odoo's users 5 and 6."""

        def work(session):
            if session.get(Advisor, 1) is None:
                session.add(Advisor(id=1, name="Ana", odoo_user_id=ANA))
                session.add(Advisor(id=2, name="Bruno", odoo_user_id=BRUNO))

        transact(work)

    def check(self, people, key, ours, edits, steps):
        """Both sides are the same, and what the policy says."""
        mine = self.ours(key)
        found = theirs(people, mine.odoo_id, "stage_id", "user_id")
        moved = [(datetime.fromisoformat(f"{at}.999999+00:00"), stage) for at, stage in edits if at is not None]
        assert mine.stage_id == found["stage_id"][0]
        assert mine.stage_id == max(reversed([*ours, *moved]), key=lambda one: one[0])[1], (steps, ours, moved)
        assigned = [user for at, user in edits if at is None]
        newest = max(ours)[1]
        assert found["user_id"][0] == (assigned[-1] if assigned else ANA + newest % 2)
        assert mine.commercial_advisor_id == found["user_id"][0] - ANA + 1


def test_own_write_whose_worker_died_is_known_when_it_comes_back(world, people, lead):
    """It was written and never recorded; then ManyChat reports an older stage's successor and somebody edits another field."""
    post(world, 20, hours=0.5)
    while world.step("manychat-crm-opportunities-queue"):
        pass
    odoo_rows.sync_opportunities(["m1"])
    assert theirs(people, lead, "stage_id")["stage_id"][0] == 20
    people.write("crm.lead", [lead], {"city": "Puebla"})
    post(world, 21, hours=0.4)
    while world.step("manychat-crm-opportunities-queue"):
        pass
    present()
    odoo_changes.look(clock.now() + timedelta(days=1))
    assert row().stage_id == 21
    world.run()
    assert theirs(people, lead, "stage_id")["stage_id"][0] == 21
