"""What our client relies on in Odoo: signing in, creating, reading, writing, and each error as the facts give it."""
# ruff: noqa: E501  # a table reads best with one case on one line

from typing import Any

import pytest
from odoo_contract import TIMEOUT_SECONDS, Api, Failure, unique

STAMP = "2026-01-02 03:04:05"


def make(api: Api, **values: Any) -> int:
    """One lead; its id."""
    return int(api.call("crm.lead", "create", vals_list=[{"name": unique("lead "), **values}])[0])


def read(api: Api, lead: int, *fields: str) -> dict[str, Any]:
    """Some fields of one lead."""
    (row,) = api.call("crm.lead", "read", [lead], fields=list(fields))
    return dict(row)


def test_says_that_it_is_healthy_and_which_version_it_is(rpc: Api) -> None:
    """The health page and the version need no sign-in."""
    response = rpc.session.get(f"{rpc.server.url}/web/health", timeout=TIMEOUT_SECONDS)
    assert (response.status_code, response.json()) == (200, {"status": "pass"})
    for page in ("/web/version", "/json/version"):
        page_content = rpc.session.get(rpc.server.url + page, timeout=TIMEOUT_SECONDS).json()
        assert (page_content["version"], page_content["version_info"][:2]) == ("19.0", [19, 0])
    version = rpc.rpc("common", "version", [])["result"]
    assert version["server_serie"] == "19.0"
    assert version["protocol_version"] == 1


def test_signs_in_with_password_or_key_and_says_false_otherwise(rpc: Api) -> None:
    """A wrong login is no error but the result False."""
    server = rpc.server

    def sign_in(login: str, password: str) -> Any:
        return rpc.rpc("common", "authenticate", [server.db, login, password, {}])["result"]

    assert sign_in(server.login, server.password) == sign_in(server.login, server.key) == rpc.uid
    assert sign_in(server.login, "wrong") is False
    assert sign_in("nobody", server.password) is False


@pytest.mark.parametrize(
    ("service", "method", "args", "name", "message"),
    [
        ("nope", "x", [], "builtins.KeyError", "nope"),
        ("common", "nope", [], "builtins.Exception", "Method not found: nope"),
        ("common", "authenticate", ["db", "a", "b"], "builtins.TypeError", "missing 1 required positional argument: 'user_agent_env'"),
        ("object", "execute_kw", ["db", 2, "x"], "builtins.ValueError", "not enough values to unpack (expected at least 5, got 3)"),
        ("common", "authenticate", ["nodb", "a", "b", {}], "psycopg2.OperationalError", 'database "nodb" does not exist'),
        ("object", "execute_kw", ["nodb", 2, "x", "m", "n"], "psycopg2.OperationalError", 'database "nodb" does not exist'),
    ],
)  # fmt: skip
def test_refuses_a_wrong_rpc_call(rpc: Api, service: str, method: str, args: list[Any], name: str, message: str) -> None:
    """Errors come with status 200 and are told apart by their name."""
    with pytest.raises(Failure) as failure:
        rpc.rpc(service, method, args)
    assert failure.value.name == name
    assert message in failure.value.message
    assert failure.value.error["arguments"] == [failure.value.message]


def test_checks_user_and_password_on_every_rpc_call(rpc: Api) -> None:
    """A wrong password is AccessDenied, a user that does not exist MissingError; the key serves as password."""
    args: list[Any] = [rpc.server.db, rpc.uid, rpc.server.key, "crm.lead", "search_count", [[]]]
    assert rpc.rpc("object", "execute_kw", args)["result"] >= 0
    for uid, password, name in ((rpc.uid, "wrong", "AccessDenied"), (999_999, rpc.server.password, "MissingError")):
        with pytest.raises(Failure) as failure:
            rpc.rpc("object", "execute_kw", [args[0], uid, password, *args[3:]])
        assert failure.value.name == f"odoo.exceptions.{name}"


