"""The sandbox's Kommo: what our client finds and makes there, and what it refuses as the real one does."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.leads.kommo import Kommo as Client
from functions.leads.kommo import KommoLead, Person
from sandbox.kommo import Kommo, seed
from sandbox.vendor import Answer, Call, UnknownActionError
from shared import clock
from shared.errors import PermanentError, ThrottledError, UnavailableError
from tests.support.sandbox import SandboxAdapter, call

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANA = Person(name="Ana López", email="ana@example.com", phone="+5215512345678")
LEAD = KommoLead(
    name="Consultoría - Ana",
    pipeline_id=seed.PIPELINE,
    status_id=seed.INICIAL,
    custom_fields={seed.FIELD_EMPRESA: "Acme", seed.FIELD_SERVICIO: "Consultoría", seed.FIELD_FUENTE: "web"},
    tags=("web",),
)
TOKEN = {"Authorization": f"Bearer {seed.TOKEN}"}


@pytest.fixture
def vendor() -> Kommo:
    """A new account, whose clock stands still and whose limit is out of the way."""
    made = Kommo()
    made.now = lambda: NOW
    made.bucket.set(0)
    return made


@pytest.fixture
def adapter(vendor: Kommo) -> SandboxAdapter:
    return SandboxAdapter(vendor)


@pytest.fixture
def client(adapter: SandboxAdapter) -> Iterator[Client]:
    with clock.frozen(NOW):
        yield Client(adapter.url, seed.TOKEN, adapter)


def ask(vendor: Kommo, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """What it answers, as JSON."""
    answer = vendor.answer(call(method, f"/api/v4{path}", body, **TOKEN))
    return answer.status, json.loads(answer.body) if answer.body else None


def faults(vendor: Kommo, method: str, path: str, body: Any) -> list[tuple[str, str]]:
    """The codes and paths that it refuses the request with."""
    status, problem = ask(vendor, method, path, body)
    assert (status, problem["title"], problem["status"]) == (400, "Bad Request", 400)
    return [(fault["code"], fault["path"]) for entry in problem["validation-errors"] for fault in entry["errors"]]


def test_our_client_makes_a_lead_and_finds_it_again(client: Client, vendor: Kommo) -> None:
    """With its contact, custom fields, tag and status; nothing is found before."""
    assert client.find_contact(email=ANA.email, phone=ANA.phone) is None
    made = client.create_complex(LEAD, person=ANA, key="k1")
    assert client.find_contact(email="ANA@example.com") == made.contact_id
    assert client.find_contact(phone="55 1234 5678") == made.contact_id
    assert client.find_lead(made.contact_id, name=LEAD.name, since=NOW) == made.lead_id
    assert client.find_lead(made.contact_id, name="Otra") is None
    assert not made.merged
    lead = vendor.own.find("leads", made.lead_id)
    assert lead
    assert (lead["status_id"], lead["tags"], lead["contacts"]) == (seed.INICIAL, ["web"], [made.contact_id])
    values = {field["field_id"]: field["values"] for field in lead["custom_fields_values"]}
    assert values[seed.FIELD_EMPRESA] == [{"value": "Acme"}]


def test_our_client_moves_and_changes_what_it_made(client: Client, vendor: Kommo) -> None:
    """Twice is once; what it does not send stays as it was."""
    made = client.create_complex(LEAD, person=ANA)
    for _ in range(2):
        client.update_lead_status(made.lead_id, seed.AGENDADO, seed.PIPELINE)
        client.update_lead(made.lead_id, KommoLead(name="Nuevo", custom_fields={seed.FIELD_EMPRESA: "Beta"}))
        client.update_contact(made.contact_id, Person(name="Ana L.", email="ana@beta.example"))
    lead, contact = vendor.own.find("leads", made.lead_id), vendor.own.find("contacts", made.contact_id)
    assert lead
    assert contact
    assert (lead["name"], lead["status_id"], lead["tags"]) == ("Nuevo", seed.AGENDADO, ["web"])
    texts = [field["values"][0]["value"] for field in lead["custom_fields_values"]]
    assert sorted(texts) == ["Beta", "Consultoría", "web"]
    assert client.find_contact(email="ana@beta.example") == client.find_contact(phone=ANA.phone) == made.contact_id
    assert len(vendor.own.rows("leads")) == len(vendor.own.rows("contacts")) == 1


def test_our_client_leaves_notes_and_finds_them(client: Client) -> None:
    """In the order in which they came; a lead without notes has none."""
    made = client.create_complex(LEAD, person=ANA)
    assert client.find_note(made.lead_id, "Correo enviado") is None
    first, second = client.add_notes(made.lead_id, ["Correo enviado", "Llamada: sin respuesta"])
    (third,) = client.add_notes(made.lead_id, ["Correo enviado"])
    assert first < second < third
    assert client.find_note(made.lead_id, "Correo enviado") == third
    assert client.find_note(made.lead_id, "Llamada: sin respuesta") == second


def test_a_second_lead_for_a_contact_that_is_there(client: Client, vendor: Kommo) -> None:
    """By its id; the newest open one of a name is found, a closed one is not."""
    first = client.create_complex(LEAD, person=ANA)
    second = client.create_complex(LEAD, contact_id=first.contact_id)
    assert (second.contact_id, second.merged) == (first.contact_id, False)
    assert client.find_lead(first.contact_id, name=LEAD.name) == second.lead_id
    client.update_lead_status(second.lead_id, seed.WON)
    assert client.find_lead(first.contact_id, name=LEAD.name) == first.lead_id
    closed = vendor.own.find("leads", second.lead_id)
    assert closed
    assert closed["closed_at"] == int(NOW.timestamp())


def test_duplicate_control_merges_when_it_is_on(client: Client, vendor: Kommo) -> None:
    """By address or number, into the open lead; two of one request are not held against each other."""
    first = client.create_complex(LEAD, person=ANA)
    assert not client.create_complex(LEAD, person=ANA).merged
    vendor.reset({})
    vendor.act("duplicates", {"on": True})
    first = client.create_complex(LEAD, person=ANA)
    other = Person(name="A.", email="otra@example.com", phone="+52 55 1234 5678")
    again = client.create_complex(KommoLead(name="Otra", pipeline_id=seed.PIPELINE), person=other)
    assert (again.lead_id, again.contact_id, again.merged) == (first.lead_id, first.contact_id, True)
    client.update_lead_status(first.lead_id, seed.LOST)
    assert not client.create_complex(LEAD, person=ANA).merged
    twin = {"name": "x", "_embedded": {"contacts": [{"custom_fields_values": [email("twin@example.com")]}]}}
    status, made = ask(vendor, "POST", "/leads/complex", [twin, twin])
    assert (status, [one["merged"] for one in made]) == (200, [False, False])


def email(address: Any) -> dict[str, Any]:
    return {"field_code": "EMAIL", "values": [{"value": address, "enum_code": "WORK"}]}


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/leads/complex", {"add": [{"name": "x"}]}, [("InvalidType", "")]),
        ("POST", "/leads/complex", [], [("InvalidType", "")]),
        ("POST", "/leads/complex", [{"name": "x"}] * 51, [("TooMany", "")]),
        ("POST", "/leads/complex", [{"pipeline_id": "7400001"}], [("InvalidType", "pipeline_id")]),
        ("POST", "/leads/complex", [{"pipeline_id": 1}], [("NotSupportedChoice", "pipeline_id")]),
        ("POST", "/leads/complex", [{"status_id": 1}], [("NotSupportedChoice", "status_id")]),
        ("POST", "/leads/complex", [{"_embedded": {"contacts": [{}, {}]}}], [("TooMany", "_embedded.contacts")]),
        (
            "POST",
            "/leads/complex",
            [{"_embedded": {"contacts": [{"id": 5}]}}],
            [("NotSupportedChoice", "_embedded.contacts.0.id")],
        ),
        (
            "POST",
            "/leads/complex",
            [{"_embedded": {"contacts": [{"company_name": "Acme"}]}}],
            [("NotExpected", "_embedded.contacts.0.company_name")],
        ),
        ("POST", "/leads/complex", [{"_embedded": {"contacts": 5}}], [("InvalidType", "_embedded.contacts")]),
        ("POST", "/contacts", [{"name": 5}, {"name": "x", "phone": "1"}], [("InvalidType", "name"), ("NotExpected", "phone")]),
        ("POST", "/contacts", [{"custom_fields_values": 5}], [("InvalidType", "custom_fields_values")]),
        ("POST", "/contacts", [{"custom_fields_values": [{}] * 41}], [("TooMany", "custom_fields_values")]),
        (
            "POST",
            "/contacts",
            [{"custom_fields_values": [{"field_id": seed.FIELD_EMPRESA, "values": [{"value": "x"}]}]}],
            [("NotSupportedChoice", "custom_fields_values.0.field_id")],
        ),
        (
            "POST",
            "/contacts",
            [{"custom_fields_values": [{"field_code": "EMAIL"}, {"field_code": "EMAIL", "values": [{}]}]}],
            [("FieldMissing", "custom_fields_values.0.values"), ("FieldMissing", "custom_fields_values.1.values.0.value")],
        ),
        (
            "POST",
            "/contacts",
            [{"custom_fields_values": [{"field_code": "EMAIL", "values": [{"value": "x", "enum_code": "MOB"}]}]}],
            [("NotSupportedChoice", "custom_fields_values.0.values.0.enum_code")],
        ),
        ("PATCH", "/leads", [{"status_id": seed.AGENDADO}], [("FieldMissing", "id")]),
        ("POST", "/leads/notes", [{"note_type": "common", "params": {"text": "x"}}], [("FieldMissing", "entity_id")]),
        ("POST", "/leads/1/notes", [{"note_type": "common", "params": {"text": "x"}}], [("NotSupportedChoice", "entity_id")]),
    ],
)
def test_what_kommo_does_not_take(vendor: Kommo, method: str, path: str, body: Any, expected: list[tuple[str, str]]) -> None:
    """It names the fault and where it is; nothing of the request is done."""
    assert faults(vendor, method, path, body) == expected
    assert vendor.counters() == {"Leads": 0, "Contacts": 0, "Notes": 0}


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ({}, [("FieldMissing", "note_type")]),
        ({"note_type": "shout", "params": {}}, [("NotSupportedChoice", "note_type")]),
        ({"note_type": "common"}, [("FieldMissing", "params")]),
        ({"note_type": "common", "params": {"text": 5}}, [("InvalidType", "params.text")]),
        ({"note_type": "service_message", "params": {"text": "x"}}, [("FieldMissing", "params.service")]),
        ({"note_type": "common", "params": {"text": "x"}, "text": "x"}, [("NotExpected", "text")]),
    ],
)
def test_what_is_no_note(client: Client, vendor: Kommo, note: Any, expected: list[tuple[str, str]]) -> None:
    """Each kind has its own parameters."""
    lead = client.create_complex(LEAD, person=ANA).lead_id
    assert faults(vendor, "POST", f"/leads/{lead}/notes", [note]) == expected


def test_our_client_understands_why_it_was_refused(client: Client, vendor: Kommo) -> None:
    """A wrong status, a lead that is not there, a wrong token."""
    with pytest.raises(PermanentError, match="status_id NotSupportedChoice"):
        client.create_complex(KommoLead(name="x", status_id=1), person=ANA)
    with pytest.raises(PermanentError) as missing:
        client.update_lead_status(5, seed.AGENDADO)
    assert missing.value.reason == "kommo-not-found"
    adapter = SandboxAdapter(vendor)
    with pytest.raises(UnavailableError, match="401") as denied:
        Client(adapter.url, "wrong", adapter).find_contact(email="a@example.com")
    assert denied.value.account


@pytest.mark.parametrize(
    ("mode", "error"), [("barred", UnavailableError), ("unpaid", UnavailableError), ("expired", UnavailableError)]
)
def test_its_own_faults_are_what_our_client_takes_them_for(vendor: Kommo, mode: str, error: type[Exception]) -> None:
    """A barred address, an unpaid account and a revoked token are a matter of all calls."""
    adapter = SandboxAdapter(vendor)
    adapter.vendor.answer = lambda call: vendor.fail(mode, call)  # type: ignore[method-assign]
    with pytest.raises(error):
        Client(adapter.url, seed.TOKEN, adapter).find_contact(email="a@example.com")


def test_more_than_seven_a_second_are_too_many(adapter: SandboxAdapter, vendor: Kommo) -> None:
    """By a clock in the test's hand; the next second is a new one."""
    seconds = [0.0]
    vendor.bucket.clock = lambda: seconds[0]
    vendor.bucket.set(7)
    client = Client(adapter.url, seed.TOKEN, adapter, per_second=1000)
    for _ in range(7):
        assert client.find_contact(email="a@example.com") is None
    with pytest.raises(ThrottledError):
        client.find_contact(email="a@example.com")
    seconds[0] += 1
    assert client.find_contact(email="a@example.com") is None
    status, problem = 0, None
    for _ in range(7):
        status, problem = ask(vendor, "GET", "/account")
    assert (status, problem["title"], problem["retry_after"]) == (429, "Too Many Requests", 1)


