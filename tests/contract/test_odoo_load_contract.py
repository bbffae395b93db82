"""`load`, Odoo's batch upsert by external id: what it stores, what it says of bad rows, and that it is all or nothing."""
# ruff: noqa: E501  # a table reads best with one case on one line

from typing import Any

import pytest
from odoo_contract import Api, Failure, add_custom_fields, unique

ALL = {"active_test": False}


def load(api: Api, fields: list[str], *rows: list[Any], model: str = "crm.lead", **context: Any) -> dict[str, Any]:
    """Call `load`."""
    more = {"context": context} if context else {}
    return dict(api.call(model, "load", fields=fields, data=list(rows), **more))


def refused(api: Api, fields: list[str], *rows: list[Any], model: str = "crm.lead") -> list[dict[str, Any]]:
    """Call `load` with rows of which at least one is bad; the messages. Nothing may have been stored."""
    before = api.call(model, "search_count", domain=[], context=ALL)
    answer = load(api, fields, *rows, model=model)
    assert answer["ids"] is False
    assert answer["nextrow"] == 0
    assert api.call(model, "search_count", domain=[], context=ALL) == before
    return list(answer["messages"])


def one(api: Api, lead: int, *fields: str) -> dict[str, Any]:
    """Some fields of one lead."""
    (row,) = api.call("crm.lead", "read", [lead], fields=list(fields))
    return dict(row)


@pytest.fixture(scope="module")
def stages(rpc: Api) -> list[dict[str, Any]]:
    """Two stages with names that nothing else has."""
    add_custom_fields(rpc)
    ids = rpc.execute("crm.stage", "create", [[{"name": unique("Stage "), "sequence": 80} for _ in range(2)]])
    return list(rpc.execute("crm.stage", "read", [ids, ["name"]]))


def test_creates_then_updates_by_external_id(api: Api, stages: list[dict[str, Any]]) -> None:
    """The first time a lead is made, the second time the same one changes; what is not named keeps its value."""
    xid = unique("manychat.lead_")
    fields = ["id", "name", "x_manychat_id", "stage_id/.id", "x_manychat_entry_date"]
    first = load(api, fields, [xid, "Ana", "123", str(stages[0]["id"]), "2026-01-02 03:04:05"])
    assert first == {"ids": first["ids"], "messages": [], "nextrow": 0}
    again = load(api, ["id", "name", "stage_id/.id"], [xid, "Ana B", stages[1]["id"]])
    assert again["ids"] == first["ids"]
    row = one(api, first["ids"][0], "name", "x_manychat_id", "stage_id", "x_manychat_entry_date", "user_id", "type")
    assert (row["name"], row["x_manychat_id"], row["stage_id"][0]) == ("Ana B", "123", stages[1]["id"])
    assert (row["x_manychat_entry_date"], row["user_id"][0], row["type"]) == ("2026-01-02 03:04:05", api.uid, "opportunity")


def test_an_external_id_is_kept_as_a_row_of_its_own(api: Api) -> None:
    """It can be found; without a module it goes under `__import__`; it goes when the lead goes."""
    name = unique("lead_")
    (lead,) = load(api, ["id", "name"], [name, "x"])["ids"]
    domain = [["module", "=", "__import__"], ["name", "=", name]]
    rows = api.call("ir.model.data", "search_read", domain=domain, fields=["model", "res_id", "complete_name", "noupdate"])
    assert [(row["model"], row["res_id"], row["complete_name"], row["noupdate"]) for row in rows] == [
        ("crm.lead", lead, f"__import__.{name}", False)
    ]
    api.call("crm.lead", "unlink", [lead])
    assert api.call("ir.model.data", "search_count", domain=domain) == 0


def test_what_must_not_be_updated_stays_as_people_left_it(api: Api) -> None:
    """A record made with `noupdate` is left alone in the mode `update`, and found all the same."""
    xid = unique("manychat.source_")
    (first,) = load(api, ["id", "name"], [xid, unique("Web ")], model="utm.source", mode="update", noupdate=True)["ids"]
    named = unique("Ours ")
    api.call("utm.source", "write", [first], vals={"name": named})
    again = load(api, ["id", "name"], [xid, unique("Web ")], model="utm.source", mode="update", noupdate=True)
    assert again["ids"] == [first]
    assert api.call("utm.source", "read", [first], fields=["name"])[0]["name"] == named


def test_an_older_lead_is_adopted(api: Api) -> None:
    """A row of ir.model.data gives a lead an external id; a second such row is refused."""
    (lead,) = api.call("crm.lead", "create", vals_list=[{"name": "old"}])
    entry = {"module": "manychat", "name": unique("lead_"), "model": "crm.lead", "res_id": lead}
    assert len(api.call("ir.model.data", "create", vals_list=[entry])) == 1
    assert load(api, ["id", "name"], [f"manychat.{entry['name']}", "new"])["ids"] == [lead]
    with pytest.raises(Failure, match="duplicate key value violates unique constraint") as failure:
        api.call("ir.model.data", "create", vals_list=[entry])
    assert failure.value.name == "odoo.exceptions.ValidationError"


