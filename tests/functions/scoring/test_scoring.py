"""A lead of ManyChat: scored, kept, and brought to HubSpot as one contact that moves on only."""

from typing import Any

import pytest

from functions.hubspot import setup
from functions.hubspot.client import HUBSPOT
from shared.errors import ConfigurationError, ThrottledError, UnavailableError
from shared.outbox.actions import State
from shared.privacy.erase import erase, person
from shared.settings import get_settings
from shared.store.models import Delivery, InboxEvent
from shared.store.session import reading
from tests.functions.scoring.conftest import Account, lead
from tests.support.payloads import payload

HOT = {"events": [{"type": "click"}] * 5 + [{"type": "reply"}] * 5}


def test_lead_becomes_a_contact_with_its_score(account: Account) -> None:
    """Every fact of the map, as text; the row knows the contact."""
    account.report(payload("manychat.lead", "hot"))
    account.settle()
    (contact,) = account.contacts
    assert contact == {
        "email": "ana@example.com",
        "firstname": "Ana",
        "lastname": "López",
        "phone": "+525512345678",
        "lead_source": "manychat",
        "lead_score__c": "53",
        "lead_priority": "high",
        "utm_source": "facebook",
        "utm_campaign": "invierno",
        "lifecyclestage": "opportunity",
    }
    (row,) = account.leads
    assert (row.hubspot_sync_status, row.hubspot_contact_id, row.validation_errors) == ("success", "50", "")


def test_lead_without_address_and_number_is_an_event_only(account: Account) -> None:
    """The run succeeds and says why nothing came of it."""
    account.report(lead(email="no address"), lead("2", email=None))
    account.settle()
    assert (account.leads, account.contacts) == ([], [])
    with reading() as session:
        assert {row.outcome for row in session.query(InboxEvent)} == {"no_valid_contact_info"}


def test_errors_are_kept_with_the_lead(account: Account) -> None:
    """A bad address costs nothing but itself, where there is a number."""
    account.report(lead(email="ana@", phone="55 1234 5678"))
    account.settle()
    (row,) = account.leads
    assert (row.validation_errors, row.email, row.phone) == ("invalid_email_format", None, "+525512345678")
    assert account.contacts[0]["phone"] == "+525512345678"


def test_lead_without_an_id_is_refused(account: Account) -> None:
    """No row that all nameless leads would share."""
    body = lead() | {"id": ""}
    assert account.world.post("lead", body).status_code == 422


def test_contact_that_is_there_is_found_by_its_address(account: Account) -> None:
    """What the report does not say stays as it was there."""
    account.hubspot.act("create", {"properties": {"email": "ana1@example.com", "lastname": "Ríos"}})
    account.report(lead())
    account.settle()
    (contact,) = account.contacts
    assert (contact["firstname"], contact["lastname"], contact["lead_score__c"]) == ("Ana", "Ríos", "33")


def test_lead_without_address_is_found_by_its_number(account: Account) -> None:
    """In any spelling of the line."""
    account.hubspot.act("create", {"properties": {"phone": "+5215512345678", "firstname": "Anita"}})
    account.clock.advance(minutes=1)
    account.report(lead(email=None, phone="+52 55 1234 5678"))
    account.settle()
    (contact,) = account.contacts
    assert contact["lead_priority"] == "low"


@pytest.mark.parametrize(
    ("known", "after"), [("", "opportunity"), ("lead", "opportunity"), ("customer", "customer"), ("4711", "4711")]
)
def test_life_cycle_moves_forward_only(account: Account, known: str, after: str) -> None:
    """A stage that people have made is none of ours, and stays."""
    account.hubspot.act("create", {"properties": {"email": "ana1@example.com", "lifecyclestage": known}})
    account.report(lead(**HOT))
    account.settle()
    assert account.contacts[0]["lifecyclestage"] == after


def test_priority_that_falls_takes_nothing_back(account: Account) -> None:
    """The score follows; the stage stays."""
    account.report(lead(**HOT), lead())
    account.settle()
    assert (account.contacts[0]["lead_priority"], account.contacts[0].get("lifecyclestage")) == ("low", None)
    account.report(lead(**HOT))
    account.settle()
    account.report(lead())
    account.settle()
    assert (account.contacts[0]["lead_priority"], account.contacts[0]["lifecyclestage"]) == ("low", "opportunity")


