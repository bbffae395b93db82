"""Campaigns go to Odoo: the campaign on a lead, tags, records of a model; in any order, and once."""

import itertools
import json
import threading

import pytest
from sqlalchemy import select, update

from shared.crm import odoo_campaigns
from shared.crm.odoo_sync import MEMBERS
from shared.outbox import dispatch
from shared.privacy.erase import erase, look
from shared.privacy.erase import person as whom
from shared.store.models import Campaign, CampaignContact, Contact, Delivery
from shared.store.session import reading, transact
from shared.vendors.odoo import setup
from shared.vendors.odoo.client import OdooClient
from tests.support.campaigns_in_odoo import (
    START,
    add_campaign,
    assign,
    campaigns,
    configure,
    odoo,
    our_campaign,
    person,
    rename,
    shown,
    states,
)
from tests.support.world import contact, opportunity

MODEL = "x_campaign_contact"


@pytest.fixture
def both(sandbox, world, environment):
    """Leads and partners, both with tags."""
    configure(environment, sync_mode="both", campaign_contacts="tags")
    return world


@pytest.mark.slow
def test_every_order_ends_with_the_same_in_odoo(both):
    """Person, stage, and two campaigns, in orders of the four: the newer campaign on the lead, both as tags, each once."""
    add_campaign(1, "Marzo")
    add_campaign(2, "Abril")
    steps = {
        "contact": lambda who: both.post("contact", contact(who)),
        "stage": lambda who: both.post("opportunity", opportunity(who)),
        "first": lambda who: assign(both, who, 1, "2026-03-01T10:00:00Z"),
        "second": lambda who: assign(both, who, 2, "2026-04-01T10:00:00Z"),
    }
    for number, order in enumerate(list(itertools.permutations(steps))[::5]):
        for step in order:
            steps[step](f"m{number}")
            both.run()
        assert shown(f"m{number}") == {"campaign": "Abril", "lead": ["Abril", "Marzo"], "partner": ["Abril", "Marzo"]}, order
    assert (campaigns(), set(states())) == (["Marzo", "Abril"], {"success"})


def test_each_mode_sends_what_it_should(sandbox, world, environment):
    """`contacts`: partners alone; `opportunities`: nothing, unless the field map names the campaign."""
    configure(environment, sync_mode="opportunities")
    add_campaign(1, "Marzo")
    person(world)
    assign(world, "m1", 1)
    world.run()
    assert (campaigns(), shown("m1")["campaign"], states()) == ([], False, [None])
    configure(environment, sync_mode="contacts", campaign_contacts="tags")
    person(world, "m2")
    assign(world, "m2", 1)
    world.run()
    assert shown("m2") == {"campaign": None, "lead": None, "partner": ["Marzo"]}
    configure(environment, sync_mode="opportunities", campaign_contacts="none", field_map='{"campaign": "campaign_id"}')
    assign(world, "m1", 1, "2026-03-02T10:00:00Z", summary="again")
    world.run()
    assert shown("m1")["campaign"] == "Marzo"


