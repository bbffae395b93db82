"""Both ways to call Odoo: what goes out, and what each answer means."""

from typing import Any

import pytest

from shared.errors import PermanentError, PuenteError, RetryableError, ThrottledError, UnavailableError, UncertainError
from shared.settings import load
from shared.vendors.http import HttpClient
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.errors import OdooFailureError, clean
from shared.vendors.odoo.transports import Json2Transport, JsonRpcTransport, json2_headers
from tests.unit.vendors.network import Answer, FakeNetwork, cut, html, refused

TRACE = 'Traceback (most recent call last):\n  File "/odoo/models.py"\nSELECT secret FROM res_partner'
SQL = 'invalid input syntax for type integer: "ana@example.com"\nLINE 1: UPDATE "crm_lead" SET "phone" = \'+5215512345678\''
LOGGED_IN = Answer(200, {"jsonrpc": "2.0", "id": 1, "result": 7})
APIS = ["jsonrpc", "json2"]


def result(value: Any) -> Answer:
    return Answer(200, {"jsonrpc": "2.0", "id": 1, "result": value})


def rpc_error(name: str, message: str = "") -> Answer:
    data = {"name": name, "message": message, "arguments": [message], "context": {}, "debug": TRACE}
    return Answer(200, {"jsonrpc": "2.0", "id": 1, "error": {"code": 0, "message": "Odoo Server Error", "data": data}})


def json2_error(status: int, name: str, message: str = "") -> Answer:
    return Answer(status, {"name": name, "message": message, "arguments": [message], "context": {}, "debug": TRACE})


def rpc(*script: Answer | Exception, logged_in: bool = True) -> tuple[OdooClient, FakeNetwork]:
    network = FakeNetwork(*([LOGGED_IN] if logged_in else []), *script)
    http = HttpClient("Odoo", "https://odoo.invalid", read_seconds=60, adapter=network)
    return OdooClient(JsonRpcTransport(http, "lab", "puente", "s3cret")), network


def json2(*script: Answer | Exception) -> tuple[OdooClient, FakeNetwork]:
    network = FakeNetwork(*script)
    headers = json2_headers("lab", "k3y")
    http = HttpClient("Odoo", "https://odoo.invalid", read_seconds=60, headers=headers, adapter=network)
    return OdooClient(Json2Transport(http)), network


# --- what goes out ---


def test_json_rpc_logs_in_once_and_then_calls() -> None:
    """Logging in costs Odoo more than fifty searches."""
    client, network = rpc(result([{"id": 1}]))
    for _ in range(2):
        assert client.search_read("crm.lead", [["id", "=", 1]], ["name"], limit=5) == [{"id": 1}]
    assert [request.url for request in network.requests] == ["https://odoo.invalid/jsonrpc"] * 3
    assert [body["params"]["method"] for body in network.bodies] == ["authenticate", "execute_kw", "execute_kw"]
    assert network.bodies[0]["params"]["args"] == ["lab", "puente", "s3cret", {}]
    assert network.bodies[1]["params"]["args"] == [
        "lab",
        7,
        "s3cret",
        "crm.lead",
        "search_read",
        [],
        {"domain": [["id", "=", 1]], "fields": ["name"], "limit": 5, "order": None, "context": {"tz": "UTC"}},
    ]


def test_json_2_calls_with_a_key_and_names_the_database() -> None:
    """No login, no session."""
    client, network = json2(Answer(200, True))
    client.write("crm.lead", [1, 2], {"phone": "1"})
    [request], [body] = network.requests, network.bodies
    assert request.url == "https://odoo.invalid/json/2/crm.lead/write"
    assert (request.headers["Authorization"], request.headers["X-Odoo-Database"]) == ("bearer k3y", "lab")
    assert body == {"ids": [1, 2], "vals": {"phone": "1"}, "context": {"tz": "UTC"}}


def test_json_rpc_passes_ids_first_and_the_rows_of_create_by_position() -> None:
    """Odoo looks at the first argument of `create` to choose its answer, and at the first of all others for the records."""
    client, network = rpc(result(True), result([8, 9]))
    client.write("crm.lead", [1], {"phone": "1"})
    assert client.create("crm.lead", [{"name": "a"}, {"name": "b"}]) == [8, 9]
    written, created = (body["params"]["args"][5:] for body in network.bodies[1:])
    assert written == [[[1]], {"vals": {"phone": "1"}, "context": {"tz": "UTC"}}]
    assert created == [[[{"name": "a"}, {"name": "b"}]], {"context": {"tz": "UTC"}}]


@pytest.mark.parametrize("api", APIS)
def test_a_method_without_a_result(api: str) -> None:
    """JSON-RPC leaves `result` out, JSON-2 says null."""
    client, _ = rpc(Answer(200, {"jsonrpc": "2.0", "id": 1})) if api == "jsonrpc" else json2(Answer(200, None))
    assert client.call("crm.lead", "action_archive", ids=[1]) is None


