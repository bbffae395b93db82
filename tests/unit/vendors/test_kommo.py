"""Kommo: the contact that really is the person's, one lead, and what each answer means."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from functions.leads.kommo import Created, Kommo, KommoLead, Person
from shared import clock
from shared.errors import PermanentError, PuenteError, RetryableError, ThrottledError, UnavailableError, UncertainError
from tests.unit.vendors.network import Answer, FakeNetwork, cut, html

NOTHING = Answer(204, b"")
ANA = Person(name="Ana López", email="ana@example.com", phone="+5215512345678")


def kommo(network: FakeNetwork) -> Kommo:
    return Kommo("https://acme.kommo.invalid", "t0ken", network)


def contact(number: int, email: str = "", phone: str = "") -> dict[str, Any]:
    fields = [
        {"field_code": code, "values": [{"value": value, "enum_code": "WORK"}]}
        for code, value in (("EMAIL", email), ("PHONE", phone))
        if value
    ]
    return {"id": number, "name": "x", "custom_fields_values": fields or None}


def contacts(*entries: dict[str, Any]) -> Answer:
    return Answer(200, {"_embedded": {"contacts": list(entries)}})


def query(request: requests.PreparedRequest) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(str(request.url)).query))


def test_a_contact_by_its_address() -> None:
    """Case and spaces do not matter; of several the oldest; one call is enough."""
    network = FakeNetwork(
        contacts(contact(9, " ANA@Example.com "), contact(7, "ana@example.com"), contact(3, "mariana@example.com"))
    )
    assert kommo(network).find_contact(email="Ana@example.com", phone="+5215512345678") == 7
    assert [urlsplit(str(request.url)).path for request in network.requests] == ["/api/v4/contacts"]
    assert query(network.requests[0]) == {"query": "Ana@example.com", "limit": "250"}
    assert network.requests[0].headers["Authorization"] == "Bearer t0ken"


def test_what_merely_resembles_is_not_taken() -> None:
    """Kommo's search finds parts of words in any field; the first hit may be somebody else."""
    network = FakeNetwork(contacts(contact(3, "mariana@example.com"), contact(4, "", "+525587654321"), contact(5)))
    assert kommo(network).find_contact(email="ana@example.com", phone="+5215512345678") is None
    assert len(network.requests) == 2


@pytest.mark.parametrize("stored", ["+525512345678", "55 1234 5678", "5215512345678", "(55) 1234-5678"])
def test_a_contact_by_its_number_however_it_is_written(stored: str) -> None:
    """Country code and the Mexican 1 may be missing."""
    network = FakeNetwork(NOTHING, contacts(contact(4, "other@example.com", stored)))
    assert kommo(network).find_contact(email="ana@example.com", phone="+5215512345678") == 4
    assert query(network.requests[1])["query"] == "5512345678"


@pytest.mark.parametrize(("email", "phone"), [("", ""), ("  ", "12345"), ("", "+")])
def test_nothing_to_look_for_is_not_looked_for(email: str, phone: str) -> None:
    """An empty search would find everybody."""
    network = FakeNetwork(contacts(contact(1)))
    assert kommo(network).find_contact(email=email, phone=phone) is None
    assert not network.requests


def test_a_lead_with_a_new_contact() -> None:
    """One request with bare arrays and numbers as numbers; empty fields are left out; no quick second try."""
    network = FakeNetwork(Answer(200, [{"id": 11, "contact_id": 22, "company_id": None, "merged": False, "request_id": ["k"]}]))
    lead = KommoLead(name="Web - Ana", pipeline_id=1, status_id=2, custom_fields={77: "Acme", 78: ""}, tags=["web"])
    assert kommo(network).create_complex(lead, person=ANA, key="k") == Created(11, 22, merged=False)
    assert urlsplit(str(network.requests[0].url)).path == "/api/v4/leads/complex"
    assert network.bodies == [
        [
            {
                "name": "Web - Ana",
                "pipeline_id": 1,
                "status_id": 2,
                "custom_fields_values": [{"field_id": 77, "values": [{"value": "Acme"}]}],
                "_embedded": {
                    "contacts": [
                        {
                            "name": "Ana López",
                            "custom_fields_values": [
                                {"field_code": "EMAIL", "values": [{"value": "ana@example.com", "enum_code": "WORK"}]},
                                {"field_code": "PHONE", "values": [{"value": "+5215512345678", "enum_code": "WORK"}]},
                            ],
                        }
                    ],
                    "tags": [{"name": "web"}],
                },
                "request_id": "k",
            }
        ]
    ]


