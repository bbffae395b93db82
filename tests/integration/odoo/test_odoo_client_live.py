"""The client on a whole Odoo: its errors, its set-up, and a server in trouble."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.testing import InProcessSandbox
from shared.errors import PermanentError, PuenteError, RetryableError, ThrottledError, UnavailableError, UncertainError
from shared.settings import get_settings
from shared.vendors.odoo import setup
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.upsert import UpsertRow, upsert
from tests.integration.odoo.place import Place, User

CASES: list[tuple[str, Callable[[OdooClient], Any], set[str]]] = [
    ("missing record", lambda odoo: odoo.write("crm.lead", [999_999_999], {"name": "x"}), {"odoo-missing-record"}),
    ("unknown field", lambda odoo: odoo.create("crm.lead", [{"name": "x", "x_nope": "x"}]), {"odoo-unknown-field"}),
    ("required", lambda odoo: odoo.create("crm.lead", [{"phone": "1"}]), {"odoo-validation"}),
    ("bad date", lambda odoo: odoo.create("crm.lead", [{"name": "x", "date_deadline": "soon"}]), {"odoo-value-error"}),
    ("unknown model", lambda odoo: odoo.search_read("crm.nope", [], ["id"]), {"odoo-user-error", "odoo-bad-call"}),
    ("unknown method", lambda odoo: odoo.call("crm.lead", "nope"), {"odoo-bad-call"}),
    ("private method", lambda odoo: odoo.call("crm.lead", "_compute"), {"odoo-access-error"}),
    ("wrong parameter", lambda odoo: odoo.call("crm.lead", "search_read", {"nope": 1}), {"odoo-bad-call"}),
    ("text for an id", lambda odoo: odoo.call("crm.lead", "write", {"vals": {}}, ids=["x"]), {"odoo-database-refused"}),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("call", "reasons"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_errors_have_stable_reasons(client: OdooClient, call: Callable[[OdooClient], Any], reasons: set[str]) -> None:
    """Whatever the transport, and without a trace or SQL in the message."""
    with pytest.raises(PermanentError) as caught:
        call(client)
    assert caught.value.reason in reasons
    for internal in ("Traceback", "psycopg2", "SELECT", "UPDATE", "site-packages"):
        assert internal not in str(caught.value)


@pytest.mark.parametrize("api", ["jsonrpc", "json2"])
def test_wrong_credentials(place: Place, api: str) -> None:
    """Told apart from every other error, over both transports."""
    stranger = Place(place.url, place.database, {"admin": User("admin", "wrong", "0" * 40)})
    with pytest.raises(PermanentError) as caught:
        stranger.client(api).search_read("crm.lead", [], ["id"], limit=1)
    assert caught.value.reason == "odoo-access-denied"


def test_a_wrong_database(place: Place) -> None:
    """Odoo cannot tell it from a database that is down, so neither do we; the message has a hint."""
    with pytest.raises(UnavailableError, match="ODOO_DB"):
        Place(place.url, "nope", place.users).client().search_read("crm.lead", [], ["id"], limit=1)


def test_a_note_is_posted(client: OdooClient, admin: OdooClient, prefix: str) -> None:
    """As HTML, on one record."""
    [lead] = admin.create("crm.lead", [{"name": prefix}])
    note = client.message_post("crm.lead", lead, "<p>Hola <b>Ana</b></p>")
    [message] = admin.search_read("mail.message", [["id", "=", note]], ["body", "res_id"])
    assert (message["body"], message["res_id"]) == ("<p>Hola <b>Ana</b></p>", lead)


def test_the_version_is_told(client: OdooClient) -> None:
    """By both transports, in the same words."""
    assert client.version().startswith("19.")


# --- set-up ---


@pytest.fixture
def settings(place: Place, environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The settings of this Odoo's administrator."""
    admin = place.users["admin"]
    values = {"URL": place.url, "DB": place.database, "USERNAME": admin.login, "PASSWORD": admin.password}
    for name, value in values.items():
        environment.setenv(f"ODOO_{name}", value)
    get_settings.cache_clear()
    return environment