ERRORS: list[tuple[str, str, str, dict[str, Any], str, int, str]] = [
    ("private method", "crm.lead", "_x", {}, "odoo.exceptions.AccessError", 403,
     "Private methods (such as 'crm.lead._x') cannot be called remotely."),
    ("write to a missing record", "crm.lead", "write", {"ids": [99_999_999], "vals": {"phone": "1"}},
     "odoo.exceptions.MissingError", 404, "Record does not exist or has been deleted.\n(Record: crm.lead(99999999,), User: 2)"),
    ("delete a missing record", "crm.lead", "unlink", {"ids": [99_999_999]}, "odoo.exceptions.MissingError", 404,
     "Record does not exist or has been deleted."),
    ("missing required field", "crm.lead", "create", {"vals_list": [{"phone": "1"}]}, "odoo.exceptions.ValidationError", 422,
     "The operation cannot be completed: Missing required value for the field 'Opportunity' (name).\nModel: 'Lead' (crm.lead)\n"),
    ("name set to nothing", "crm.lead", "create", {"vals_list": [{"name": False}]}, "odoo.exceptions.ValidationError", 422,
     "Missing required value for the field 'Opportunity' (name)."),
    ("stage that is not there", "crm.lead", "create", {"vals_list": [{"name": "a", "stage_id": 999_999}]},
     "odoo.exceptions.ValidationError", 422,
     "The troublemaker is: 'Lead' (crm.lead)\nThanks to the following constraint: 'Stage' (stage_id)\n"),
    ("salesperson that is not there", "crm.lead", "create", {"vals_list": [{"name": "a", "user_id": 999_999}]},
     "odoo.exceptions.ValidationError", 422, "Thanks to the following constraint: 'Salesperson' (user_id)"),
    ("unknown field", "crm.lead", "create", {"vals_list": [{"name": "a", "foo": 1}]}, "builtins.ValueError", 500,
     "Invalid field 'foo' in 'crm.lead'"),
    ("wrong selection", "crm.lead", "create", {"vals_list": [{"name": "a", "type": "zz"}]}, "builtins.ValueError", 500,
     "Wrong value for crm.lead.type: 'zz'"),
    ("ISO date and time", "crm.lead", "create", {"vals_list": [{"name": "a", "x_manychat_entry_date": "2026-01-01T10:00:00Z"}]},
     "builtins.ValueError", 500, "time data '2026-01-01T10:00:00Z' does not match format '%Y-%m-%d %H:%M:%S'"),
    ("microseconds", "crm.lead", "create", {"vals_list": [{"name": "a", "x_manychat_entry_date": "2026-01-01 10:00:00.123"}]},
     "builtins.ValueError", 500, "unconverted data remains: .123"),
    ("month 13", "crm.lead", "create", {"vals_list": [{"name": "a", "x_manychat_entry_date": "2026-13-01 10:00:00"}]},
     "builtins.ValueError", 500, "time data '2026-13-01 10:00:00' does not match format '%Y-%m-%d %H:%M:%S'"),
    ("no date at all", "crm.lead", "create", {"vals_list": [{"name": "a", "x_manychat_entry_date": "nonsense"}]},
     "builtins.ValueError", 500, "time data 'nonsense' does not match format"),
    ("number for a date", "crm.lead", "create", {"vals_list": [{"name": "a", "x_manychat_entry_date": 5}]},
     "builtins.TypeError", 500, "object of type 'int' has no len()"),
    ("NUL", "crm.lead", "create", {"vals_list": [{"name": "a\0b"}]}, "builtins.ValueError", 500,
     "A string literal cannot contain NUL (0x00) characters."),
    ("text for an id", "crm.lead", "create", {"vals_list": [{"name": "a", "stage_id": "abc"}]},
     "psycopg2.errors.InvalidTextRepresentation", 500, 'invalid input syntax for type integer: "abc"'),
    ("dict for an id", "crm.lead", "create", {"vals_list": [{"name": "a", "source_id": {"id": 1}}]}, "psycopg2.ProgrammingError",
     500, "can't adapt type 'dict'"),
    ("true for an id", "crm.lead", "create", {"vals_list": [{"name": "a", "source_id": True}]}, "psycopg2.errors.DatatypeMismatch",
     500, 'column "source_id" is of type integer but expression is of type boolean'),
    ("values that are no dict", "crm.lead", "create", {"vals_list": ["x"]}, "builtins.AttributeError", 500,
     "'str' object has no attribute 'get'"),
    ("read an unknown field", "crm.lead", "search_read", {"domain": [], "fields": ["foo"], "limit": 1}, "builtins.ValueError", 500,
     "Invalid field 'foo' on 'crm.lead'"),
    ("search an unknown field", "crm.lead", "search", {"domain": [["foo", "=", 1]]}, "builtins.ValueError", 500,
     "Invalid field crm.lead.foo in condition ('foo', '=', 1)"),
    ("order by an unknown field", "crm.lead", "search", {"domain": [], "order": "foo"}, "builtins.ValueError", 500,
     "Invalid field 'foo' on model 'crm.lead'"),
    ("an order that is none", "crm.lead", "search", {"domain": [], "order": "name; drop"}, "odoo.exceptions.UserError", 422,
     'Invalid "order" specified (name; drop).'),
    ("negative limit", "crm.lead", "search", {"domain": [], "limit": -1}, "psycopg2.errors.InvalidRowCountInLimitClause", 500,
     "LIMIT must not be negative"),
    ("note to two leads", "crm.lead", "message_post", {"ids": [1, 2], "body": "x"}, "builtins.ValueError", 500,
     "Expected singleton: crm.lead(1, 2)"),
    ("load an unknown field", "crm.lead", "load", {"fields": ["id", "foo"], "data": [["a.b", "x"]]}, "builtins.ValueError", 500,
     "Invalid field name 'foo'"),
    ("contact without a name", "res.partner", "create", {"vals_list": [{"email": "a@b"}]}, "odoo.exceptions.ValidationError", 422,
     "The operation cannot be completed: Contacts require a name"),
    ("external id with a space", "ir.model.data", "create",
     {"vals_list": [{"module": "a", "name": "b c", "model": "crm.lead", "res_id": 1}]}, "odoo.exceptions.ValidationError", 422,
     "The operation cannot be completed: External IDs cannot contain spaces"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "method", "params", "name", "status", "message"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS]
)
def test_each_error_has_its_name_its_status_and_its_text(
    api: Api, model: str, method: str, params: dict[str, Any], name: str, status: int, message: str
) -> None:
    """JSON-RPC answers 200 with a name; JSON-2 a status, and the same name and text."""
    with pytest.raises(Failure) as failure:
        api.call(model, method, **params) if "ids" not in params else api.call(model, method, params["ids"], **_rest(params))
    assert failure.value.name == name
    assert failure.value.status == (200 if api.transport == "jsonrpc" else status)
    assert message in failure.value.message