def test_a_lead_for_a_contact_that_is_there() -> None:
    """By its id alone; Kommo may still find the lead to be one that it has."""
    network = FakeNetwork(Answer(200, [{"id": 11, "merged": True}]))
    assert kommo(network).create_complex(KommoLead(name="n"), contact_id=22) == Created(11, 22, merged=True)
    assert network.bodies == [[{"name": "n", "_embedded": {"contacts": [{"id": 22}]}}]]


def lead(number: int, name: str = "Web - Ana", status: int = 2, created: int = 1000) -> dict[str, Any]:
    return {"id": number, "name": name, "status_id": status, "created_at": created}


@pytest.mark.parametrize(
    ("leads", "found"),
    [
        ([lead(5), lead(6)], 6),
        ([lead(5), lead(6, status=142), lead(7, status=143)], 5),
        ([lead(5, name="Otro - Ana")], None),
        ([lead(5, created=999)], None),
        ([], None),
    ],
)
def test_a_lead_is_found_again(leads: list[dict[str, Any]], found: int | None) -> None:
    """Among the contact's own: open, of that name, made since then."""
    of_contact = Answer(200, {"id": 22, "_embedded": {"leads": [{"id": one["id"]} for one in leads]}})
    network = FakeNetwork(of_contact, Answer(200, {"_embedded": {"leads": leads}}))
    since = datetime.fromtimestamp(1000, UTC)
    assert kommo(network).find_lead(22, name="Web - Ana", since=since) == found
    assert query(network.requests[0]) == {"with": "leads"}
    if leads:
        asked = {value for name, value in query(network.requests[1]).items() if name.startswith("filter[id][")}
        assert asked == {str(one["id"]) for one in leads}


def test_changes_may_be_repeated() -> None:
    """A stage and values are set, whatever they were: a cut connection is simply tried again."""
    network = FakeNetwork(cut(), Answer(200, {"id": 11}))
    vendor = kommo(network)
    vendor.update_lead_status(11, 5)
    vendor.update_lead_status(11, 5, pipeline_id=1)
    vendor.update_lead(11, KommoLead(name="n", custom_fields={77: "Acme"}))
    vendor.update_contact(22, Person(name="Ana"))
    sent = [(request.method, urlsplit(str(request.url)).path) for request in network.requests]
    assert sent == [*[("PATCH", "/api/v4/leads/11")] * 4, ("PATCH", "/api/v4/contacts/22")]
    assert network.bodies[1:] == [
        {"status_id": 5},
        {"status_id": 5, "pipeline_id": 1},
        {"name": "n", "custom_fields_values": [{"field_id": 77, "values": [{"value": "Acme"}]}]},
        {"name": "Ana"},
    ]


def test_notes() -> None:
    """Several in one request, and the one that says exactly this is found again."""
    network = FakeNetwork(Answer(200, {"_embedded": {"notes": [{"id": 1}, {"id": 2}]}}))
    assert kommo(network).add_notes(11, ["uno", "dos"]) == [1, 2]
    assert network.bodies == [
        [{"note_type": "common", "params": {"text": "uno"}}, {"note_type": "common", "params": {"text": "dos"}}]
    ]
    listed = [{"id": 3, "params": {"text": "uno"}}, {"id": 4, "params": {"text": "uno más"}}, {"id": 5, "params": None}]
    network = FakeNetwork(Answer(200, {"_embedded": {"notes": listed}}))
    assert kommo(network).find_note(11, "uno") == 3
    assert kommo(FakeNetwork(NOTHING)).find_note(11, "uno") is None