def test_lists_can_be_filtered_ordered_and_paged(client: Client, vendor: Kommo) -> None:
    """By ids in any spelling, status, time; what is beyond the last page is no content."""
    ids = [client.create_complex(KommoLead(name=f"n{place}"), person=ANA).lead_id for place in range(5)]
    client.update_lead_status(ids[0], seed.AGENDADO)

    def found(query: str) -> list[int]:
        status, body = ask(vendor, "GET", f"/leads?{query}")
        return [lead["id"] for lead in body["_embedded"]["leads"]] if status == 200 else [status]

    assert found(f"filter[id][]={ids[1]}&filter[id][]={ids[3]}") == [ids[1], ids[3]]
    assert found(f"filter[id][0]={ids[1]}&filter[id][1]={ids[3]}") == [ids[1], ids[3]]
    assert found(f"filter[id]={ids[2]}") == [ids[2]]
    assert found("query=N4") == [ids[4]]
    stage = f"filter[statuses][0][pipeline_id]={seed.PIPELINE}&filter[statuses][0][status_id]={seed.AGENDADO}"
    assert found(stage) == [ids[0]]
    assert found("order[id]=desc&limit=2") == [ids[4], ids[3]]
    assert found("limit=2&page=3") == [ids[4]]
    assert found("limit=2&page=4") == [204]
    assert found("filter[created_at][from]=99999999999") == [204]
    _, body = ask(vendor, "GET", "/leads?limit=2")
    assert body["_links"]["next"]["href"].endswith("/leads?page=2&limit=2")
    for wrong in ("limit=251", "limit=x", "page=0", "filter[colour]=red"):
        assert ask(vendor, "GET", f"/leads?{wrong}")[0] == 400