@pytest.mark.slow
def test_hundred_leads_are_a_few_calls(account: Account) -> None:
    """By their addresses: looked for once, written once."""
    account.report(*(lead(str(number)) for number in range(1, 101)))
    account.settle()
    assert len(account.contacts) == 100
    assert (account.calls("/batch/read"), account.calls("/batch/upsert"), account.calls("/search")) == (1, 1, 0)


@pytest.mark.slow
def test_rotten_row_and_doubled_one_cost_the_others_nothing(account: Account) -> None:
    """98 are written, the rotten one is parked with HubSpot's words; two leads of one address are two rows and one contact."""
    rows = [lead(str(number)) for number in range(1, 98)]
    twins = [
        lead("l1", email="Luis.P@example.com", phone="55 1111 2222"),
        lead("l2", email="luis.p@example.com ", first_name="Luis"),
    ]
    account.report(*rows, *twins, lead("eva", email="eva@refused.example"))
    account.settle()
    assert len(account.contacts) == 98
    luis = next(contact for contact in account.contacts if contact["email"] == "luis.p@example.com")
    assert (luis["firstname"], luis["phone"]) == ("Luis", "+525511112222")
    states = {row.ext_id: row.hubspot_sync_status for row in account.leads}
    assert {name for name, state in states.items() if state != "success"} == {"eva"}
    with reading() as session:
        (parked,) = session.query(Delivery).filter(Delivery.state == State.DEAD).all()
    assert "INVALID" in str(parked.last_error)


def test_further_address_of_a_contact_is_that_contact(account: Account) -> None:
    """No search finds it; the conflict names it. Its first address is not replaced, then or later."""
    made = account.hubspot.act("create", {"properties": {"email": "first@example.com"}})
    account.hubspot.act("second_email", {"id": made["id"], "email": "ana1@example.com"})
    account.report(lead())
    account.settle()
    account.report(lead(last_name="López"))
    account.settle()
    (contact,) = account.contacts
    assert (contact["email"], contact["lastname"]) == ("first@example.com", "López")
    assert account.leads[0].hubspot_contact_id == made["id"]


def test_deleted_contact_is_made_anew(account: Account) -> None:
    """The id that we remember is no more."""
    account.report(lead())
    account.settle()
    account.hubspot.act("remove", {"id": account.leads[0].hubspot_contact_id})
    account.report(lead(last_name="López"))
    account.settle()
    assert [contact["lastname"] for contact in account.contacts] == ["López"]
    assert account.leads[0].hubspot_sync_status == "success"


def test_merged_contact_is_followed(account: Account) -> None:
    """By the id that it has now."""
    account.report(lead())
    account.settle()
    other = account.hubspot.act("create", {"properties": {"email": "x@example.com"}})
    merged = account.hubspot.act("merge", {"id": account.leads[0].hubspot_contact_id, "other": other["id"]})
    account.report(lead(last_name="López"))
    account.settle()
    assert (account.leads[0].hubspot_contact_id, len(account.contacts)) == (merged["id"], 1)


def test_lost_answer_makes_no_second_contact(account: Account) -> None:
    """Neither with an address nor with a number only, which the search finds later."""
    account.report(lead(), lead("2", email=None, phone="55 1234 5678"))
    account.wire.lose_answers = 6
    account.settle(minutes=4)
    assert len(account.contacts) == 2
    assert {row.hubspot_sync_status for row in account.leads} == {"success"}


def test_numbers_that_the_search_does_not_find_yet(account: Account) -> None:
    """Two leads of one number within the seconds in which HubSpot's search is behind."""
    account.hubspot.act("lag", {"seconds": 600})
    account.report(lead("1", email=None, phone="55 1234 5678"))
    account.settle()
    account.report(lead("2", email=None, phone="+52 1 55 1234 5678"))
    account.settle()
    assert len(account.contacts) == 1
    assert len({row.hubspot_contact_id for row in account.leads}) == 1


