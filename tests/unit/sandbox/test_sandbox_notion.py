"""The sandbox's Notion: what our client reads and writes there, and what it refuses as the real one does."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.christmas import notion_facts
from sandbox.notion import Notion, seed
from sandbox.notion.values import plain, taken
from sandbox.vendor import UnknownActionError, UnknownKindError
from shared import clock
from shared.errors import PermanentError, RetryableError, ThrottledError, UnavailableError, UncertainError
from shared.messages import notion_templates
from shared.settings import get_settings
from shared.vendors import notion_values as nv
from shared.vendors.notion import Notion as Client
from tests.support.sandbox import SandboxAdapter, call

NOW = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)
HEADERS = {"Authorization": f"Bearer {seed.TOKEN}", "Notion-Version": "2025-09-03"}
ANA = {"first_name": nv.title("Ana"), "email": nv.email("ana@example.com"), "Segment": nv.select("CRITICAL")}


@pytest.fixture
def vendor() -> Notion:
    """A new workspace, whose clock stands still and whose limit is out of the way."""
    made = Notion()
    made.now = lambda: NOW
    made.bucket.set(0)
    return made


@pytest.fixture
def adapter(vendor: Notion) -> SandboxAdapter:
    return SandboxAdapter(vendor)


@pytest.fixture
def client(adapter: SandboxAdapter) -> Iterator[Client]:
    with clock.frozen(NOW):
        yield Client(adapter.url, seed.TOKEN, adapter)


def ask(vendor: Notion, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """What it answers, as JSON."""
    answer = vendor.answer(call(method, f"/v1{path}", body, **HEADERS))
    return answer.status, json.loads(answer.body)


def test_our_client_writes_a_page_and_finds_it(client: Client) -> None:
    """By its address; what is set later leaves the rest; twice is once."""
    by_email = {"property": "email", "email": {"equals": "ana@example.com"}}
    assert client.query(seed.CONTACTS, by_email) == []
    page = client.create_page(seed.CONTACTS, ANA | {"Assessment Score": nv.number(35)})
    for _ in range(2):
        client.update_page(
            page["id"], {"Booking Status": nv.select("Booked"), "Diagnostic Call Date": nv.moment(date(2026, 3, 9))}
        )
    (found,) = client.query(seed.CONTACTS, by_email)
    assert found["id"] == page["id"]
    facts = {name: nv.read(value) for name, value in client.page(page["id"])["properties"].items()}
    assert (facts["first_name"], facts["Segment"], facts["Assessment Score"]) == ("Ana", "CRITICAL", 35)
    assert (facts["Booking Status"], facts["Diagnostic Call Date"], facts["Phone"]) == ("Booked", "2026-03-09", None)
    assert found["parent"]["data_source_id"] == seed.CONTACTS_SOURCE


def test_every_kind_of_value_comes_back_as_it_went(client: Client) -> None:
    """Long texts too, in their pieces; null clears."""
    long = "ñ😀" * 3000
    values: dict[str, tuple[dict[str, Any], Any]] = {
        "Name": (nv.title("Ana"), "Ana"),
        "Email": (nv.email("a@b.example"), "a@b.example"),
        "Call Notes": (nv.rich_text(long), long),
        "Payment Amount": (nv.number(12.5), 12.5),
        "Sequence Completed": (nv.checkbox(True), True),
        "Sequence Type": (nv.select("5day"), "5day"),
        "Objections": (nv.multi_select(["caro", "tarde"]), ["caro", "tarde"]),
        "Email 1 Sent": (nv.moment(NOW), "2026-03-02T09:00:30+00:00"),
        "Calendly Event URI": (nv.url("https://x.example/e"), "https://x.example/e"),
    }
    page = client.create_page(seed.TRACKER, {name: value for name, (value, _) in values.items()})
    read = {name: nv.read(page["properties"][name]) for name in values}
    assert read == {name: want for name, (_, want) in values.items()}
    client.update_page(page["id"], {"Email 1 Sent": nv.moment(None), "Email": nv.email(None), "Sequence Type": nv.select(None)})
    properties = client.page(page["id"])["properties"]
    assert [nv.read(properties[name]) for name in ("Email 1 Sent", "Email", "Sequence Type")] == [None, None, None]


def test_our_client_reads_all_pages_of_a_long_list(client: Client, adapter: SandboxAdapter) -> None:
    """A hundred at a time, in the order that was asked for, each row once."""
    for number in range(205):
        client.create_page(seed.TRACKER, {"Name": nv.title(f"{number:03}"), "Assessment Score": nv.number(204 - number)})
    adapter.answers.clear()
    rows = client.query(seed.TRACKER, sorts=[{"property": "Assessment Score", "direction": "ascending"}])
    assert [nv.read(row["properties"]["Name"]) for row in rows] == [f"{number:03}" for number in reversed(range(205))]
    assert len(adapter.statuses) == 3
    assert len(client.query(seed.TRACKER, limit=5)) == 5


def test_query_that_notion_does_not_answer_whole(client: Client, vendor: Notion) -> None:
    """It says that there are no more rows, and only in its status that this is not so; our client takes that for an error."""
    for _ in range(4):
        client.create_page(seed.CONTACTS, ANA)
    vendor.api.most_rows = 3
    assert len(client.query(seed.CONTACTS, limit=3)) == 3
    with pytest.raises(PermanentError, match="query_result_limit_reached") as incomplete:
        client.query(seed.CONTACTS)
    assert incomplete.value.reason == "notion-incomplete"


def test_values_that_are_too_long_are_taken_as_our_client_cuts_them(client: Client) -> None:
    """Notion would refuse the whole page over one of them."""
    page = client.create_page(seed.CONTACTS, ANA | {"email": nv.email("a" * 300 + "@example.com")})
    kept = nv.read(client.page(page["id"])["properties"]["email"])
    assert (len(kept), kept[-1]) == (200, nv.CUT)


def test_our_client_reads_a_pages_text(client: Client, vendor: Notion) -> None:
    """Block by block, over several pages of blocks."""
    lines = [f"línea {number}" for number in range(120)]
    blocks = [{"type": "paragraph", "paragraph": {"rich_text": nv.rich_text(line)["rich_text"]}} for line in lines]
    body = {"parent": {"data_source_id": seed.CONTACTS_SOURCE}, "properties": ANA, "children": blocks[:100]}
    status, page = ask(vendor, "POST", "/pages", body)
    assert status == 200
    assert ask(vendor, "PATCH", f"/blocks/{page['id']}/children", {"children": blocks[100:]})[0] == 200
    assert client.page_text(page["id"]).split("\n") == lines
    assert ask(vendor, "PATCH", f"/blocks/{page['id']}/children", {"children": [{"type": "paragraph"}]})[0] == 400


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"property": "Name", "title": {"equals": "Ana"}}, "Ana"),
        ({"property": "Name", "title": {"starts_with": "b"}}, "Beto"),
        ({"property": "Name", "title": {"does_not_contain": "a"}}, "Beto"),
        ({"property": "Email", "email": {"is_empty": True}}, "Carla"),
        ({"property": "Email", "email": {"contains": "BETO"}}, "Beto"),
        ({"property": "Assessment Score", "number": {"greater_than": 50}}, "Beto"),
        ({"property": "Assessment Score", "number": {"is_not_empty": True}}, "Ana Beto"),
        ({"property": "Sequence Completed", "checkbox": {"equals": True}}, "Ana"),
        ({"property": "Sequence Completed", "checkbox": {"does_not_equal": True}}, "Beto Carla"),
        ({"property": "Sequence Type", "select": {"equals": "noshow"}}, "Beto"),
        ({"property": "Objections", "multi_select": {"contains": "caro"}}, "Carla"),
        ({"property": "Email 1 Sent", "date": {"equals": "2026-03-02"}}, "Ana"),
        ({"property": "Email 1 Sent", "date": {"after": "2026-03-02"}}, "Beto"),
        ({"property": "Email 1 Sent", "date": {"on_or_before": "2026-03-02T09:00:30Z"}}, "Ana"),
        ({"timestamp": "created_time", "created_time": {"on_or_after": "2026-03-02"}}, "Ana Beto Carla"),
        (
            {
                "and": [
                    {"property": "Email", "email": {"is_not_empty": True}},
                    {
                        "or": [
                            {"property": "Name", "title": {"equals": "Ana"}},
                            {"property": "Name", "title": {"equals": "Carla"}},
                        ]
                    },
                ]
            },
            "Ana",
        ),
    ],
)
def test_filters(client: Client, where: dict[str, Any], expected: str) -> None:
    """For each type that is used, alone and joined."""
    client.create_page(
        seed.TRACKER,
        {
            "Name": nv.title("Ana"),
            "Email": nv.email("ana@x.example"),
            "Assessment Score": nv.number(35),
            "Sequence Completed": nv.checkbox(True),
            "Email 1 Sent": nv.moment(NOW),
        },
    )
    client.create_page(
        seed.TRACKER,
        {
            "Name": nv.title("Beto"),
            "Email": nv.email("beto@x.example"),
            "Assessment Score": nv.number(70),
            "Sequence Type": nv.select("noshow"),
            "Email 1 Sent": nv.moment(date(2026, 3, 3)),
        },
    )
    client.create_page(seed.TRACKER, {"Name": nv.title("Carla"), "Objections": nv.multi_select(["caro"])})
    assert " ".join(nv.read(row["properties"]["Name"]) for row in client.query(seed.TRACKER, where)) == expected


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/pages", {"parent": {"database_id": seed.CONTACTS}}, "body.parent.data_source_id should be defined"),
        ("/pages", {"properties": {"Nope": {"number": 1}}}, "Nope is not a property that exists."),
        ("/pages", {"properties": {"email": {"rich_text": []}}}, "email is expected to be email."),
        ("/pages", {"properties": {"email": "ana@example.com"}}, "body.properties.email should be an object"),
        ("/pages", {"properties": {"Assessment Score": {"number": "35"}}}, "should be a number or `null`"),
        ("/pages", {"properties": {"Unsubscribed": {"checkbox": 1}}}, "should be a boolean"),
        ("/pages", {"properties": {"Segment": {"select": {"name": "a, b"}}}}, "commas not allowed"),
        ("/pages", {"properties": {"Segment": {"select": "CRITICAL"}}}, "name should be defined"),
        ("/pages", {"properties": {"last_name": {"rich_text": [{"text": {"content": "x" * 2001}}]}}}, "≤ `2000`, instead was"),
        ("/pages", {"properties": {"last_name": {"rich_text": [{"text": {"content": "x"}}] * 101}}}, "≤ `100`"),
        ("/pages", {"properties": {"Diagnostic Call Date": {"date": {"start": "mañana"}}}}, "ISO 8601"),
        ("/pages", {"properties": {"email": {"email": ""}}}, "should be a string or `null`"),
        ("/query", {"filter": {"property": "Nope", "title": {"equals": "x"}}}, "Could not find property"),
        ("/query", {"filter": {"property": "email", "title": {"equals": "x"}}}, "does not match filter title"),
        ("/query", {"filter": {"property": "email", "email": {"resembles": "x"}}}, "no condition that there is"),
        ("/query", {"filter": {"property": "Assessment Score", "number": {"equals": "1"}}}, "no condition that there is"),
        ("/query", {"filter": {"and": [{"or": [{"and": []}]}]}}, "two levels"),
        ("/query", {"sorts": [{"property": "Nope", "direction": "ascending"}]}, "Could not find sort property"),
        ("/query", {"sorts": [{"property": "email"}]}, "ascending or descending"),
        ("/query", {"page_size": 101}, "page_size should be ≤ `100`"),
        ("/query", {"start_cursor": seed.CONTACTS}, "start_cursor provided is invalid"),
    ],
)
def test_what_notion_does_not_take(vendor: Notion, path: str, body: dict[str, Any], message: str) -> None:
    """validation_error with a reason; nothing is written."""
    parent = {"parent": {"type": "data_source_id", "data_source_id": seed.CONTACTS_SOURCE}}
    where = f"/data_sources/{seed.CONTACTS_SOURCE}/query" if path == "/query" else path
    status, error = ask(vendor, "POST", where, body if path == "/query" else parent | body)
    assert (status, error["object"], error["code"], error["status"]) == (400, "error", "validation_error", 400)
    assert message in error["message"]
    assert vendor.records("contacts", {}, None) == ([], 0)


def test_who_may_not_see_anything(vendor: Notion) -> None:
    """Without the token, the version, or an id that there is."""
    adapter = SandboxAdapter(vendor)
    with pytest.raises(UnavailableError, match="unauthorized") as denied:
        Client(adapter.url, "wrong", adapter).data_source(seed.CONTACTS)
    assert denied.value.account
    answer = vendor.answer(call("GET", f"/v1/databases/{seed.CONTACTS}", Authorization=HEADERS["Authorization"]))
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "missing_version")
    older = vendor.answer(call("GET", f"/v1/databases/{seed.CONTACTS}", **HEADERS | {"Notion-Version": "2022-06-28"}))
    assert older.status == 400
    with pytest.raises(PermanentError) as missing, clock.frozen(NOW):
        Client(adapter.url, seed.TOKEN, adapter).data_source(seed.CONTACTS_SOURCE)
    assert missing.value.reason == "notion-not-found"
    assert ask(vendor, "GET", "/pages/nope")[1]["code"] == "object_not_found"
    assert ask(vendor, "GET", "/search")[1]["code"] == "invalid_request_url"
    assert ask(vendor, "POST", "/pages", b"{")[1]["code"] == "invalid_json"
    assert ask(vendor, "GET", f"/databases/{seed.CONTACTS.replace('-', '')}")[0] == 200


def test_what_is_in_the_trash_is_not_found_and_not_changed(client: Client, vendor: Notion) -> None:
    """Until it is taken out again."""
    page = client.create_page(seed.CONTACTS, ANA)
    assert ask(vendor, "PATCH", f"/pages/{page['id']}", {"archived": True})[1]["in_trash"] is True
    assert client.query(seed.CONTACTS) == []
    with pytest.raises(PermanentError, match="archived"):
        client.update_page(page["id"], ANA)
    assert ask(vendor, "PATCH", f"/pages/{page['id']}", {"archived": False})[0] == 200
    assert len(client.query(seed.CONTACTS)) == 1


def test_about_three_a_second_are_taken(vendor: Notion, adapter: SandboxAdapter) -> None:
    """On average, with a few more at once; 429 says in whole seconds when to come again."""
    seconds = [0.0]
    vendor.bucket.clock = lambda: seconds[0]
    vendor.bucket.set(3, 10)
    statuses = [ask(vendor, "GET", "/users/me")[0] for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    with pytest.raises(ThrottledError) as limited, clock.frozen(NOW):
        Client(adapter.url, seed.TOKEN, adapter).data_source(seed.CONTACTS)
    assert limited.value.after_seconds == 1
    seconds[0] += 100
    taken_in_a_minute = 0
    for _ in range(600):
        seconds[0] += 0.1
        taken_in_a_minute += ask(vendor, "GET", "/users/me")[0] == 200
    assert 180 <= taken_in_a_minute <= 191


@pytest.mark.parametrize(
    ("mode", "reading", "writing"),
    [
        ("conflict", RetryableError, RetryableError),
        ("overloaded", ThrottledError, ThrottledError),
        ("internal", RetryableError, UncertainError),
    ],
)
def test_its_own_faults_are_what_our_client_takes_them_for(
    vendor: Notion, mode: str, reading: type[Exception], writing: type[Exception]
) -> None:
    """After 500 nobody knows whether a page was made."""
    adapter, usual = SandboxAdapter(vendor), vendor.answer
    with clock.frozen(NOW):
        client = Client(adapter.url, seed.TOKEN, adapter)
        client.data_source(seed.CONTACTS)
        adapter.vendor.answer = lambda call: vendor.fail(mode, call)  # type: ignore[method-assign]
        with pytest.raises(reading):
            client.query(seed.CONTACTS)
        with pytest.raises(writing):
            client.create_page(seed.CONTACTS, ANA)
    adapter.vendor.answer = usual  # type: ignore[method-assign]
    assert vendor.records("contacts", {}, None)[1] == 0


@pytest.fixture
def fetch(client: Client, environment: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Our own fetching of templates, from this Notion."""
    environment.setenv("NOTION_TOKEN", seed.TOKEN)
    get_settings.cache_clear()
    monkeypatch.setattr(Client, "from_settings", staticmethod(lambda _settings: client))
    return lambda name: notion_templates._fetch_from_notion(seed.TEMPLATES, name)