def test_shows_its_pipeline_and_fields(vendor: Kommo) -> None:
    """With the ids that the settings name; contacts and leads name each other only when asked."""
    _, pipelines = ask(vendor, "GET", "/leads/pipelines")
    (pipeline,) = pipelines["_embedded"]["pipelines"]
    assert pipeline["id"] == seed.PIPELINE
    names = {status["id"]: status["name"] for status in pipeline["_embedded"]["statuses"]}
    assert (names[seed.INICIAL], names[seed.AGENDADO]) == ("Inicial", "Agendado")
    assert ask(vendor, "GET", f"/leads/pipelines/{seed.PIPELINE}")[1] == pipeline
    assert len(ask(vendor, "GET", f"/leads/pipelines/{seed.PIPELINE}/statuses")[1]["_embedded"]["statuses"]) == len(names)
    assert ask(vendor, "GET", "/leads/pipelines/1")[0] == 404
    _, fields = ask(vendor, "GET", "/leads/custom_fields")
    assert [field["name"] for field in fields["_embedded"]["custom_fields"]] == ["Empresa", "Servicio", "Fuente"]
    assert ask(vendor, "GET", "/account")[1]["id"] == seed.ACCOUNT
    _, made = ask(vendor, "POST", "/contacts", [{"first_name": "Ana", "last_name": "López", "request_id": "r"}])
    (entry,) = made["_embedded"]["contacts"]
    assert entry["request_id"] == "r"
    ask(vendor, "POST", "/leads", [{"name": "x", "_embedded": {"contacts": [{"id": entry["id"]}]}}])
    _, contact = ask(vendor, "GET", f"/contacts/{entry['id']}")
    assert (contact["name"], "leads" in contact["_embedded"]) == ("Ana López", False)
    assert len(ask(vendor, "GET", f"/contacts/{entry['id']}?with=leads")[1]["_embedded"]["leads"]) == 1
    assert ask(vendor, "GET", "/contacts/7")[0] == 204
    assert ask(vendor, "DELETE", "/contacts")[0] == 405
    assert ask(vendor, "GET", "/tasks")[0] == 404