def test_versions_need_no_login() -> None:
    """So that a wrong password and a wrong address can be told apart."""
    client, network = rpc(result({"server_version": "19.0"}), logged_in=False)
    assert (client.version(), len(network.requests)) == ("19.0", 1)
    client, network = json2(Answer(200, {"version": "19.0", "version_info": []}))
    assert (client.version(), network.requests[0].method) == ("19.0", "GET")


@pytest.mark.parametrize(("answer", "expected"), [(59, 59), ([59], 59)])
def test_a_note_has_an_id(answer: Any, expected: int) -> None:
    """However it is wrapped."""
    client, network = json2(Answer(200, answer))
    assert client.message_post("crm.lead", 1, "<p>hi</p>") == expected
    assert network.bodies[0]["body_is_html"] is True


@pytest.mark.parametrize("text", ["NUL \0", "half \ud83d", "\udc00"])
def test_text_that_odoo_cannot_store_is_not_sent(text: str) -> None:
    """It would answer with an error 500 that looks like an outage."""
    client, network = rpc(result(True))
    with pytest.raises(PermanentError) as caught:
        client.create("crm.lead", [{"name": "a", "tags": [{"deep": text}]}])
    assert (caught.value.reason, network.requests) == ("odoo-unstorable-text", [])


# --- logging in ---


def test_a_wrong_login_is_no_error_for_odoo_but_for_us() -> None:
    """It answers false."""
    client, _ = rpc(result(False), logged_in=False)
    with pytest.raises(PermanentError) as caught:
        client.search_read("crm.lead", [], ["id"])
    assert caught.value.reason == "odoo-access-denied"


def test_a_login_that_odoo_no_longer_takes_is_made_once_more() -> None:
    """Its user may have a new id after a restore; a denied call had no effect, so it is made again."""
    denied = rpc_error("odoo.exceptions.AccessDenied")
    client, network = rpc(denied, result(8), result([]))
    assert client.search_read("crm.lead", [], ["id"]) == []
    assert [body["params"]["args"][1] for body in network.bodies] == ["puente", 7, "puente", 8]
    client, network = rpc(denied, result(8), denied)
    with pytest.raises(PermanentError) as caught:
        client.search_read("crm.lead", [], ["id"])
    assert (caught.value.reason, len(network.requests)) == ("odoo-access-denied", 4)


# --- what answers mean ---

BY_NAME = [
    ("odoo.exceptions.AccessDenied", 401, PermanentError, "odoo-access-denied"),
    ("odoo.exceptions.AccessError", 403, PermanentError, "odoo-access-error"),
    ("odoo.exceptions.MissingError", 404, PermanentError, "odoo-missing-record"),
    ("odoo.exceptions.ValidationError", 422, PermanentError, "odoo-validation"),
    ("odoo.exceptions.UserError", 422, PermanentError, "odoo-user-error"),
    ("builtins.ValueError", 500, PermanentError, "odoo-value-error"),
    ("builtins.AttributeError", 404, PermanentError, "odoo-bad-call"),
    ("builtins.TypeError", 422, PermanentError, "odoo-bad-call"),
    ("psycopg2.errors.InvalidTextRepresentation", 500, PermanentError, "odoo-database-refused"),
    ("psycopg2.errors.SerializationFailure", 500, RetryableError, None),
    ("psycopg2.errors.DeadlockDetected", 500, RetryableError, None),
    ("psycopg2.errors.LockNotAvailable", 500, RetryableError, None),
    ("odoo.exceptions.ConcurrencyError", 500, RetryableError, None),
    ("psycopg2.OperationalError", 500, UnavailableError, None),
    ("psycopg2.InterfaceError", 500, UnavailableError, None),
    ("psycopg2.pool.PoolError", 500, UnavailableError, None),
    ("psycopg2.errors.AdminShutdown", 500, UnavailableError, None),
    ("builtins.ZeroDivisionError", 500, OdooFailureError, None),
    ("", 500, OdooFailureError, None),
]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("name", "status", "kind", "reason"), BY_NAME)
def test_errors_are_told_by_the_exceptions_name(api: str, name: str, status: int, kind: type, reason: str | None) -> None:
    """The same over both transports; never by the text, never by `error.code`."""
    answers = [rpc_error(name, SQL)] * 3 if api == "jsonrpc" else [json2_error(status, name, SQL)]
    answers[1:2] = [LOGGED_IN] if api == "jsonrpc" else []
    client, _ = rpc(*answers) if api == "jsonrpc" else json2(*answers)
    with pytest.raises(PuenteError) as caught:
        client.write("crm.lead", [1], {"phone": "1"})
    assert type(caught.value) is kind
    assert getattr(caught.value, "reason", None) == reason
    for secret in ("ana@example.com", "5512345678", "crm_lead", "Traceback", "models.py"):
        assert secret not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "name", "reason"),
    [
        (401, "werkzeug.exceptions.Unauthorized", "odoo-access-denied"),
        (403, "werkzeug.exceptions.Forbidden", "odoo-access-error"),
        (404, "werkzeug.exceptions.NotFound", "odoo-bad-call"),
        (422, "werkzeug.exceptions.UnprocessableEntity", "odoo-bad-call"),
    ],
)
def test_json_2_has_errors_of_its_own(status: int, name: str, reason: str) -> None:
    """Those of the web layer, for which JSON-RPC has other words."""
    client, _ = json2(json2_error(status, name))
    with pytest.raises(PermanentError) as caught:
        client.search_read("crm.nope", [], ["id"])
    assert caught.value.reason == reason