def _rest(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != "ids"}


@pytest.mark.parametrize(
    ("model", "method", "args", "kwargs", "name", "message"),
    [
        ("crm.nope", "search", [[]], {}, "odoo.exceptions.UserError", "Object crm.nope doesn't exist"),
        ("crm.lead", "nope", [[]], {}, "builtins.AttributeError", "The method 'crm.lead.nope' does not exist"),
        ("crm.lead", "search", [], {}, "builtins.TypeError", "missing 1 required positional argument: 'domain'"),
        ("crm.lead", "search", [[]], {"foo": 1}, "builtins.TypeError", "got an unexpected keyword argument 'foo'"),
        ("crm.lead", "search", [[], 0, 1, "id", 5, 6], {}, "builtins.TypeError", "takes from 2 to 5 positional arguments but 7 were"),
        ("crm.lead", "search", [[]], {"domain": []}, "builtins.TypeError", "got multiple values for argument 'domain'"),
        ("crm.lead", "write", [], {}, "builtins.IndexError", "list index out of range"),
        ("crm.lead", "write", [[1]], {}, "builtins.TypeError", "missing 1 required positional argument: 'vals'"),
        ("crm.lead", "create", [], {"vals_list": [{"name": "a"}]}, "builtins.IndexError", "list index out of range"),
        ("crm.lead", "load", [["id"]], {}, "builtins.TypeError", "missing 1 required positional argument: 'data'"),
        ("crm.lead", "read", [["abc"]], {}, "psycopg2.errors.InvalidTextRepresentation", "invalid input syntax for type integer"),
    ],
)  # fmt: skip
def test_refuses_a_wrong_method_call_over_rpc(
    rpc: Api, model: str, method: str, args: list[Any], kwargs: dict[str, Any], name: str, message: str
) -> None:
    """Wrong or missing parameters are Python's own complaints."""
    with pytest.raises(Failure) as failure:
        rpc.execute(model, method, args, kwargs)
    assert failure.value.name == name
    assert message in failure.value.message