def test_several_at_once_are_changed_or_none(client: Client, vendor: Kommo) -> None:
    """PATCH with an array."""
    first, second = (client.create_complex(LEAD, person=ANA).lead_id for _ in range(2))
    change = [{"id": first, "price": 5}, {"id": second, "price": 6}]
    assert ask(vendor, "PATCH", "/leads", change)[0] == 200
    assert faults(vendor, "PATCH", "/leads", [{"id": first, "price": 9}, {"id": 1}]) == [("NotSupportedChoice", "id")]
    assert [lead["price"] for lead in vendor.own.rows("leads")] == [5, 6]


def test_a_person_in_kommo_moves_a_lead(client: Client, vendor: Kommo) -> None:
    """The board shows it in its new place, with its notes."""
    made = client.create_complex(LEAD, person=ANA)
    client.add_notes(made.lead_id, ["Correo enviado"])
    vendor.act("move", {"id": made.lead_id, "status_id": seed.AGENDADO})
    columns = {column.title: column for column in vendor.board()}
    (card,) = columns["Agendado"].cards
    assert (card.title, card.lines[0], card.lines[-1]) == (LEAD.name, "Ana López", "“Correo enviado”")
    assert columns["Inicial"].total == 0
    with pytest.raises(UnknownActionError, match="there is no lead 5"):
        vendor.act("move", {"id": 5})
    with pytest.raises(ValueError, match="status_id must be one of"):
        vendor.act("move", {"id": made.lead_id, "status_id": 5})
    with pytest.raises(UnknownActionError, match="Kommo has no action dance"):
        vendor.act("dance", {})