def test_what_others_have_put_there_stays(both):
    """Odoo's campaign of that name is used, as is a tag; tags of the salespeople stay; what is there is not written again."""
    client = odoo()
    client.create("utm.campaign", [{"name": "marzo", "title": "marzo"}])
    (ours,) = client.create("crm.tag", [{"name": "Salespeople's"}])
    add_campaign(1, "Marzo")
    person(both)
    both.run()
    lead = client.search_read("crm.lead", [["x_manychat_id", "=", "m1"]], ["id"])[0]["id"]
    client.write("crm.lead", [lead], {"tag_ids": [[4, ours]]})
    assign(both, "m1", 1)
    both.run()
    assert (campaigns(), shown()["lead"]) == (["marzo"], ["Marzo", "Salespeople's"])
    written = client.search_read("crm.lead", [["id", "=", lead]], ["write_date", "tag_ids"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OdooClient, "write", lambda *_args, **_more: pytest.fail("nothing is to be written"))
        assign(both, "m1", 1, "2026-03-02T10:00:00Z", summary="new")
        both.run()
    assert client.search_read("crm.lead", [["id", "=", lead]], ["write_date", "tag_ids"]) == written


def test_new_name_is_written_and_a_lost_record_is_made_anew(both):
    """Odoo's campaign and tags get our new name; what Odoo has deleted is there again at the next assignment."""
    add_campaign(1, "Marzo")
    person(both)
    assign(both, "m1", 1)
    both.run()
    rename(1, "Primavera")
    both.run()
    assert (campaigns(), shown()) == (["Primavera"], {"campaign": "Primavera", "lead": ["Primavera"], "partner": ["Primavera"]})
    client = odoo()
    client.unlink("utm.campaign", [our_campaign(1).odoo_id])
    client.unlink("crm.tag", [our_campaign(1).odoo_tags["crm.tag"]])
    client.memory.clear()
    assign(both, "m1", 1, "2026-03-02T10:00:00Z", summary="new")
    both.run()
    assert (campaigns(), shown()["lead"]) == (["Primavera"], ["Primavera"])


@pytest.mark.slow
def test_record_that_is_lost_while_it_is_remembered_costs_one_more_try(both, test_clock):
    """The tag is deleted behind our back: the write fails, is tried again, and the tag is made anew."""
    add_campaign(1, "Marzo")
    person(both)
    assign(both, "m1", 1)
    both.run()
    odoo().unlink("crm.tag", [our_campaign(1).odoo_tags["crm.tag"]])
    person(both, "m2")
    assign(both, "m2", 1)
    both.run()
    both.run_for(test_clock, minutes=5)
    assert (shown("m2")["lead"], set(states())) == (["Marzo"], {"success"})


def test_processes_at_once_make_one_campaign(both):
    """Four that have nothing in mind look for the same campaign; Odoo ends with one, whoever comes first."""
    ours = odoo_campaigns.Ours(7, "Mayo")
    gate, found = threading.Barrier(4), []

    def ask():
        client = OdooClient(odoo()._transport)
        gate.wait()
        found.append(odoo_campaigns.number_of(client, odoo_campaigns.CAMPAIGN, ours))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(set(found)), campaigns()) == (1, ["Mayo"])


def test_what_was_stored_before_is_asked_for_by_the_engine(both, test_clock):
    """Campaigns and people in them that nobody has asked for, as after an upgrade or an import, come to Odoo by themselves."""
    person(both)
    both.run()
    transact(lambda session: session.add(Campaign(id=1, name="Marzo", date_start=START)))
    values = {"campaign_id": 1, "registration_date": START}
    transact(lambda session: session.add(CampaignContact(contact_id=session.scalars(select(Contact.id)).one(), **values)))
    assert dispatch.requeue_lost() == 2
    both.timers()
    both.run()
    assert (shown()["campaign"], states(), our_campaign(1).odoo_sync_status) == ("Marzo", ["success"], "success")


def test_crash_after_odoo_has_written_changes_nothing_more(both, test_clock):
    """Odoo has it, our record does not: the same rows again write nothing, and end in step."""
    add_campaign(1, "Marzo")
    person(both)
    both.run()
    assign(both, "m1", 1)
    both.step("manychat-campaign-queue")
    from shared.crm.odoo_members import sync_members

    sync_members([1])
    before = shown()
    both.run()
    assert (shown(), states()) == (before, ["success"])


def test_missing_right_stops_campaigns_and_nothing_else(both, monkeypatch, test_clock):
    """Odoo refuses a new tag: the row says so, leads go on, and the circuit stays closed."""
    from shared.errors import PermanentError
    from shared.vendors.odoo import named

    def refuse(*_args, **_more):
        raise PermanentError("odoo-access-error", "you may not")

    add_campaign(1, "Marzo")
    monkeypatch.setattr(named, "make", refuse)
    assign(both, "m1", 1)
    person(both)
    both.run()
    assert (states(), our_campaign(1).odoo_sync_status) == (["error"], "error")
    assert shown() == {"campaign": False, "lead": [], "partner": []}