@pytest.mark.parametrize(
    ("path", "body", "status", "name", "message"),
    [
        ("crm.nope/search", {"domain": []}, 404, "NotFound", "the model 'crm.nope' does not exist"),
        ("crm.lead/nope", {}, 404, "NotFound", "The method 'crm.lead.nope' does not exist"),
        ("crm.lead/search", {}, 422, "UnprocessableEntity", "missing a required argument: 'domain'"),
        ("crm.lead/search", [], 422, "UnprocessableEntity", "missing a required argument: 'domain'"),
        ("crm.lead/search", {"domain": [], "foo": 1}, 422, "UnprocessableEntity", "got an unexpected keyword argument 'foo'"),
        ("crm.lead/search", {"ids": [1], "domain": []}, 422, "UnprocessableEntity", "cannot call crm.lead.search with ids"),
        ("crm.lead/write", {"ids": [1]}, 422, "UnprocessableEntity", "missing a required argument: 'vals'"),
        ("crm.lead", {}, 404, "NotFound", "Did you mean POST /json/2/<model>/<method>?"),
    ],
)
def test_refuses_a_wrong_method_call_over_json2(rpc: Api, path: str, body: Any, status: int, name: str, message: str) -> None:
    """What is wrong with the request itself has a name of the web server's."""
    response = rpc.post(f"/json/2/{path}", body, {"Authorization": f"bearer {rpc.server.key}"})
    error = response.json()
    assert (response.status_code, error["name"]) == (status, f"werkzeug.exceptions.{name}")
    assert error["message"] == message
    assert error["arguments"] == [message, status]


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        (None, "User not authenticated, use an API Key with a Bearer Authorization header."),
        ("basic abc", "User not authenticated, use an API Key with a Bearer Authorization header."),
        ("bearer wrong", "Invalid apikey"),
        ("bearer admin", "Invalid apikey"),
    ],
)
def test_json2_wants_a_key(rpc: Api, authorization: str | None, message: str) -> None:
    """No key, or a wrong one: 401 that says what it wants; a password is no key."""
    headers = {"Authorization": authorization} if authorization else {}
    response = rpc.post("/json/2/crm.lead/search", {"domain": []}, headers)
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert response.json()["message"] == message


@pytest.mark.parametrize(
    ("path", "body", "content_type", "status", "text"),
    [
        ("/jsonrpc", b"{", "application/json", 400, "Invalid JSON data"),
        ("/jsonrpc", b"[]", "application/json", 400, "Invalid JSON-RPC data"),
        ("/jsonrpc", b"{}", "text/plain", 415, "Unsupported Media Type"),
        ("/json/2/crm.lead/search", b"a=1", "text/plain", 415, "Unsupported Media Type"),
        ("/json/2/crm.lead/search", b"{", "application/json", 400, "could not parse the body as json"),
    ],
)
def test_refuses_what_is_no_json(rpc: Api, path: str, body: bytes, content_type: str, status: int, text: str) -> None:
    """The body must be JSON and say so."""
    headers = {"Content-Type": content_type, "Authorization": f"bearer {rpc.server.key}"}
    response = rpc.session.post(rpc.server.url + path, data=body, headers=headers, timeout=TIMEOUT_SECONDS)
    assert response.status_code == status
    assert text in response.text


def test_json2_does_not_know_another_database(rpc: Api) -> None:
    """The header that names a database which is not served leads to a page, not to JSON."""
    headers = {"Authorization": f"bearer {rpc.server.key}", "X-Odoo-Database": "nodb"}
    response = rpc.post("/json/2/crm.lead/search", {"domain": []}, headers)
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/jsonrpc", "/json/2/crm.lead/create"])
def test_fails_badly_on_a_lone_surrogate(rpc: Api, path: str) -> None:
    """Text that is no Unicode gives a page with status 500 on both APIs, and no lead."""
    name = unique("sur")
    vals = {"name": f"{name}\ud83d"}
    args = [rpc.server.db, rpc.uid, rpc.password, "crm.lead", "create", [vals]]
    params = {"service": "object", "method": "execute_kw", "args": args}
    body = {"vals_list": [vals]} if "json/2" in path else {"jsonrpc": "2.0", "method": "call", "params": params}
    response = rpc.post(path, body, {"Authorization": f"bearer {rpc.server.key}"})
    assert (response.status_code, response.headers["Content-Type"].partition(";")[0]) == (500, "text/html")
    assert rpc.execute("crm.lead", "search_count", [[["name", "ilike", name]]]) == 0