def test_limit_of_ten_seconds_and_of_the_day_are_waited_for(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """The policy in the answer says how long; no attempt is spent."""
    answer = account.hubspot.answer
    modes = iter(["ten_seconds", "daily"])

    def busy(call: Any) -> Any:
        mode = next(modes, None)
        return account.hubspot.fail(mode, call) if mode else answer(call)

    monkeypatch.setattr(account.hubspot, "answer", busy)
    for seconds in (10.0, 3600.0):
        with pytest.raises(ThrottledError) as refusal:
            HUBSPOT.call("GET", "/crm/v3/objects/contacts", repeatable=True)
        assert refusal.value.after_seconds == seconds


def test_account_that_is_refused_costs_no_attempt(account: Account, environment: pytest.MonkeyPatch) -> None:
    """A scope is missing: a matter of all calls, which a person mends."""
    environment.setattr(account.hubspot, "answer", lambda call: account.hubspot.fail("scopes", call))
    account.report(lead())
    account.settle()
    with pytest.raises(UnavailableError) as refusal:
        HUBSPOT.ping()
    assert refusal.value.account
    assert account.leads[0].hubspot_sync_status == "error"
    with reading() as session:
        (delivery,) = session.query(Delivery).filter(Delivery.target == "hubspot").all()
    assert (delivery.state, delivery.attempts) == (State.PENDING, 0)


def test_erased_lead_is_gone_and_hubspots_contact_is_named(account: Account) -> None:
    """What is to be deleted there is said to whoever erases."""
    account.report(lead(phone="55 1234 5678"))
    account.settle()
    report = erase(person(email="ana1@example.com"), way="delete", actor="dpo")
    assert account.leads == []
    assert "50" in str(report)


class TestSetup:
    """`make hubspot-setup`."""

    def test_missing_property_is_named_and_created(self, account: Account, capsys: pytest.CaptureFixture[str]) -> None:
        """With --apply only; then all is there."""
        account.hubspot.act("property", {"name": "lead_score__c", "gone": True})
        assert setup.main([]) == 1
        assert "MISSING lead_score__c" in capsys.readouterr().out
        assert setup.main(["--apply"]) == 0
        assert "created lead_score__c" in capsys.readouterr().out
        assert setup.main([]) == 0

    def test_property_that_cannot_hold_the_value_is_said(
        self, account: Account, capsys: pytest.CaptureFixture[str], environment: pytest.MonkeyPatch
    ) -> None:
        """A text in a number."""
        environment.setenv("HUBSPOT_LEAD_PROPERTIES", '{"priority": "lead_score__c", "score": "other_score"}')
        get_settings.cache_clear()
        assert setup.main([]) == 1
        assert "WRONG   lead_score__c" in capsys.readouterr().out

    def test_account_that_cannot_be_asked(self, account: Account, environment: pytest.MonkeyPatch) -> None:
        """Exit code 2."""
        environment.setattr(account.hubspot, "answer", lambda call: account.hubspot.fail("scopes", call))
        assert setup.main([]) == 2


class TestSettings:
    """What the account is like."""

    def test_map_adds_and_leaves_out(self, account: Account, environment: pytest.MonkeyPatch) -> None:
        """A fact that is mapped to nothing is not written."""
        environment.setenv("HUBSPOT_LEAD_PROPERTIES", '{"ext_id": "manychat_user_id", "source": ""}')
        get_settings.cache_clear()
        account.report(lead("77"))
        account.settle()
        (contact,) = account.contacts
        assert (contact["manychat_user_id"], "lead_source" in contact) == ("77", False)

    def test_stages_of_other_priorities_and_of_the_account(self, account: Account, environment: pytest.MonkeyPatch) -> None:
        """By their own order."""
        environment.setenv("HUBSPOT_LIFECYCLE", '{"low": "4711"}')
        environment.setenv("HUBSPOT_LIFECYCLE_STAGES", "lead,4711,customer")
        get_settings.cache_clear()
        account.hubspot.act("create", {"properties": {"email": "ana1@example.com", "lifecyclestage": "lead"}})
        account.report(lead())
        account.settle()
        assert account.contacts[0]["lifecyclestage"] == "4711"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("HUBSPOT_LIFECYCLE", '{"high": "nowhere"}'),
            ("HUBSPOT_LIFECYCLE", '{"highest": "lead"}'),
            ("HUBSPOT_LEAD_PROPERTIES", '{"email": "other_email"}'),
            ("HUBSPOT_LEAD_PROPERTIES", '{"score": "Puntuación"}'),
            ("HUBSPOT_SIGNATURE_VERSIONS", "v3,v4"),
            ("HUBSPOT_PROP_ESTADO_INTERES", "estado_interés"),
        ],
    )
    def test_settings_that_cannot_work_are_refused(self, environment: pytest.MonkeyPatch, name: str, value: str) -> None:
        """At the start, by their name."""
        environment.setenv(name, value)
        get_settings.cache_clear()
        with pytest.raises(ConfigurationError, match=name):
            get_settings()