def test_a_deleted_lead_is_made_anew(api: Api) -> None:
    """The external id went with it, or points at nothing: either way a new lead is made."""
    xid = unique("manychat.lead_")
    (lead,) = load(api, ["id", "name"], [xid, "x"])["ids"]
    api.call("crm.lead", "unlink", [lead])
    assert load(api, ["id", "name"], [xid, "x"])["ids"][0] > lead
    ghost = {"module": "manychat", "name": unique("ghost_"), "model": "crm.lead", "res_id": 99_999_999}
    api.call("ir.model.data", "create", vals_list=[ghost])
    assert load(api, ["id", "name"], [f"manychat.{ghost['name']}", "x"])["ids"][0] > lead


def test_an_archived_lead_is_updated_and_stays_archived(api: Api) -> None:
    """By external id it is found; by database id only with `active_test` off."""
    xid = unique("manychat.lead_")
    (lead,) = load(api, ["id", "name"], [xid, "x"])["ids"]
    api.call("crm.lead", "action_archive", [lead])
    assert load(api, ["id", "name"], [xid, "y"])["ids"] == [lead]
    assert one(api, lead, "name", "active") == {"id": lead, "name": "y", "active": False}
    assert refused(api, [".id", "name"], [str(lead), "z"])[0]["message"] == f"Unknown database identifier '{lead}'"
    assert load(api, [".id", "name"], [lead, "z"], active_test=False)["ids"] == [lead]


def test_the_same_external_id_twice_in_one_call_is_one_lead(api: Api) -> None:
    """The later row wins."""
    xid = unique("manychat.lead_")
    answer = load(api, ["id", "name"], [xid, "first"], [xid, "second"])
    assert answer["ids"][0] == answer["ids"][1]
    assert one(api, answer["ids"][0], "name")["name"] == "second"


def test_rows_without_external_id_are_new_leads(api: Api) -> None:
    """Whether the column is missing, empty or False."""
    assert len(set(load(api, ["name"], ["a"], ["b"])["ids"])) == 2
    assert len(set(load(api, ["id", "name"], ["", "a"], [False, "b"])["ids"])) == 2
    assert load(api, ["id", "name"])["ids"] == []


def test_a_reference_by_name_or_external_id(api: Api, stages: list[dict[str, Any]]) -> None:
    """The name must be exact."""
    xid = unique("manychat.lead_")
    (lead,) = load(api, ["id", "name", "stage_id"], [xid, "x", stages[0]["name"]])["ids"]
    assert one(api, lead, "stage_id")["stage_id"][0] == stages[0]["id"]
    load(api, ["id", "name", "stage_id/id"], [xid, "x", "crm.stage_lead1"])
    assert one(api, lead, "stage_id")["stage_id"] == [1, "New"]


def test_a_name_that_several_have_is_a_warning(api: Api) -> None:
    """The row is stored all the same, with one of them."""
    name = unique("Twin ")
    api.call("crm.stage", "create", vals_list=[{"name": name, "sequence": 81}, {"name": name, "sequence": 82}])
    answer = load(api, ["id", "name", "stage_id"], [unique("manychat.lead_"), "x", name])
    assert len(answer["ids"]) == 1
    assert [(each["type"], each["message"]) for each in answer["messages"]] == [
        ("warning", f'Found multiple matches for value "{name}" in field "Stage" (2 matches)')
    ]


def test_empty_values_empty_the_field(api: Api) -> None:
    """Empty text, False, null and 0 all empty it; "0" does not."""
    xid = unique("manychat.lead_")
    (lead,) = load(api, ["id", "name", "x_manychat_id", "phone", "user_id/.id"], [xid, "x", "1", "0", api.uid])["ids"]
    for nothing in ("", False, None, 0):
        load(api, ["id", "name", "x_manychat_id", "user_id/.id"], [xid, "x", nothing, nothing])
        row = one(api, lead, "x_manychat_id", "user_id", "phone")
        assert (row["x_manychat_id"], row["user_id"], row["phone"]) == (False, False, "0")


@pytest.mark.parametrize(
    ("column", "sent", "stored"),
    [
        ("phone", 123, "123"), ("phone", ["a"], "['a']"), ("type", "Lead", "lead"), ("priority", "High", "2"), ("priority", "3", "3"),
        ("x_contract_number", "7", 7), ("x_contract_number", 7, 7), ("expected_revenue", "12.5", 12.5), ("active", "false", False),
        ("active", "1", True), ("x_manychat_entry_date", "2026-01-02", "2026-01-02 00:00:00"),
        ("description", "a<br>b", "<p>a<br>b</p>"),
    ],
)  # fmt: skip
def test_values_are_taken_from_text(api: Api, column: str, sent: Any, stored: Any) -> None:
    """Selections by key or label, numbers and truth values from text."""
    (lead,) = load(api, ["id", "name", column], [unique("manychat.lead_"), "x", sent])["ids"]
    assert one(api, lead, column)[column] == stored