def test_goes_on_with_what_it_held(client: Client, vendor: Kommo) -> None:
    """New ids come after the old ones."""
    made = client.create_complex(LEAD, person=ANA)
    client.add_notes(made.lead_id, ["x"])
    saved = json.loads(json.dumps(vendor.dump()))
    other = Kommo()
    other.restore(saved)
    adapter = SandboxAdapter(other)
    again = Client(adapter.url, seed.TOKEN, adapter)
    assert again.find_lead(made.contact_id, name=LEAD.name) == made.lead_id
    assert again.add_notes(made.lead_id, ["y"]) > [made.lead_id]
    assert again.create_complex(LEAD, person=ANA).lead_id > max(row["id"] for row in other.own.rows("notes"))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "name", "_embedded", "contacts", "tags", "custom_fields_values", "values", "value", "field_code"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    body=JSON_VALUES,
    path=st.sampled_from(["leads", "leads/complex", "contacts", "leads/notes", "leads/1/notes", "contacts/1"]),
    method=st.sampled_from(["POST", "PATCH", "GET"]),
)
def test_answers_whatever_it_is_sent(body: Any, path: str, method: str) -> None:
    """Never with an error of its own."""
    vendor = Kommo()
    vendor.bucket.set(0)
    for wrapped in (body, [body]):
        sent = call(method, f"/api/v4/{path}", wrapped, **TOKEN)
        answer = vendor.answer(sent)
        assert isinstance(answer, Answer)
        assert answer.status in (200, 204, 400, 404, 405)
        assert vendor.what(sent).startswith(method)
    raw = vendor.answer(Call(method="POST", path="/api/v4/leads", headers=TOKEN, body=b"{"))
    assert (raw.status, raw.content_type) == (400, "application/problem+json")