def test_set_up_finds_all_that_is_there(settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 0, and every fact and every stage has its line."""
    assert setup.main([]) == 0
    printed = capsys.readouterr().out
    for line in ("ok      crm.lead.x_manychat_id (char)", "ok      stage 16 “Recién Suscrito Sin Asignar”", "Odoo 19"):
        assert line in printed


def test_set_up_says_what_is_missing_and_changes_nothing(
    settings: pytest.MonkeyPatch, admin: OdooClient, capsys: pytest.CaptureFixture[str], prefix: str
) -> None:
    """Fields that it could create, fields that it could not, stages, types."""
    field_map = f'{{"summary": "x_{prefix}", "phone": "nope_{prefix}", "entry_date": "name"}}'
    settings.setenv("ODOO_FIELD_MAP", field_map)
    get_settings.cache_clear()
    assert setup.main([], {16: "Recién suscrito sin asignar", 17: "Otro", 90_000: "Retornó en AC", 90_001: f"E {prefix}"}) == 1
    printed = capsys.readouterr().out.splitlines()
    for expected in (
        f"missing crm.lead.x_{prefix} for our summary does not exist; --apply creates it",
        f"missing crm.lead.nope_{prefix} for our phone does not exist; only x_ fields can be created: correct ODOO_FIELD_MAP",
        "missing crm.lead.name is of type char; our entry_date needs datetime or date",
        "ok      stage 16 “Recién suscrito sin asignar”",
        "note    stage 17 “Otro” is called “Recién Suscrito Pendiente AC” in Odoo",
        "missing stage 90000 “Retornó en AC” has the id 18 in Odoo: correct our stage map",
        f"missing stage 90001 “E {prefix}” does not exist; --apply --create-stages creates it",
    ):
        assert expected in printed
    assert f"x_{prefix}" not in admin.fields_get("crm.lead")
    assert admin.search_read("crm.stage", [["name", "=", f"E {prefix}"]], ["id"]) == []


def test_set_up_creates_fields_when_told_to_and_only_once(
    settings: pytest.MonkeyPatch, admin: OdooClient, capsys: pytest.CaptureFixture[str], prefix: str
) -> None:
    """A second run finds them there; stages are left alone."""
    settings.setenv("ODOO_FIELD_MAP", f'{{"summary": "x_{prefix}"}}')
    settings.setenv("ODOO_SYNC_MODE", "both")
    get_settings.cache_clear()
    stages = {16: "Recién Suscrito Sin Asignar", 90_001: f"E {prefix}"}
    assert setup.main(["--apply"], stages) == 1
    assert f"ok      created crm.lead.x_{prefix} (text)" in capsys.readouterr().out
    assert admin.fields_get("crm.lead")[f"x_{prefix}"]["type"] == "text"
    assert setup.main(["--apply"], {16: "Recién Suscrito Sin Asignar"}) == 0
    assert "created" not in capsys.readouterr().out
    assert admin.search_read("crm.stage", [["name", "=", f"E {prefix}"]], ["id"]) == []


def test_set_up_by_a_salesperson_says_what_an_administrator_must_do(
    settings: pytest.MonkeyPatch, place: Place, admin: OdooClient, capsys: pytest.CaptureFixture[str], prefix: str
) -> None:
    """And checks all the rest."""
    who = place.users["integration"]
    values = {"ODOO_USERNAME": who.login, "ODOO_PASSWORD": who.password, "ODOO_FIELD_MAP": f'{{"summary": "x_{prefix}"}}'}
    for name, value in values.items():
        settings.setenv(name, value)
    get_settings.cache_clear()
    assert setup.main(["--apply"]) == 1
    printed = capsys.readouterr().out
    assert f"missing only an administrator may create crm.lead.x_{prefix}" in printed
    assert "note    without the right “Access Rights”" in printed
    assert "ok      stage 26" in printed
    assert f"x_{prefix}" not in admin.fields_get("crm.lead")


def test_set_up_creates_stages_only_when_told_to_by_name(
    settings: pytest.MonkeyPatch, admin: OdooClient, capsys: pytest.CaptureFixture[str], prefix: str
) -> None:
    """Odoo chooses the id, so it says which; the stage map is ours to correct, so something is still missing."""
    assert setup.main(["--apply", "--create-stages"], {90_001: f"E {prefix}"}) == 1
    [stage] = admin.search_read("crm.stage", [["name", "=", f"E {prefix}"]], ["id"])
    assert f"created “E {prefix}” with the id {stage['id']}; our stage map says 90001" in capsys.readouterr().out
    assert setup.main([], {stage["id"]: f"E {prefix}"}) == 0
    admin.unlink("crm.stage", [stage["id"]])


def test_set_up_needs_no_stages_in_contacts_mode(settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Leads are none of its business then."""
    settings.setenv("ODOO_SYNC_MODE", "contacts")
    get_settings.cache_clear()
    assert setup.main([], {90_001: "nowhere"}) == 0
    printed = capsys.readouterr().out
    assert "res.partner.x_manychat_id" in printed
    assert "crm.lead" not in printed


@pytest.mark.parametrize(
    ("name", "value"), [("ODOO_URL", "http://127.0.0.1:1"), ("ODOO_PASSWORD", "wrong"), ("ODOO_DB", "nope")]
)
def test_set_up_that_cannot_get_in_says_so(
    settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    """Exit code 2, one line, no trace."""
    settings.setenv(name, value)
    get_settings.cache_clear()
    assert setup.main([]) == 2
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("failed  ")


def test_set_up_refuses_half_an_order(capsys: pytest.CaptureFixture[str]) -> None:
    """--create-stages changes something, so it wants --apply."""
    with pytest.raises(SystemExit, match="2"):
        setup.main(["--create-stages"])
    assert "--apply" in capsys.readouterr().err


# --- a server in trouble, as only the sandbox can be told to be ---


@pytest.fixture
def sandbox(place: Place) -> Iterator[InProcessSandbox]:
    if place.sandbox is None:
        pytest.skip("a real Odoo cannot be told to fail")
    yield place.sandbox
    place.sandbox.reset()


@pytest.mark.parametrize("api", ["jsonrpc", "json2"])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"mode": "down"}, RetryableError),
        ({"mode": "down", "status": 503}, UnavailableError),
        ({"mode": "down", "status": 502}, UnavailableError),
        ({"mode": "garbage"}, UnavailableError),
        ({"mode": "rate_limited", "seconds": 7}, ThrottledError),
    ],
    ids=lambda value: str(value.get("status", value["mode"])) if isinstance(value, dict) else "",
)
@pytest.mark.share(4)
def test_trouble_is_told_apart(place: Place, sandbox: InProcessSandbox, api: str, fault: dict[str, Any], kind: type) -> None:
    """What the outbox does next depends on it."""
    client = place.client(api)
    client.search_read("crm.lead", [], ["id"], limit=1)
    sandbox.fault(**fault)
    with pytest.raises(PuenteError) as caught:
        client.search_read("crm.lead", [], ["id"], limit=1)
    assert type(caught.value) is kind
    assert getattr(caught.value, "after_seconds", None) == (7 if kind is ThrottledError else None)