@pytest.mark.parametrize("api", APIS)
def test_an_unknown_field_has_a_reason_of_its_own(api: str) -> None:
    """The operator can do something about it."""
    name, message = "builtins.ValueError", "Invalid field 'x_nope' in 'crm.lead'"
    client, _ = rpc(rpc_error(name, message)) if api == "jsonrpc" else json2(json2_error(500, name, message))
    with pytest.raises(PermanentError, match=r"Invalid field 'x_nope' in 'crm\.lead'") as caught:
        client.write("crm.lead", [1], {"x_nope": "1"})
    assert caught.value.reason == "odoo-unknown-field"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "answer",
    [html(200), html(404), html(500), Answer(200, b""), Answer(500, b"not json"), Answer(302, {}), Answer(401, ["odd"])],
)
def test_what_is_not_odoos_json_is_an_outage(api: str, answer: Answer) -> None:
    """A proxy's page, a database that is gone (JSON-2 answers 404 with HTML then), another server altogether."""
    client, _ = rpc(answer) if api == "jsonrpc" else json2(answer)
    with pytest.raises(UnavailableError, match="ODOO_URL"):
        client.search_read("crm.lead", [], ["id"])


def test_a_database_that_does_not_exist_is_hinted_at() -> None:
    """Odoo says it with the same error as an outage; setting up is where it happens."""
    client, _ = rpc(rpc_error("psycopg2.OperationalError", 'FATAL:  database "nope" does not exist'), logged_in=False)
    with pytest.raises(UnavailableError, match="ODOO_DB"):
        client.search_read("crm.lead", [], ["id"])


@pytest.mark.parametrize("api", APIS)
def test_a_lost_answer_is_uncertain_only_where_repeating_would_harm(api: str) -> None:
    """`create` and notes; what names its record is simply made again, after a failed quick try."""
    script = (cut(), cut(), cut(), cut())
    client, network = rpc(*script) if api == "jsonrpc" else json2(*script)
    with pytest.raises(UncertainError):
        client.create("crm.lead", [{"name": "a"}])
    with pytest.raises(RetryableError):
        client.load("crm.lead", ["id"], [["manychat.lead_1"]], repeatable=True)
    assert len(network.requests) == (5 if api == "jsonrpc" else 4)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("step", "kind"), [(refused(), UnavailableError), (Answer(503), UnavailableError), (Answer(429), ThrottledError)]
)
def test_an_odoo_that_is_down_or_busy(api: str, step: Answer | Exception, kind: type) -> None:
    """As the HTTP helper says."""
    client, _ = rpc(step) if api == "jsonrpc" else json2(step)
    with pytest.raises(kind):
        client.search_read("crm.lead", [], ["id"])


# --- messages ---

MESSAGES = [
    ("Invalid field 'x_nope' in 'crm.lead'", "Invalid field 'x_nope' in 'crm.lead'"),
    ("No matching record found for database id '999' in field 'Stage'", "database id '999' in field 'Stage'"),
    ("'Ana Pérez' does not seem to be a valid datetime for field 'Entry'", "'…' does not seem to be a valid datetime"),
    ("Bad e-mail ana.perez@example.com given", "Bad e-mail … given"),
    ("Bad phone +52 (55) 1234-5678 given", "Bad phone … given"),
    ("You can't do that to 'Ana'", "You can't do that to '…'"),
    ("duplicate key\nDETAIL:  Key (x_manychat_id)=(12345) already exists.", "duplicate key"),
    ("failed: UPDATE crm_lead SET phone=1", "failed: (SQL)"),
    ("two\n\nparagraphs\n- and a list", "two paragraphs - and a list"),
]


@pytest.mark.parametrize(("message", "kept"), MESSAGES)
def test_messages_keep_what_tells_where_to_look(message: str, kept: str) -> None:
    """Names of fields and models, short numbers; no values, no SQL, one line."""
    assert kept in clean(message)
    for gone in ("Ana", "example.com", "1234", "DETAIL", "phone=1", "\n"):
        assert gone not in clean(message)


def test_messages_are_short() -> None:
    """Whatever Odoo writes."""
    assert len(clean("word " * 1000)) == 300


# --- settings ---


def test_the_client_is_made_once_per_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connections and its login are worth keeping."""
    values = {"API_KEYS": '[{"name": "local", "key": "k"}]', "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    odoo = {"ODOO_URL": "https://odoo.invalid", "ODOO_DB": "lab", "ODOO_USERNAME": "puente", "ODOO_PASSWORD": "p"}
    for name, value in (values | odoo).items():
        monkeypatch.setenv(name, value)
    first = OdooClient.from_settings(load())
    assert OdooClient.from_settings(load()) is first
    assert isinstance(first._transport, JsonRpcTransport)
    monkeypatch.setenv("ODOO_API", "json2")
    assert isinstance(OdooClient.from_settings(load())._transport, Json2Transport)
