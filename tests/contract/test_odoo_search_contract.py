"""What Odoo's searches find: each operator on each kind of field with each kind of value, then order, limit and errors.

The table was read off a real Odoo 19; it is the same for the sandbox, and the test runs against either.
"""
# ruff: noqa: E501  # a table reads best with one case on one line

from typing import Any

import pytest
from odoo_contract import Api, Failure, unique

FOUR: list[dict[str, Any]] = [
    {"x_manychat_id": "123", "x_contract_number": 5, "x_manychat_entry_date": "2026-01-02 03:04:05", "x_contract_flag": True},
    {"x_manychat_id": "", "x_contract_number": 0},
    {"user_id": False, "x_contract_number": -1, "x_manychat_entry_date": "2026-01-01 00:00:00"},
    {"x_contract_number": False, "stage_id": False},
]
"""The leads that the table speaks of, numbered 0 to 3; what is not given is not set, and the salesperson is the administrator."""

TABLE: list[tuple[str, Any, str]] = [
    ("x_manychat_id", False, "<:-  <=:123  >:0  >=:0123  =:123  !=:0  in:-  not in:0123  ilike:0123  not ilike:-  like:0123  not like:-  =ilike:123  =like:123  not =ilike:0  not =like:0"),
    ("x_manychat_id", "", "<:-  <=:123  >:0  >=:0123  =:123  !=:0  ilike:0123  not ilike:-  like:0123  not like:-  =ilike:123  =like:123  not =ilike:0  not =like:0"),
    ("x_manychat_id", "123", "<:123  <=:0123  >:-  >=:0  =:0  !=:123"),
    ("x_manychat_id", 123, "<:123  <=:0123  >:-  >=:0  =:0  !=:123  in:0  not in:123"),
    ("x_manychat_id", None, "<:-  <=:123  >:0  >=:0123  =:123  !=:0  ilike:0123  not ilike:-  like:0123  not like:-  =ilike:123  =like:123  not =ilike:0  not =like:0"),
    ("x_manychat_id", "a", "<:0123  <=:0123  >:-  >=:-  =:-  !=:0123"),
    ("x_contract_number", False, "<:2  <=:123  >:0  >=:013  =:13  !=:02"),
    ("x_contract_number", 0, "<:2  <=:123  >:0  >=:013  =:13  !=:02"),
    ("x_contract_number", 5, "<:123  <=:0123  >:-  >=:0  =:0  !=:123  ilike:0  not ilike:123  like:0  not like:123"),
    ("x_contract_number", "5", "<:123  <=:0123  >:-  >=:0  =:0  !=:123"),
    ("x_contract_number", None, "<:2  <=:123  >:0  >=:013  =:13  !=:02"),
    ("x_contract_number", True, "<:123  <=:123  >:0  >=:0  =:-  !=:0123"),
    ("x_contract_number", 1.5, "<:123  <=:123  >:0  >=:0  =:-  !=:0123"),
    ("x_manychat_entry_date", False, "<:-  <=:-  >:-  >=:-  =:13  !=:02"),
    ("x_manychat_entry_date", "2026-01-02 03:04:05", "<:2  <=:02  >:-  >=:0  =:0  !=:123"),
    ("x_manychat_entry_date", "2026-01-02", "<:2  <=:02  >:-  >=:0  =:-  !=:0123"),
    ("x_manychat_entry_date", "2026-01-01T00:00:00", "<:-  <=:2  >:0  >=:02  =:2  !=:013"),
    ("x_manychat_entry_date", None, "<:-  <=:-  >:-  >=:-  =:13  !=:02"),
    ("user_id", False, "<:-  <=:-  >:-  >=:-  =:2  !=:013  ilike:013  not ilike:2  like:013  not like:2  =ilike:2  =like:2  not =ilike:013  not =like:013"),
    ("user_id", 2, "<:-  <=:013  >:-  >=:013  =:013  !=:2"),
    ("user_id", None, "<:-  <=:-  >:-  >=:-  =:2  !=:013"),
    ("priority", "0", "<:-  <=:0123  >:-  >=:0123  =:0123  !=:-"),
    ("priority", "1", "<:0123  <=:0123  >:-  >=:-  =:-  !=:0123"),
    ("priority", False, "<:-  <=:-  >:-  >=:-  =:-  !=:0123"),
    ("priority", None, "<:-  <=:-  >:-  >=:-  =:-  !=:0123"),
    ("priority", 0, "<:-  <=:0123  >:-  >=:0123  =:0123  !=:-"),
    ("priority", "zz", "<:0123  <=:0123  >:-  >=:-  =:-  !=:0123"),
    ("user_id", "Administrator", "=:013  !=:2"),
    ("user_id", "2", "=:-  !=:0123"),
    ("x_contract_flag", False, "=:123  !=:0"),
    ("x_contract_flag", True, "=:0  !=:123"),
    ("x_contract_flag", None, "=:123  !=:0"),
    ("x_contract_flag", 1, "=:0  !=:123"),
    ("x_contract_flag", 0, "=:123  !=:0"),
    ("x_contract_flag", "x", "=:123  !=:0"),
    ("id", False, "=:-  !=:0123"),
    ("id", None, "=:-  !=:0123"),
    ("id", True, "=:-  !=:0123"),
    ("x_manychat_id", ["123", False], "in:0123  not in:-"),
    ("x_manychat_id", ["123", ""], "in:0123  not in:-"),
    ("x_manychat_id", [None], "in:123  not in:0"),
    ("x_manychat_id", ["123", 123], "in:0  not in:123"),
    ("x_manychat_id", [123], "in:0  not in:123"),
    ("x_manychat_id", [], "in:-  not in:0123"),
    ("x_manychat_id", True, "in:-  not in:0123  ilike:-  not ilike:0123  like:-  not like:0123"),
    ("x_contract_number", [5, False], "in:013  not in:2"),
    ("x_contract_number", [0], "in:13  not in:02"),
    ("x_contract_number", ["5"], "in:0  not in:123"),
    ("x_contract_number", [None], "in:13  not in:02"),
    ("x_contract_number", [True], "in:-  not in:0123"),
    ("user_id", [2, False], "in:0123  not in:-"),
    ("user_id", ["Administrator"], "in:013  not in:2"),
    ("user_id", ["Administrator", False], "in:0123  not in:-"),
    ("user_id", [2, "x"], "in:013  not in:2"),
    ("user_id", [None], "in:2  not in:013"),
    ("x_contract_flag", [True, False], "in:0123  not in:-"),
    ("x_contract_flag", [True], "in:0  not in:123"),
    ("x_contract_flag", [False], "in:123  not in:0"),
    ("x_contract_flag", [], "in:-  not in:0123"),
    ("x_contract_flag", [None], "in:123  not in:0"),
    ("x_contract_flag", [1], "in:0  not in:123"),
    ("x_manychat_entry_date", ["2026-01-02 03:04:05"], "in:0  not in:123"),
    ("x_manychat_entry_date", [False], "in:13  not in:02"),
    ("x_manychat_entry_date", ["2026-01-01"], "in:2  not in:013"),
    ("x_manychat_id", "12", "ilike:0  not ilike:123  like:0  not like:123  =ilike:-  =like:-  not =ilike:0123  not =like:0123"),
    ("x_manychat_id", "1_3", "ilike:0  not ilike:123  like:0  not like:123  =ilike:0  =like:0  not =ilike:123  not =like:123"),
    ("x_manychat_id", "1%", "ilike:0  not ilike:123  like:0  not like:123  =ilike:0  =like:0  not =ilike:123  not =like:123"),
    ("x_manychat_id", "\\%", "ilike:-  not ilike:0123  like:-  not like:0123  =ilike:-  =like:-  not =ilike:0123  not =like:0123"),
    ("x_manychat_id", ["a"], "ilike:-  not ilike:0123  like:-  not like:0123"),
    ("user_id", "admin", "ilike:013  not ilike:2  like:-  not like:0123  =ilike:-  =like:-  not =ilike:0123  not =like:0123"),
    ("user_id", "", "ilike:013  not ilike:2  like:013  not like:2  =ilike:2  =like:2  not =ilike:013  not =like:013"),
]  # fmt: skip
"""Field, value, and for each operator the leads it finds (`-`: none)."""