def test_create_takes_one_or_many(rpc: Api) -> None:
    """Over RPC one dict gives one id and a list a list; over JSON-2 it is a list in any case."""
    assert isinstance(rpc.execute("crm.lead", "create", [{"name": "one"}]), int)
    two = rpc.execute("crm.lead", "create", [[{"name": "a"}, {"name": "b"}]])
    assert two[1] > two[0]
    assert rpc.execute("crm.lead", "create", [[]]) == []
    assert len(rpc.json2("crm.lead", "create", {"vals_list": {"name": "one"}})) == 1


def test_create_is_all_or_nothing(api: Api) -> None:
    """One bad record and none is created."""
    name = unique()
    with pytest.raises(Failure):
        api.call("crm.lead", "create", vals_list=[{"name": name}, {"phone": "1"}])
    assert api.call("crm.lead", "search", domain=[["name", "=", name]]) == []


def test_a_new_lead_has_odoos_defaults(api: Api) -> None:
    """The caller is the salesperson, the stage the first, the type opportunity; what is not set reads as False."""
    lead = make(api)
    row = read(
        api, lead, "user_id", "team_id", "stage_id", "type", "priority", "active", "phone", "x_manychat_id", "create_uid"
    )
    (first,) = api.call("crm.stage", "search", domain=[], order="sequence, id", limit=1)
    assert row["user_id"] == row["create_uid"] == [api.uid, "Administrator"]
    assert row["team_id"][1] == "Sales"
    assert row["stage_id"][0] == first
    assert (row["type"], row["priority"], row["active"]) == ("opportunity", "0", True)
    assert (row["phone"], row["x_manychat_id"]) == (False, False)


def test_a_lead_without_salesperson_has_no_team(api: Api) -> None:
    """`user_id: false` leaves both empty."""
    assert read(api, make(api, user_id=False), "user_id", "team_id") | {"id": 0} == {
        "id": 0,
        "user_id": False,
        "team_id": False,
    }


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (123, "123"),
        (1.5, "1.5"),
        (True, "True"),
        ({"a": 1}, "{'a': 1}"),
        ("", ""),
        (False, False),
        (None, False),
        ("ñ 😀", "ñ 😀"),
    ],
)
def test_a_text_field_takes_anything_as_text(api: Api, sent: Any, stored: Any) -> None:
    """Numbers and even dicts become text; nothing is False."""
    assert read(api, make(api, x_manychat_id=sent), "x_manychat_id")["x_manychat_id"] == stored


@pytest.mark.parametrize(("sent", "stored"), [(STAMP, STAMP), ("2026-01-02", "2026-01-02 00:00:00"), (False, False)])
def test_a_moment_has_one_format(api: Api, sent: Any, stored: Any) -> None:
    """A day alone is its midnight."""
    assert read(api, make(api, x_manychat_entry_date=sent), "x_manychat_entry_date")["x_manychat_entry_date"] == stored


@pytest.mark.parametrize("sent", [0, "", False, None])
def test_a_reference_can_be_emptied_in_many_ways(api: Api, sent: Any) -> None:
    """0, "" and null are the same as False."""
    assert read(api, make(api, source_id=sent), "source_id")["source_id"] is False


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "<p>plain</p>"), ("a\nb", "<p>a\nb</p>"), ("a<br>b", "<p>a<br>b</p>"), ("a<br/>b", "<p>a<br>b</p>"),
        ("<p>x</p>", "<p>x</p>"), ("<p>x</p><p>y</p>", "<p>x</p><p>y</p>"), ("a < b & c", "<p>a &lt; b &amp; c</p>"),
        ("a &lt; b &amp; c", "<p>a &lt; b &amp; c</p>"), ("<div>x</div>", "<div>x</div>"), ("x <b>y", "<p>x <b>y</b></p>"),
        ("<script>alert(1)</script>hi", "<p>hi</p>"), ("<p onclick='x'>q</p>", "<p>q</p>"), ("😀 ñ é", "<p>😀 ñ é</p>"),
        ("", ""), ("   ", ""), ("<br>", "<br>"), ("<p>Resumen:<br>l2<br></p>", "<p>Resumen:<br>l2<br></p>"),
        ("5 > 3", "<p>5 &gt; 3</p>"), ("a\u00a0b", "<p>a&nbsp;b</p>"), ("&#39;q&#39; &quot;z&quot;", "<p>'q' \"z\"</p>"),
        ("<ul><li>1</li></ul>", "<ul><li>1</li></ul>"), ("text<p>para</p>", "<p>text</p><p>para</p>"), ("<!-- c -->k", "<p>k</p>"),
        ("<p>a</p>text", "<p>a</p>text"), ("<b>x</b> y", "<span><b>x</b> y</span>"), ("<b>x", "<b>x</b>"),
        ("<p>a<p>b", "<p>a</p><p>b</p>"), ("<p>a &amp;amp; b</p>", "<p>a &amp;amp; b</p>"), ("a</b>c", "<p>ac</p>"),
        ("<p>\u0001x</p>", "<p>x</p>"), ("x<br>y<p>z</p>", "<p>x<br>y</p><p>z</p>"), ("<B>x</B>", "<b>x</b>"),
        ("<a href='javascript:1'>q</a>", '<a href="">q</a>'), ("a\tb  c", "<p>a\tb  c</p>"),
    ],
)  # fmt: skip
def test_notes_are_cleaned_html(rpc: Api, text: str, html: str) -> None:
    """Plain text gets a paragraph, markup is closed and cleaned."""
    assert read(rpc, make(rpc, description=text), "description")["description"] == html