POSSIBLE = {
    "name": "Possible Values", "type": "ir.actions.act_window", "target": "new", "view_mode": "list,form",
    "views": [[False, "list"], [False, "form"]], "context": {"create": False}, "help": "See all possible values",
}  # fmt: skip
BY_ID = {**POSSIBLE, "res_model": "ir.model.data", "domain": [["model", "=", "crm.stage"]]}
BY_NAME = {**POSSIBLE, "res_model": "crm.stage"}


@pytest.mark.parametrize(
    ("column", "value", "message", "moreinfo"),
    [
        ("stage_id/.id", "999999", "No matching record found for database id '999999' in field 'Stage'", BY_ID),
        ("stage_id/.id", "abc", "Invalid database id 'abc' for the field 'Stage'", BY_ID),
        ("stage_id", "Nope", "No matching record found for name 'Nope' in field 'Stage'", BY_NAME),
        ("stage_id", "new", "No matching record found for name 'new' in field 'Stage'", BY_NAME),
        ("stage_id/id", "crm.nope", "No matching record found for external id 'crm.nope' in field 'Stage'", BY_ID),
        ("stage_id/id", "base.main_company", "Invalid external ID base.main_company: expected model 'crm.stage', found 'res.company'",
         None),
        ("user_id/login", "b", "Can not create Many-To-One records indirectly, import the field separately", None),
        ("type", "zzz", "Value 'zzz' not found in selection field 'Type'", ["Lead", "Opportunity"]),
        ("priority", "9", "Value '9' not found in selection field 'Priority'", ["Low", "Medium", "High", "Very High"]),
        ("active", "maybe", "Unknown value 'maybe' for boolean field 'Active'", "Use '1' for yes and '0' for no"),
        ("expected_revenue", "12,5", "'12,5' does not seem to be a number for field 'Expected Revenue'", None),
        ("color", "a", "'a' does not seem to be an integer for field 'Color Index'", None),
        ("date_deadline", "soon", "'soon' does not seem to be a valid date for field 'Expected Closing'", "Use the format '2012-12-31'"),
    ],
)  # fmt: skip
def test_says_which_value_of_which_row_is_wrong(api: Api, column: str, value: str, message: str, moreinfo: Any) -> None:
    """A good row before and after it is not stored either."""
    good = [[unique("manychat.lead_"), "good", "lead" if column == "type" else ""] for _ in range(2)]
    (complaint,) = refused(api, ["id", "name", column], good[0], [unique("manychat.lead_"), "bad", value], good[1])
    assert (complaint["record"], complaint["rows"], complaint["type"]) == (1, {"from": 1, "to": 1}, "error")
    assert (complaint["field"], complaint["message"]) == (column.partition("/")[0], message)
    assert complaint.get("moreinfo") == moreinfo


@pytest.mark.parametrize("value", ["2026-01-01T00:00:00Z", "2026-01-01 00:00:00.5", "2026-13-01 00:00:00", "soon"])
def test_says_that_a_moment_is_wrong(api: Api, value: str) -> None:
    """Only Odoo's own format is taken."""
    (complaint,) = refused(api, ["id", "name", "x_manychat_entry_date"], [unique("manychat.lead_"), "x", value])
    assert complaint["message"].startswith(f"'{value}' does not seem to be a valid datetime for field '")
    assert complaint["moreinfo"] == "Use the format '2012-12-31 23:59:59'"
    assert complaint["field_name"] in complaint["message"]


def test_says_what_is_missing(api: Api) -> None:
    """A new lead without a name, also when the column is not there; an existing one needs none."""
    text = "Missing required value for the field 'Opportunity' (name).\nModel: 'Lead' (crm.lead)\n"
    for fields, row in ((["id", "name"], [unique("m."), ""]), (["id", "phone"], [unique("m."), "5"])):
        (complaint,) = refused(api, fields, row)
        assert (complaint["field"], complaint["record"]) == ("name", 0)
        assert complaint["message"].startswith(text)
    xid = unique("manychat.lead_")
    load(api, ["id", "name"], [xid, "x"])
    assert len(load(api, ["id", "phone"], [xid, "5"])["ids"]) == 1