@pytest.fixture(scope="module")
def four(rpc: Api) -> list[int]:
    """The ids of the four leads."""
    created = rpc.execute("crm.lead", "create", [[{"name": unique("q"), **values} for values in FOUR]])
    return list(created)


def found(api: Api, four: list[int], *terms: Any, order: str = "id", **more: Any) -> str:
    """The numbers of the leads among the four that a domain finds, in the order found."""
    ids = api.call("crm.lead", "search", domain=[["id", "in", four], *terms], order=order, **more)
    return "".join(str(four.index(each)) for each in ids) or "-"


@pytest.mark.parametrize(("field", "value", "expected"), TABLE)
def test_each_operator_finds_what_odoo_finds(rpc: Api, four: list[int], field: str, value: Any, expected: str) -> None:
    """Empty, zero, text for numbers, names for references, patterns, days for moments."""
    pairs = [pair.rsplit(":", 1) for pair in expected.split("  ")]
    assert {sign: found(rpc, four, [field, sign, value]) for sign, _ in pairs} == dict(pairs)


def test_ids_are_numbers(rpc: Api, four: list[int]) -> None:
    """A text is never equal to an id, yet an inequality takes it."""
    second = four[1]
    assert found(rpc, four, ["id", "=", second]) == "1"
    assert found(rpc, four, ["id", "=", str(second)]) == "-"
    assert found(rpc, four, ["id", "in", [four[0], "x"]]) == "0"
    assert found(rpc, four, ["id", ">", second]) == found(rpc, four, ["id", ">", str(second)]) == "23"
    assert found(rpc, four, ["id", "<=", second]) == "01"


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        (["|", ["x_contract_number", "=", 5], ["x_contract_number", "=", -1]], "02"),
        (["!", ["x_contract_number", "=", 5]], "123"),
        (["&", ["x_contract_number", "<", 5], ["user_id", "!=", False]], "13"),
        ([["x_contract_number", "<", 5], ["user_id", "!=", False]], "13"),
        (["!", "|", ["x_contract_number", "=", 5], ["x_contract_number", "=", -1]], "13"),
        (["|", "&", ["x_contract_number", "<", 5], ["user_id", "=", False], ["x_contract_flag", "=", True]], "02"),
        ([[1, "=", 1]], "0123"), ([[0, "=", 1]], "-"),
        ([["x_contract_number", "=?", False]], "0123"), ([["x_contract_number", "=?", 5]], "0"),
        ([["x_contract_number", "IN", [5]]], "0"), ([["x_contract_number", "<>", 5]], "123"),
        ([["x_contract_number", "==", 5]], "0"),
        ([["user_id.login", "=", "admin"]], "013"), ([["stage_id", "any", [["id", ">", 0]]]], "012"),
        ([["x_manychat_id", "=", ["123"]]], "0"), ([["x_manychat_id", "in", "123"]], "0"),
    ],
)  # fmt: skip
def test_conditions_combine(rpc: Api, four: list[int], domain: list[Any], expected: str) -> None:
    """Polish notation; conditions side by side are and-ed."""
    assert found(rpc, four, *domain) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"order": "id desc"}, "3210"), ({"order": "x_contract_number, id"}, "2130"),
        ({"order": "x_contract_number desc, id"}, "0132"), ({"order": "user_id, id"}, "0132"),
        ({"order": "x_manychat_entry_date, id"}, "2013"), ({"order": "x_manychat_entry_date desc, id"}, "1302"),
        ({"order": "x_manychat_entry_date nulls first, id"}, "1320"),
        ({"limit": 2}, "01"), ({"offset": 1, "limit": 2}, "12"), ({"limit": 0}, "0123"), ({"limit": False}, "0123"),
        ({"offset": 9}, "-"), ({"limit": "2"}, "01"),
    ],
)  # fmt: skip
def test_results_come_in_order_and_in_pages(rpc: Api, four: list[int], options: dict[str, Any], expected: str) -> None:
    """Unset values come last, descending first."""
    assert found(rpc, four, **options) == expected