def test_the_context_gives_defaults(api: Api) -> None:
    """`default_<field>` is for new records, and gives way to what the call says."""
    ids = [api.call("crm.lead", "create", vals_list=[values], context={"default_phone": "1"})[0] for values in (
        {"name": "a"}, {"name": "b", "phone": "2"},
    )]  # fmt: skip
    assert [row["phone"] for row in api.call("crm.lead", "read", ids, fields=["phone"])] == ["1", "2"]
    xid = unique("manychat.lead_")
    call = {"fields": ["id", "name"], "data": [[xid, "x"]], "context": {"default_user_id": False}}
    (lead,) = api.call("crm.lead", "load", **call)["ids"]
    assert read(api, lead, "user_id")["user_id"] is False
    api.call("crm.lead", "write", [lead], vals={"user_id": api.uid})
    api.call("crm.lead", "load", **call)
    assert read(api, lead, "user_id")["user_id"][0] == api.uid


def test_metadata_tells_the_external_ids(api: Api) -> None:
    """The first one made comes first; a record without one says False."""
    lead = make(api)
    (row,) = api.call("crm.lead", "get_metadata", [lead, 99_999_999])
    assert (row["id"], row["xmlid"], row["xmlids"], row["noupdate"]) == (lead, False, [], False)
    assert row["create_uid"] == [api.uid, "Administrator"]
    name = unique("lead_")
    for module in ("other", "manychat"):
        entry = {"module": module, "name": name, "model": "crm.lead", "res_id": lead}
        api.call("ir.model.data", "create", vals_list=[entry])
    (row,) = api.call("crm.lead", "get_metadata", [lead])
    assert row["xmlid"] == f"other.{name}"
    assert row["xmlids"] == [{"xmlid": f"{module}.{name}", "noupdate": False} for module in ("other", "manychat")]


def test_says_what_a_user_may(api: Api) -> None:
    """By right and by group."""
    for operation in ("read", "create", "write", "unlink"):
        assert api.call("crm.lead", "has_access", [], operation=operation) is True
        assert api.call("ir.model.fields", "check_access_rights", operation=operation, raise_exception=False) is True
    uid = api.call("res.users", "context_get")["uid"]
    assert uid == api.uid
    for group, member in (
        ("sales_team.group_sale_salesman_all_leads", True),
        ("base.group_system", True),
        ("nope.nope", False),
    ):
        assert api.call("res.users", "has_group", [uid], group_ext_id=group) is member


def test_write_changes_all_or_none(api: Api) -> None:
    """The same values go to all records; with one missing nothing is written."""
    first, second = make(api), make(api)
    assert api.call("crm.lead", "write", [first, second], vals={"phone": "5"}) is True
    assert read(api, second, "phone")["phone"] == "5"
    with pytest.raises(Failure, match="does not exist"):
        api.call("crm.lead", "write", [first, 99_999_999], vals={"phone": "6"})
    assert read(api, first, "phone")["phone"] == "5"
    assert api.call("crm.lead", "write", [], vals={"phone": "7"}) is True