def test_our_templates_are_read_from_its_database(fetch: Callable[[str], Any], client: Client) -> None:
    """A page with a text; an empty one, an inactive one and none, for which the repository's text is sent."""
    page = fetch("5-Day E2")
    assert "{{weakest_system}}" in page.subject
    assert page.html.startswith("<p>Hola, {{first_name}}:</p>")
    assert fetch("noshow_recovery_email_1").subject == "{{first_name}}, te esperábamos hoy"
    empty = fetch("5-Day E3")
    assert (empty.subject, empty.html) == ("", "")
    assert fetch("5-Day E4") is None
    assert fetch("5-Day E5") is None


def test_a_person_in_notion_edits_a_row(client: Client, vendor: Notion) -> None:
    """The board and the records show it; what Notion would refuse is refused."""
    page = client.create_page(seed.TRACKER, {"Email": nv.email("ana@example.com"), "Email 2 Status": nv.select("sent")})
    vendor.act("edit", {"id": page["id"], "properties": {"First Name": nv.rich_text("Ana")}})
    assert vendor.records("tracker", {"First Name": "Ana"}, None)[0][0]["Email 2 Status"] == "sent"
    _, _, tracker = vendor.board()
    (card,) = tracker.cards
    assert (card.title, card.lines) == (
        "ana@example.com",
        ("Email: ana@example.com", "First Name: Ana", "Email 2 Status: sent"),
    )
    assert vendor.counters()["Plantillas de correo"] == 4
    with pytest.raises(ValueError, match="Nope is not a property"):
        vendor.act("edit", {"id": page["id"], "properties": {"Nope": {}}})
    vendor.act("archive", {"id": page["id"]})
    assert vendor.records("tracker", {}, None) == ([], 0)
    with pytest.raises(UnknownActionError, match="has none of pages with the id 'x'"):
        vendor.act("archive", {"id": "x"})
    with pytest.raises(UnknownActionError, match="Notion has no action dance"):
        vendor.act("dance", {})
    with pytest.raises(UnknownKindError, match="contacts, templates, tracker"):
        vendor.records("pages", {}, None)
    with pytest.raises(ValueError, match="tracker has no property Nope"):
        vendor.records("tracker", {"Nope": "1"}, None)


