"""The sandbox's Odoo beyond what it shares with a real one: what it shows, whom it tells, what it takes, how it starts anew."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sandbox.odoo import Odoo
from sandbox.odoo.html import as_html
from sandbox.odoo.seed import FIRST_STAGE_ID, STAGES
from sandbox.vendor import Answer, Call, UnknownKindError
from tests.support.examples import examples

JSON = {"Content-Type": "application/json", "Authorization": "bearer sandbox-odoo-key"}
ADVISOR = 5


@pytest.fixture
def odoo() -> Odoo:
    """A new one."""
    return Odoo()


def rpc(params: Any, path: str = "/jsonrpc") -> Call:
    """A call over JSON-RPC."""
    return Call(method="POST", path=path, headers=JSON, body=json.dumps({"id": 1, "params": params}).encode())


def execute(model: str, method: str, *args: Any, user: tuple[int, str] = (2, "admin"), **kwargs: Any) -> Call:
    """`execute_kw`."""
    return rpc({"service": "object", "method": "execute_kw", "args": ["puente", *user, model, method, list(args), kwargs]})


def json2(path: str, body: Any, key: str = "sandbox-odoo-key") -> Call:
    """A call over JSON-2."""
    headers = {**JSON, "Authorization": f"bearer {key}"}
    return Call(method="POST", path=f"/json/2/{path}", headers=headers, body=json.dumps(body).encode())


def result(answer: Answer) -> Any:
    """What came back, which must not be an error."""
    return json.loads(answer.body)["result"]


def create(odoo: Odoo, context: dict[str, Any] | None = None, **values: Any) -> int:
    """One lead."""
    return int(result(odoo.answer(execute("crm.lead", "create", {"name": "lead", **values}, context=context or {}))))


def mails(odoo: Odoo) -> list[int]:
    """To whom Odoo has written."""
    return [row["recipient_id"][0] for row in odoo.records("mail.mail", {}, None)[0]]


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (execute("crm.lead", "load", ["id"], [["a"], ["b"]]), "crm.lead.load (2 rows)"),
        (execute("crm.lead", "load", fields=["id"], data=[["a"]]), "crm.lead.load (1 row)"),
        (execute("crm.lead", "create", {"name": "a"}), "crm.lead.create (1 record)"),
        (execute("crm.lead", "create", [{"name": "a"}, {"name": "b"}]), "crm.lead.create (2 records)"),
        (execute("crm.lead", "write", [1, 2, 3], {"phone": "1"}), "crm.lead.write (3 ids)"),
        (execute("crm.lead", "search_read", [["id", "=", 1]]), "crm.lead.search_read"),
        (rpc({"service": "common", "method": "authenticate", "args": []}), "common.authenticate"),
        (json2("crm.lead/load", {"fields": [], "data": [[], []]}), "crm.lead.load (2 rows)"),
        (json2("crm.lead/write", {"ids": [1], "vals": {}}), "crm.lead.write (1 id)"),
        (json2("crm.lead/search", {"domain": []}), "crm.lead.search"),
        (json2("crm.lead", {}), "POST /json/2/crm.lead"),
        (rpc({"service": "object", "method": "execute_kw", "args": []}), "POST /jsonrpc"),
        (Call(method="GET", path="/web/health"), "health"),
    ],
)
def test_says_in_words_what_a_call_is(odoo: Odoo, call: Call, what: str) -> None:
    """Over both APIs, also for a call that is none."""
    assert odoo.what(call) == what


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
methods = st.sampled_from(
    ["load", "create", "write", "unlink", "read", "search", "search_read", "search_count", "fields_get", "message_post"]
)


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    methods,
    st.lists(json_values, max_size=4),
    st.dictionaries(st.sampled_from(["ids", "domain", "fields", "data", "limit"]), json_values),
)
def test_answers_whatever_it_is_sent(
    odoo: Odoo, capsys: pytest.CaptureFixture[str], method: str, args: list[Any], named: dict[str, Any]
) -> None:
    """Nonsense is an error like any other, over both APIs; the call can be shown, and nothing is left half done."""
    call = execute("crm.lead", method, *args)
    assert json.loads(odoo.answer(call).body)["id"] == 1
    assert odoo.what(call)
    assert odoo.answer(json2(f"crm.lead/{method}", named)).status in {200, 403, 404, 422, 500}
    assert odoo.db.store.mark() == 0
    capsys.readouterr()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(json_values)
def test_takes_any_json_as_a_call(odoo: Odoo, capsys: pytest.CaptureFixture[str], body: Any) -> None:
    """Also one that is no object, or nests its parts wrongly."""
    for call in (
        Call(method="POST", path="/jsonrpc", headers=JSON, body=json.dumps(body).encode()),
        rpc(body),
        rpc({"service": "object", "method": "execute_kw", "args": body}),
    ):
        assert odoo.answer(call).status in {200, 400}
        odoo.what(call)
        odoo.mask(json.loads(call.body))
    capsys.readouterr()


def test_takes_json_that_is_nested_too_deep() -> None:
    """As JSON that cannot be read."""
    call = Call(method="POST", path="/jsonrpc", headers=JSON, body=b"[" * 100_000 + b"]" * 100_000)
    assert Odoo().answer(call).status == 400


def test_tells_an_advisor_of_a_lead_that_somebody_else_assigns(odoo: Odoo) -> None:
    """One e-mail for each lead, on creation and on a change; none to oneself, none when the context says so."""
    lead = create(odoo, user_id=ADVISOR)
    create(odoo, user_id=2)
    create(odoo, {"mail_auto_subscribe_no_notify": True}, user_id=ADVISOR)
    assert mails(odoo) == [ADVISOR]
    odoo.answer(execute("crm.lead", "write", [lead], {"user_id": ADVISOR + 1}))
    odoo.answer(execute("crm.lead", "write", [lead], {"user_id": ADVISOR + 1, "phone": "1"}))
    odoo.answer(execute("crm.lead", "write", [lead], {"user_id": False}))
    assert mails(odoo) == [ADVISOR, ADVISOR + 1]
    assert odoo.counters()["E-mails to advisors"] == 2


def test_a_salesperson_may_do_less_than_the_administrator(odoo: Odoo) -> None:
    """Leads can be loaded but not deleted; stages, fields and users not changed. JSON-2 says 403."""
    lead = create(odoo)
    ana = (ADVISOR, "advisor")
    loaded = result(odoo.answer(execute("crm.lead", "load", ["id", "name"], [["manychat.a", "x"]], user=ana)))
    assert loaded["ids"]
    for model, method, args in (
        ("crm.lead", "unlink", [[lead]]),
        ("crm.stage", "create", [{"name": "x"}]),
        ("ir.model.fields", "search", [[]]),
        ("res.users", "create", [{"name": "x", "login": "x"}]),
    ):
        error = json.loads(odoo.answer(execute(model, method, *args, user=ana)).body)["error"]["data"]
        assert error["name"] == "odoo.exceptions.AccessError"
    refused = odoo.answer(json2("crm.lead/unlink", {"ids": [lead]}, key="sandbox-odoo-key-ana"))
    assert (refused.status, refused.outcome) == (403, "AccessError")


def test_passwords_are_never_read(odoo: Odoo) -> None:
    """Not over the API and not on the page."""
    rows = result(odoo.answer(execute("res.users", "search_read", [], ["login", "password"])))
    assert {row["password"] for row in rows} == {False}
    assert "advisor" not in json.dumps(odoo.records("res.users", {}, None)[0])


def test_starts_with_the_stages_the_advisors_and_the_custom_fields(odoo: Odoo) -> None:
    """Stages 16 to 26 by their names, users 5 to 7."""
    stages = {row["id"]: row["name"] for row in odoo.records("crm.stage", {}, None)[0]}
    assert [stages[FIRST_STAGE_ID + place] for place in range(len(STAGES))] == list(STAGES)
    assert [row["login"] for row in odoo.records("res.users", {"active": "true"}, None)[0]] == [
        "admin",
        "ana",
        "bruno",
        "carla",
    ]
    assert {"x_manychat_id", "x_manychat_entry_date"} <= set(
        odoo.records("crm.lead", {}, None)[0] or odoo.db.model("crm.lead").fields
    )


def test_can_start_as_a_customer_has_it_before_our_set_up(odoo: Odoo) -> None:
    """Without the custom fields and stages; then both can be added, and work."""
    create(odoo)
    odoo.reset({"custom_fields": False, "stages": False})
    assert odoo.records("crm.lead", {}, None) == ([], 0)
    assert len(odoo.records("crm.stage", {}, None)[0]) == 4
    answer = json.loads(odoo.answer(execute("crm.lead", "create", {"name": "a", "x_manychat_id": "1"})).body)
    assert answer["error"]["data"]["message"] == "Invalid field 'x_manychat_id' in 'crm.lead'"
    (model,) = result(odoo.answer(execute("ir.model", "search", [["model", "=", "crm.lead"]])))
    field = {"model_id": model, "name": "x_manychat_id", "field_description": "F", "ttype": "char", "index": True}
    result(odoo.answer(execute("ir.model.fields", "create", [field])))
    assert odoo.records("crm.lead", {"x_manychat_id": "1"}, None)[1] == 0
    create(odoo, x_manychat_id="1")
    assert odoo.records("crm.lead", {"x_manychat_id": "1"}, None)[1] == 1
    assert result(odoo.answer(execute("crm.stage", "create", [{"name": name} for name in STAGES])))[0] == FIRST_STAGE_ID


def test_a_selection_field_can_be_added(odoo: Odoo) -> None:
    """With its options as Odoo writes them; after a restart it still knows them."""
    (model,) = result(odoo.answer(execute("ir.model", "search", [["model", "=", "crm.lead"]])))
    options = "[('hot', 'Hot'), ('cold', 'Cold')]"
    field = {
        "model_id": model,
        "name": "x_studio_heat",
        "field_description": "Heat",
        "ttype": "selection",
        "selection": options,
    }
    result(odoo.answer(execute("ir.model.fields", "create", [field])))
    lead = create(odoo, x_studio_heat="hot")
    again = Odoo()
    again.restore(json.loads(json.dumps(odoo.dump())))
    assert again.records("crm.lead", {"x_studio_heat": "hot"}, None)[0][0]["id"] == lead
    answer = json.loads(again.answer(execute("crm.lead", "write", [lead], {"x_studio_heat": "warm"})).body)
    assert answer["error"]["data"]["message"] == "Wrong value for crm.lead.x_studio_heat: 'warm'"


def test_shows_records_by_any_of_their_fields(odoo: Odoo) -> None:
    """Archived ones too; `false` finds what is not set, `limit` shortens but does not change the total."""
    first = create(odoo, x_manychat_id="1", stage_id=16, phone="5")
    second = create(odoo, stage_id=16, active=False)
    ids = [row["id"] for row in odoo.records("crm.lead", {}, None)[0]]
    assert ids == [first, second]
    for filters, expected in (
        ({"x_manychat_id": "1"}, [first]),
        ({"x_manychat_id": "false"}, [second]),
        ({"stage_id": "16", "active": "true"}, [first]),
        ({"id": str(second)}, [second]),
        ({"phone": "5", "x_manychat_id": "2"}, []),
    ):
        rows, total = odoo.records("crm.lead", filters, None)
        assert ([row["id"] for row in rows], total) == (expected, len(expected))
    rows, total = odoo.records("crm.lead", {"stage_id": "16"}, 1)
    assert (len(rows), total) == (1, 2)
    assert rows[0]["stage_id"] == [16, STAGES[0]]


@pytest.mark.parametrize("filters", [{"nope": "1"}, {"id": "x"}, {"expected_revenue": "x"}])
def test_says_what_is_wrong_with_a_filter(odoo: Odoo, filters: dict[str, str]) -> None:
    """A field that is not there, a number that is none."""
    with pytest.raises(ValueError, match=r"x|nope"):
        odoo.records("crm.lead", filters, None)


def test_says_which_models_it_has(odoo: Odoo) -> None:
    """When asked for another."""
    with pytest.raises(UnknownKindError, match=r"it has .*crm\.lead"):
        odoo.records("sale.order", {}, None)


def test_the_board_shows_stages_in_order_and_the_latest_lead_on_top(odoo: Odoo) -> None:
    """Without archived leads, at most so many cards, with a count of all."""
    leads = [create(odoo, stage_id=17, name=f"lead {place}") for place in range(15)]
    odoo.answer(execute("crm.lead", "action_archive", [leads[14]]))
    odoo.answer(execute("crm.lead", "write", [leads[0]], {"phone": "+52 1", "user_id": ADVISOR}))
    board = odoo.board()
    assert [column.title for column in board][:4] == ["New", "Qualified", "Proposition", STAGES[0]]
    assert board[-1].title == "Won"
    (column,) = (column for column in board if column.id == 17)
    assert (column.total, len(column.cards)) == (14, 12)
    assert [card.id for card in column.cards[:2]] == [leads[0], leads[13]]
    assert (column.cards[0].title, column.cards[0].lines[0], column.cards[0].tag) == ("lead 0", "+52 1", "Ana Asesora")
    assert (odoo.counters()["Leads"], odoo.counters()["Archived"]) == (14, 1)


def test_a_conflict_looks_like_one(odoo: Odoo) -> None:
    """In the result of `load`, as an error of anything else, over both APIs; nothing is done."""
    loading = execute("crm.lead", "load", ["id", "name"], [["a.b", "x"]])
    for call in (loading, json2("crm.lead/load", {"fields": ["id", "name"], "data": [["a.b", "x"]]})):
        answer = json.loads(odoo.fail("conflict", call).body)
        returned = answer.get("result", answer)
        assert returned["ids"] is False
        assert returned["messages"][0]["message"].startswith("could not serialize access due to concurrent update")
    error = json.loads(odoo.fail("conflict", execute("crm.lead", "write", [1], {})).body)["error"]["data"]
    assert error["name"] == "psycopg2.errors.SerializationFailure"
    assert odoo.fail("conflict", json2("crm.lead/write", {"ids": [1]})).status == 500
    assert odoo.records("crm.lead", {}, None)[1] == 0


def test_the_revision_only_grows(odoo: Odoo) -> None:
    """With every change, also by a reset; a search or a refused call leaves it."""
    seen = [odoo.revision]
    create(odoo)
    seen.append(odoo.revision)
    odoo.answer(execute("crm.lead", "search", []))
    odoo.answer(execute("crm.lead", "create", {"phone": "1"}))
    assert odoo.revision == seen[-1]
    odoo.reset({})
    assert seen[0] < seen[1] < odoo.revision


def test_restores_what_it_dumped(odoo: Odoo) -> None:
    """Leads, external ids and custom fields; an external id finds its lead again."""
    (lead,) = result(odoo.answer(execute("crm.lead", "load", ["id", "name", "x_manychat_id"], [["manychat.a", "ñ", "1"]])))[
        "ids"
    ]
    saved = json.loads(json.dumps(odoo.dump()))
    again = Odoo()
    again.reset({"custom_fields": False})
    again.restore(saved)
    assert again.dump() == odoo.dump()
    loaded = result(again.answer(execute("crm.lead", "load", ["id", "x_manychat_id"], [["manychat.a", "2"]])))
    assert loaded["ids"] == [lead]
    assert again.records("crm.lead", {"x_manychat_id": "2"}, None)[1] == 1
    assert again.db.store.mark() == 0


PIECES = [
    "a",
    "b ",
    "<",
    ">",
    "&",
    ";",
    '"',
    "\n",
    "\x01",
    "<b>",
    "</p>",
    "<p>",
    "<br>",
    "<script>",
    "</script>",
    "&lt;",
    "<!--",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("<a<script></a<script>")
@example("<a <script></a>")
@example("<p></p>a <script>")
def test_cleaned_html_stays_as_it_is(text: str) -> None:
    """Cleaning it again changes nothing, and no script survives."""
    once = as_html(text)
    assert as_html(once) == once
    assert "<script" not in once