def test_write_to_a_stage_that_is_not_there_is_a_missing_record(api: Api) -> None:
    """Unlike create, write looks the stage up first."""
    with pytest.raises(Failure) as failure:
        api.call("crm.lead", "write", [make(api)], vals={"stage_id": 999_999})
    assert failure.value.name == "odoo.exceptions.MissingError"


def test_the_last_stage_wins_the_lead(api: Api) -> None:
    """A stage that means won sets the probability to 100."""
    (won,) = api.call("crm.stage", "search", domain=[["is_won", "=", True]], limit=1)
    lead = make(api)
    api.call("crm.lead", "write", [lead], vals={"stage_id": won})
    assert read(api, lead, "probability", "stage_id")["probability"] == 100


def test_read_leaves_out_what_is_not_there_and_keeps_the_order(api: Api) -> None:
    """Missing ids are left out; the rest comes in the order asked for."""
    first, second = make(api), make(api)
    rows = api.call("crm.lead", "read", [second, 99_999_999, first], fields=["name"])
    assert [row["id"] for row in rows] == [second, first]
    assert set(rows[0]) == {"id", "name"}
    assert api.call("crm.lead", "read", [first], fields=["stage_id"], load=None)[0]["stage_id"] > 0


def test_archived_leads_hide_from_searches(api: Api) -> None:
    """They are found with `active_test` off or when the domain speaks of `active`; read shows them anyway."""
    lead = make(api)
    assert api.call("crm.lead", "action_archive", [lead]) is None
    only: list[Any] = ["id", "=", lead]
    assert api.call("crm.lead", "search", domain=[only]) == []
    assert api.call("crm.lead", "search", domain=[only], context={"active_test": False}) == [lead]
    assert api.call("crm.lead", "search_count", domain=[only, ["active", "in", [True, False]]]) == 1
    assert api.call("crm.lead", "search_read", domain=[only, ["active", "=", False]], fields=["active"]) == [
        {"id": lead, "active": False}
    ]
    assert read(api, lead, "active")["active"] is False


def test_a_method_without_result_has_none_in_the_answer(rpc: Api) -> None:
    """Over RPC the key `result` is missing altogether."""
    args = [rpc.server.db, rpc.uid, rpc.password, "crm.lead", "action_set_lost", [[make(rpc)]]]
    assert set(rpc.rpc("object", "execute_kw", args)) == {"jsonrpc", "id"}


def test_unlink_deletes_once(api: Api) -> None:
    """The second time the record is missing; a mixed call deletes nothing."""
    lead, kept = make(api), make(api)
    assert api.call("crm.lead", "unlink", [lead]) is True
    for ids in ([lead], [kept, lead]):
        with pytest.raises(Failure, match="does not exist"):
            api.call("crm.lead", "unlink", ids)
    assert read(api, kept, "name")


def test_a_stage_in_use_stays(api: Api) -> None:
    """Deleting it is refused, with the leads named as the reason."""
    stage = api.call("crm.stage", "create", vals_list=[{"name": unique("stage "), "sequence": 90}])[0]
    make(api, stage_id=stage)
    with pytest.raises(Failure, match="The troublemaker is: 'Lead'"):
        api.call("crm.stage", "unlink", [stage])


def test_a_note_is_escaped_unless_it_is_html(api: Api) -> None:
    """`message_post` answers with the id of the message."""
    lead = make(api)
    (plain,) = api.call("crm.lead", "message_post", [lead], body="x <b>y</b>")
    (html,) = api.call("crm.lead", "message_post", [lead], body="x <b>y</b>", body_is_html=True)
    rows = api.call("mail.message", "search_read", domain=[["id", "in", [plain, html]]], fields=["body", "res_id", "model"])
    assert {row["body"] for row in rows} == {"<p>x &lt;b&gt;y&lt;/b&gt;</p>", "<p>x <b>y</b></p>"}
    assert {(row["model"], row["res_id"]) for row in rows} == {("crm.lead", lead)}


def test_different_values_for_each_record_in_one_call(api: Api) -> None:
    """`web_save_multi` writes them pairwise."""
    leads = [make(api), make(api)]
    answer = api.call("crm.lead", "web_save_multi", leads, vals_list=[{"phone": "1"}, {"phone": "2"}], specification={})
    assert answer == [{"id": each} for each in leads]
    assert [row["phone"] for row in api.call("crm.lead", "read", leads, fields=["phone"])] == ["1", "2"]