def test_goes_on_with_what_it_held_and_starts_anew(client: Client, vendor: Notion) -> None:
    """The seeded rows are there once."""
    client.create_page(seed.CONTACTS, ANA)
    other = Notion()
    other.restore(json.loads(json.dumps(vendor.dump())))
    assert other.records("contacts", {}, None) == vendor.records("contacts", {}, None)
    before = vendor.revision
    vendor.reset({})
    assert (vendor.records("contacts", {}, None)[1], vendor.records("templates", {}, None)[1]) == (0, 4)
    assert vendor.revision > before


def test_its_databases_have_whatever_our_flow_writes_and_reads(client: Client) -> None:
    """Under the names that it takes by default."""
    assert set(notion_facts.CONTACT.values()) <= set(client.properties(seed.CONTACTS))
    assert set(notion_facts.SEQUENCE.values()) <= set(client.properties(seed.TRACKER))
    assert set(notion_templates.PROPERTIES.values()) <= set(client.properties(seed.TEMPLATES))


def test_shows_the_columns_of_a_data_source(vendor: Notion) -> None:
    """With their types and choices."""
    status, source = ask(vendor, "GET", f"/data_sources/{seed.CONTACTS_SOURCE}")
    assert status == 200
    assert [option["name"] for option in source["properties"]["Segment"]["select"]["options"]] == [
        "CRITICAL",
        "URGENT",
        "OPTIMIZE",
    ]
    assert source["parent"]["database_id"] == seed.CONTACTS