INVALID = {
    "title": "Bad Request",
    "validation-errors": [{"request_id": "0", "errors": [{"code": "NotSupportedChoice", "path": "status_id", "detail": "x"}]}],
}


@pytest.mark.parametrize(
    ("step", "error", "reason"),
    [
        (Answer(400, INVALID), PermanentError, "kommo-refused"),
        (Answer(401, {"title": "Unauthorized"}), UnavailableError, None),
        (Answer(402, {"title": "Payment Required"}), UnavailableError, None),
        (html(403), UnavailableError, None),
        (Answer(429, {"retry_after": 300}), ThrottledError, None),
        (Answer(500), UncertainError, None),
        (Answer(504), UncertainError, None),
        (html(), UncertainError, None),
        (Answer(200, []), UncertainError, None),
        (Answer(200, {"id": 1}), UncertainError, None),
        (requests.ReadTimeout(), UncertainError, None),
    ],
)
def test_each_failure_of_a_creation_is_judged(step: Answer | Exception, error: type[PuenteError], reason: str | None) -> None:
    """What may have been created is looked for, not created again."""
    network = FakeNetwork(step)
    with pytest.raises(error) as caught:
        kommo(network).create_complex(KommoLead(name="n"), person=ANA)
    assert getattr(caught.value, "reason", None) == reason
    assert len(network.requests) == 1
    assert "ana@" not in str(caught.value)
    assert "t0ken" not in str(caught.value)


def test_a_refusal_names_the_field() -> None:
    """By its path and Kommo's code."""
    with pytest.raises(PermanentError, match="status_id NotSupportedChoice"):
        kommo(FakeNetwork(Answer(400, INVALID))).update_lead_status(11, 99)


@pytest.mark.parametrize("step", [Answer(500), html(), cut()])
def test_what_is_repeatable_is_only_late(step: Answer | Exception) -> None:
    """A stage whose setting got no answer is set again later."""
    with pytest.raises(RetryableError):
        kommo(FakeNetwork(step)).update_lead_status(11, 5)


def test_where_a_lead_stands() -> None:
    """Its pipeline and stage; a lead that is gone is no lead to move."""
    network = FakeNetwork(Answer(200, {"id": 5, "pipeline_id": 3, "status_id": 9}))
    assert kommo(network).stage_of(5) == (3, 9)
    assert urlsplit(str(network.requests[0].url)).path == "/api/v4/leads/5"
    with pytest.raises(PermanentError) as caught:
        kommo(FakeNetwork(NOTHING)).stage_of(5)
    assert caught.value.reason == "kommo-no-lead"


def test_the_stages_of_a_pipeline_come_in_its_order() -> None:
    """By `sort`, not as they are listed."""
    rows = [{"id": 142, "sort": 10000}, {"id": 8, "sort": 20}, {"id": 7, "sort": 10}]
    network = FakeNetwork(Answer(200, {"_embedded": {"statuses": rows}}))
    assert kommo(network).stages(3) == [7, 8, 142]
    assert urlsplit(str(network.requests[0].url)).path == "/api/v4/leads/pipelines/3/statuses"


def test_seven_requests_a_second_are_the_most(frozen: clock.TestClock) -> None:
    """Also at the beginning of a batch, when somebody else may have asked just now."""
    client = Kommo("https://acme.kommo.invalid", "t0ken", FakeNetwork(Answer(200, {"id": 5, "pipeline_id": 3, "status_id": 9})))
    began = frozen.moment
    for _request in range(7):
        client.begin().stage_of(5)
    assert (frozen.moment - began).total_seconds() == pytest.approx(1, abs=0.01)