@pytest.mark.parametrize("api", ["jsonrpc", "json2"])
def test_an_answer_that_is_lost_doubles_nothing(place: Place, sandbox: InProcessSandbox, api: str, prefix: str) -> None:
    """The work is done and the connection cut: an upsert is quickly made again, a plain create is not."""
    client = place.client(api)
    upsert(client, "crm.lead", [UpsertRow(f"{prefix}-0", {"name": "before"})], quiet=True)
    sandbox.fault("accept_then_drop", count=1, only="load")
    rows = [UpsertRow(f"{prefix}-{n}", {"name": f"Lead {n}"}) for n in range(20)]
    results = upsert(client, "crm.lead", rows, quiet=True)
    found = client.search_read("crm.lead", [["x_manychat_id", "=like", f"{prefix}%"]], ["x_manychat_id"], order="id")
    assert [record["id"] for record in found] == [result.odoo_id for result in results]
    sandbox.fault("accept_then_drop", count=1, only="create")
    with pytest.raises(UncertainError):
        client.create("crm.lead", [{"name": prefix}])
    assert len(sandbox.leads(name=prefix)) == 1


def test_a_fresh_odoo_is_made_ready(sandbox: InProcessSandbox, settings: pytest.MonkeyPatch, capsys) -> None:
    """From a new database to one that takes our leads."""
    sandbox.reset(custom_fields=False, stages=False)
    stages = {16: "Recién Suscrito Sin Asignar", 17: "Recién Suscrito Pendiente AC"}
    assert setup.main([], stages) == 1
    assert setup.main(["--apply", "--create-stages"], stages) == 0
    assert "created crm.lead.x_manychat_id (char)" in capsys.readouterr().out
    client = OdooClient.from_settings(get_settings())
    assert upsert(client, "crm.lead", [UpsertRow("1", {"name": "Ana", "stage_id": 17})], quiet=True)[0].error is None