@pytest.mark.slow
def test_records_of_a_model(sandbox, world, environment, capsys):
    """The set-up says that the model is missing, makes it, and finds all there; then each person in a campaign has a record."""
    setting = json.dumps({"model": MODEL, "sale_order_date": "x_sold", "summary": ""})
    configure(environment, sync_mode="both", campaign_contacts=setting)
    assert setup.main([], {}) == 1
    assert f"the model {MODEL} of ODOO_CAMPAIGN_CONTACTS does not exist; --apply creates it" in capsys.readouterr().out
    assert setup.main(["--apply"], {}) == 0
    assert setup.main(["--apply"], {}) == 0
    assert "created" not in capsys.readouterr().out.splitlines()[-1]
    add_campaign(1, "Marzo")
    assign(world, "m1", 1, summary="no field takes it")
    world.run()
    fields = ["x_key", "x_name", "x_campaign_id", "x_partner_id", "x_lead_id", "x_registration_date", "x_last_state"]
    (first,) = odoo().search_read(MODEL, [], fields)
    assert (first["x_key"], first["x_campaign_id"][1], first["x_partner_id"]) == ("m1-1", "Marzo", False)
    person(world)
    world.run()
    assign(world, "m1", 1, "2026-03-02T10:00:00Z", ultimo_estado="Cotizado")
    world.run()
    (record,) = odoo().search_read(MODEL, [], fields)
    assert (record["id"], record["x_last_state"], record["x_registration_date"]) == (
        first["id"],
        "Cotizado",
        "2026-03-01 10:00:00",
    )
    assert record["x_partner_id"]
    assert record["x_lead_id"]
    was = look(whom("m1"))
    assert was.odoo[MODEL] == [record["id"]]
    erase(whom("m1"), way="delete", actor="dpo")
    assert odoo().search_read(MODEL, [], ["id"]) == []
    with reading() as session:
        assert not [one for one in session.scalars(select(Delivery.subject)) if one.startswith(MEMBERS.subject_prefix)]


def test_erasure_that_keeps_the_records_takes_the_campaigns_off_them(both):
    """Anonymised: no tag and no campaign is left on lead and partner."""
    add_campaign(1, "Marzo")
    person(both)
    assign(both, "m1", 1)
    both.run()
    lead = odoo().search_read("crm.lead", [["x_manychat_id", "=", "m1"]], ["id"])[0]["id"]
    erase(whom("m1"), way="anonymise", actor="dpo")
    (left,) = odoo().search_read("crm.lead", [["id", "=", lead]], ["campaign_id", "tag_ids"])
    assert (left["campaign_id"], left["tag_ids"]) == (False, [])


@pytest.mark.slow
def test_batch_of_many_people_is_a_few_calls(both, monkeypatch):
    """A dozen people of one campaign: two looks, two writes."""
    add_campaign(1, "Marzo")
    both.run()
    for number in range(12):
        person(both, f"m{number}")
        assign(both, f"m{number}", 1)
    for queue in ("manychat-contact-queue", "manychat-crm-opportunities-queue", "manychat-campaign-queue"):
        while both.step(queue):
            pass
    both.run()
    transact(lambda session: session.execute(update(CampaignContact).values(odoo_sync_status=None)))
    calls = []
    whole = OdooClient.call

    def call(self, model, method, *args, **more):
        calls.append(f"{model}.{method}")
        return whole(self, model, method, *args, **more)

    for one in odoo().search_read("crm.lead", [], ["id"]):
        odoo().write("crm.lead", [one["id"]], {"campaign_id": False, "tag_ids": [[5, 0, 0]]})
    monkeypatch.setattr(OdooClient, "call", call)
    dispatch.requeue_lost()
    both.timers()
    both.run()
    assert sorted(calls) == ["crm.lead.search_read", "crm.lead.write", "crm.lead.write", "res.partner.search_read"]
    assert set(states()) == {"success"}