def test_fields_get_tells_of_the_fields_asked_for(api: Api) -> None:
    """Names that are no fields are left out."""
    answer = api.call(
        "crm.lead", "fields_get", allfields=["x_manychat_id", "stage_id", "type", "name", "nope"],
        attributes=["type", "string", "required", "selection", "relation"],
    )  # fmt: skip
    assert set(answer) == {"x_manychat_id", "stage_id", "type", "name"}
    assert answer["name"] == {"type": "char", "string": "Opportunity", "required": True}
    assert answer["stage_id"] == {"type": "many2one", "string": "Stage", "required": False, "relation": "crm.stage"}
    assert answer["type"]["selection"] == [["lead", "Lead"], ["opportunity", "Opportunity"]]
    whole = api.call("crm.lead", "fields_get", allfields=["x_manychat_id"])["x_manychat_id"]
    assert (whole["manual"], whole["store"], whole["readonly"], whole["type"]) == (True, True, False, "char")


def test_a_source_name_that_is_taken_gets_a_number(api: Api) -> None:
    """So one searches first."""
    name = unique("Source ")
    ids = api.call("utm.source", "create", vals_list=[{"name": name}, {"name": name}])
    assert [row["name"] for row in api.call("utm.source", "read", ids, fields=["name"])] == [name, f"{name} [2]"]


def test_a_custom_field_is_usable_at_once(api: Api) -> None:
    """It can be written, searched, and made only once."""
    (model_id,) = api.call("ir.model", "search", domain=[["model", "=", "crm.lead"]])
    name = unique("x_")
    field = {"model_id": model_id, "name": name, "field_description": "New", "ttype": "char", "index": True, "copied": False}
    (field_id,) = api.call("ir.model.fields", "create", vals_list=[field])
    lead = make(api, **{name: "v"})
    assert api.call("crm.lead", "search", domain=[[name, "=", "v"]]) == [lead]
    with pytest.raises(Failure, match=r"Field names must be unique per model\."):
        api.call("ir.model.fields", "create", vals_list=[field])
    row = api.call("ir.model.fields", "read", [field_id], fields=["name", "ttype", "state", "model", "index"])[0]
    assert (row["ttype"], row["state"], row["model"], row["index"]) == ("char", "manual", "crm.lead", True)
    assert api.call("ir.model.fields", "unlink", [field_id]) is True
    with pytest.raises(Failure, match=f"Invalid field '{name}' in 'crm.lead'"):
        make(api, **{name: "v"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "foo"}, "Custom fields must have a name that starts with 'x_'!"),
        ({"name": "x_Foo bar"}, "Field names can only contain characters, digits and underscores (up to 63)."),
        ({"ttype": "zzz"}, "Wrong value for ir.model.fields.ttype: 'zzz'"),
        ({"ttype": False}, "Missing required value for the field 'Field Type' (ttype)."),
        ({"model_id": 999_999}, "(Record: ir.model(999999,), User: 2)"),
    ],
)
def test_refuses_a_wrong_custom_field(api: Api, values: dict[str, Any], message: str) -> None:
    """Each with a reason that a person understands."""
    (model_id,) = api.call("ir.model", "search", domain=[["model", "=", "crm.lead"]])
    field = {"model_id": model_id, "name": unique("x_"), "field_description": "F", "ttype": "char", **values}
    with pytest.raises(Failure) as failure:
        api.call("ir.model.fields", "create", vals_list=[field])
    assert message in failure.value.message


def test_who_may_not_is_told_who_may(rpc: Api) -> None:
    """A user without administration rights cannot even list the fields."""
    login = unique("plain")
    uid = rpc.execute("res.users", "create", [{"name": "Plain", "login": login, "password": "plain-password"}])
    plain = Api(rpc.server, rpc.session, "jsonrpc", uid, "plain-password")
    for model, description in (("ir.model.fields", "Fields"), ("ir.model.data", "Model Data")):
        with pytest.raises(Failure) as failure:
            plain.execute(model, "search_read", [[]], {"limit": 1})
        assert failure.value.name == "odoo.exceptions.AccessError"
        assert failure.value.message.startswith(f"You are not allowed to access '{description}' ({model}) records.")
    with pytest.raises(Failure, match="not allowed to create 'User'"):
        plain.execute("res.users", "create", [{"name": "x", "login": unique()}])