def test_says_what_it_tripped_over(api: Api) -> None:
    """NUL and lone surrogates are found when the row is written; the other rows are tried all the same."""
    rows = [[unique("m."), name] for name in ("good", "a\0b", "", "a\ud83d")]
    nul, missing, surrogate = refused(api, ["id", "name"], *rows)
    assert (nul["record"], nul["moreinfo"]) == (1, "Resolve other errors first")
    assert nul["message"] == (
        "Unknown error during import: <class 'ValueError'>: A string literal cannot contain NUL (0x00) characters."
    )
    assert (missing["record"], missing["field"]) == (2, "name")
    assert surrogate["message"].startswith(
        "Unknown error during import: <class 'UnicodeEncodeError'>: 'utf-8' codec can't encode"
    )


def test_wrong_values_come_before_rows_that_cannot_be_written(api: Api) -> None:
    """All is said in one answer."""
    complaint = refused(api, ["id", "name", "stage_id/.id"], [unique("m."), "", "1"], [unique("m."), "b", "999999"])
    assert [(each["record"], each["field"]) for each in complaint] == [(1, "stage_id"), (0, "name")]


def test_gives_up_after_ten_rows_that_cannot_be_written(api: Api) -> None:
    """With a warning that says so; wrong values are all told, however many."""
    complaint = refused(api, ["id", "name"], *([unique("m."), "a\0"] for _ in range(15)))
    assert [each["type"] for each in complaint] == ["error"] * 10 + ["warning"]
    assert complaint[-1]["message"].startswith("Found more than 10 errors and more than one error per 10 records")
    assert len(refused(api, ["id", "name", "stage_id/.id"], *([unique("m."), "a", "999999"] for _ in range(15)))) == 15


@pytest.mark.parametrize(
    ("xid", "message"),
    [
        ("base.main_company", "For external id base.main_company when trying to create/update a record of model crm.lead"),
        ("manychat.lead x", 'new row for relation "ir_model_data" violates check constraint "ir_model_data_name_nospaces"'),
        ("manychat.a\0b", "A string literal cannot contain NUL (0x00) characters."),
    ],
)
def test_refuses_a_wrong_external_id(api: Api, xid: str, message: str) -> None:
    """One of another model, one with a space, one with NUL."""
    (complaint,) = refused(api, ["id", "name"], [xid, "x"])
    assert message in complaint["message"]


def test_refuses_two_ways_to_name_one_reference(api: Api) -> None:
    """By name and by id at once."""
    (complaint,) = refused(api, ["id", "name", "stage_id", "stage_id/.id"], [unique("m."), "x", "New", "1"])
    assert complaint["message"] == (
        "Ambiguous specification for field 'Stage', only provide one of name, external id or database id"
    )


@pytest.mark.parametrize(
    ("fields", "row", "name"),
    [
        (["id", "name", "foo"], ["m.x", "x", "1"], "builtins.ValueError"),
        (["id", "name", "stage_id/foo"], ["m.x", "x", "1"], "builtins.ValueError"),
        (["id", "name"], [5, "x"], "builtins.TypeError"),
        (["id", 5], ["m.x", "x"], "builtins.TypeError"),
        (["id", "name", "priority"], ["m.x", "x", 2], "builtins.AttributeError"),
        (["id", "name", "active"], ["m.x", "x", True], "builtins.AttributeError"),
        (["id", "name", "x_manychat_entry_date"], ["m.x", "x", 5], "builtins.TypeError"),
        ([".id", "name"], ["abc", "x"], "psycopg2.errors.InvalidTextRepresentation"),
    ],
)
def test_trips_over_what_an_import_never_sends(api: Api, fields: list[Any], row: list[Any], name: str) -> None:
    """These are errors of the whole call, not messages."""
    with pytest.raises(Failure) as failure:
        api.call("crm.lead", "load", fields=fields, data=[row])
    assert failure.value.name == name


def test_contacts_load_too(api: Api) -> None:
    """The same for res.partner; one without a name is refused."""
    xid = unique("manychat.contact_")
    (partner,) = load(api, ["id", "name", "email"], [xid, "N", "e@x.y"], model="res.partner")["ids"]
    assert load(api, ["id", "name", "email"], [xid, "N2", "e@x.y"], model="res.partner")["ids"] == [partner]
    (complaint,) = refused(api, ["id", "name"], [unique("m."), ""], model="res.partner")
    assert complaint["message"] == "Contacts require a name"


def test_many_rows_with_different_values_in_one_call(api: Api) -> None:
    """Two hundred leads; the ids come in the order of the rows."""
    tag = unique("n")
    rows = [[f"manychat.{tag}_{place}", f"{tag} {place}", str(place)] for place in range(200)]
    answer = load(api, ["id", "name", "x_manychat_id"], *rows, tracking_disable=True, mail_create_nolog=True)
    names = api.call("crm.lead", "read", answer["ids"], fields=["name"])
    assert [row["name"] for row in names] == [f"{tag} {place}" for place in range(200)]