@given(text=st.text(max_size=60).filter(lambda text: "\x00" not in text))
def test_any_text_comes_back_as_it_went(text: str) -> None:
    """Through our pieces and Notion's."""
    column = seed.TEXT
    assert plain(column, taken("x", column, nv.rich_text(text))) == text


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("2026-01-01"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["property", "email", "equals", "and", "or", "sorts", "filter", "date", "Email 1 Sent", "start", "type"]
            )
            | st.sampled_from(
                ["properties", "Segment", "select", "name", "children", "direction", "page_size", "text", "rich_text"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(body=JSON_VALUES)
def test_answers_whatever_it_is_sent(body: Any) -> None:
    """Never with an error of its own."""
    vendor = Notion()
    vendor.bucket.set(0)
    parent = {"parent": {"data_source_id": seed.TRACKER_SOURCE}}
    for path, sent in (
        ("/pages", body),
        ("/pages", parent | {"properties": body, "children": body}),
        ("/pages", parent | {"properties": {"Segment": body}}),
        (f"/data_sources/{seed.TRACKER_SOURCE}/query", body),
        (f"/data_sources/{seed.TEMPLATES_SOURCE}/query", {"filter": body, "sorts": [body]}),
    ):
        assert ask(vendor, "POST", path, sent)[0] in (200, 400, 404)