def test_leads_come_by_priority_then_newest_first(api: Api) -> None:
    """The model's own order."""
    name = unique()
    ids = api.call("crm.lead", "create", vals_list=[{"name": name}, {"name": name, "priority": "2"}, {"name": name}])
    assert api.call("crm.lead", "search", domain=[["name", "=", name]]) == [ids[1], ids[2], ids[0]]


@pytest.mark.parametrize(
    ("pattern", "sign", "expected"),
    [
        ("ALPHA", "ilike", "0"), ("alpha", "like", "-"), ("ñandú", "ilike", "1"), ("nandu", "ilike", "-"), ("0%x", "ilike", "2"),
        ("100\\%", "ilike", "2"), ("a_p", "ilike", "0"), ("%beta", "=ilike", "3"), ("BETA", "=like", "-"),
    ],
)  # fmt: skip
def test_patterns_match_text(rpc: Api, pattern: str, sign: str, expected: str) -> None:
    """`ilike` ignores case but not accents; `%` and `_` stand for anything, with a backslash for themselves."""
    tag = unique()
    names = [f"{tag} Alpha", f"{tag} Ñandú", f"{tag} 100%_x", f"{tag} beta"]
    ids = rpc.execute("crm.lead", "create", [[{"name": name} for name in names]])
    matches = rpc.execute("crm.lead", "search", [[["id", "in", ids], ["name", sign, pattern]]])
    assert ("".join(str(ids.index(each)) for each in matches) or "-") == expected


@pytest.mark.parametrize(
    ("domain", "name", "message"),
    [
        (["|", ["id", "=", 1]], "ValueError", "Domain() malformed domain ['|', ['id', '=', 1]]"),
        (["&", ["id", "=", 1]], "ValueError", "Domain() malformed domain ['&', ['id', '=', 1]]"),
        ([["name", "~", "x"]], "ValueError", "Invalid operator in condition ('name', '~', 'x')"),
        ([["name", "="]], "ValueError", "Domain() invalid item in domain: ['name', '=']"),
        (["name"], "ValueError", "Domain() invalid item in domain: 'name'"),
        ("abc", "TypeError", "Domain() invalid argument type for domain: 'abc'"),
        (None, "TypeError", "Domain() invalid argument type for domain: None"),
        ([["stage_id.foo", "=", 1]], "ValueError", "Invalid field crm.stage.foo in condition ('foo', '=', 1)"),
        ([["name.foo", "=", 1]], "ValueError", "Invalid field property 'foo' on crm.lead.name"),
        ([["x_contract_number", "=", "x"]], "ValueError", "invalid literal for int() with base 10: 'x'"),
        ([["create_date", ">", "2020-01-01T00:00:00Z"]], "ValueError", "expecting only datetimes with no timezone"),
        ([["create_date", ">", "xx"]], "ValueError", "Invalid term 'xx' in expression date: 'xx'"),
        ([["create_date", ">", ""]], "ValueError", "Empty date value"),
        ([["user_id", "<", "a"]], "TypeError", "Inequality not supported for relational field using a string"),
        ([["x_contract_flag", "<", True]], "ValueError", "Cannot compare 'x_contract_flag' to <class 'bool'>"),
        ([["name", "=ilike", 5]], "TypeError", "The pattern to match must be a string in condition ('name', '=ilike', 5)"),
        ([["name", "=", "a\0"]], "ValueError", "A string literal cannot contain NUL (0x00) characters."),
    ],
)
def test_a_domain_that_is_none_is_refused(api: Api, domain: Any, name: str, message: str) -> None:
    """Over JSON-2 with status 500."""
    with pytest.raises(Failure) as failure:
        api.call("crm.lead", "search", domain=domain)
    assert (failure.value.name, failure.value.status) == (f"builtins.{name}", 200 if api.transport == "jsonrpc" else 500)
    assert message in failure.value.message


def test_search_read_and_count_agree_with_search(api: Api) -> None:
    """The same domain, fields as asked, the count up to its limit."""
    name = unique()
    ids = api.call("crm.lead", "create", vals_list=[{"name": name, "phone": str(place)} for place in range(5)])
    domain = [["name", "=", name]]
    rows = api.call("crm.lead", "search_read", domain=domain, fields=["phone", "stage_id"], offset=1, limit=2, order="id")
    assert [(row["id"], row["phone"]) for row in rows] == [(ids[1], "1"), (ids[2], "2")]
    assert len(rows[0]["stage_id"]) == 2
    assert api.call("crm.lead", "search_count", domain=domain) == 5
    assert api.call("crm.lead", "search_count", domain=domain, limit=3) == 3
