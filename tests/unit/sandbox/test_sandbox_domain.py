"""Searches agree with a plain reading of the domain, whatever the records and however an index shortens the way."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.odoo.database import Database
from sandbox.odoo.domain import compile_domain
from sandbox.odoo.env import Env
from sandbox.odoo.seed import seed
from sandbox.odoo.special import model_for
from tests.support.examples import examples

TEXTS = [False, "", "a", "A", "ab", "1%", "ñ"]
NUMBERS = [False, 0, -1, 2, 2.5]
CHOICES = [False, "0", "1", "2"]
USERS = [False, 2, 5]
MOMENTS = [False, "2026-01-01 00:00:00", "2026-01-01 12:30:00", "2026-02-01 00:00:00"]
VALUES: dict[str, list[Any]] = {
    "x_manychat_id": TEXTS, "phone": TEXTS, "expected_revenue": NUMBERS, "priority": CHOICES, "user_id": USERS,
    "x_manychat_entry_date": MOMENTS, "active": [True, False],
}  # fmt: skip
INEQUALITIES: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right, "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right, ">=": lambda left, right: left >= right,
}  # fmt: skip

records = st.lists(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()}), max_size=8)


@st.composite
def conditions(draw: st.DrawFn) -> list[Any]:
    """One condition that Odoo accepts."""
    name = draw(st.sampled_from(list(VALUES)))
    value = st.sampled_from(VALUES[name])
    signs = ["=", "!=", "in", "not in"]
    if name != "active":
        signs += list(INEQUALITIES)
    if name in {"x_manychat_id", "phone"}:
        signs += ["like", "ilike", "=ilike", "not ilike"]
    sign = draw(st.sampled_from(signs))
    return [name, sign, draw(st.lists(value, max_size=3) if sign in {"in", "not in"} else value)]


type Tree = tuple[str, Any]
trees: st.SearchStrategy[Tree] = st.recursive(
    st.tuples(st.just("leaf"), conditions()),
    lambda inner: st.one_of(
        st.tuples(st.just("!"), st.tuples(inner)), st.tuples(st.sampled_from("&|"), st.tuples(inner, inner))
    ),
    max_leaves=6,
)


def written(tree: Tree) -> list[Any]:
    """The tree in Polish notation."""
    kind, content = tree
    return [content] if kind == "leaf" else [kind, *(term for child in content for term in written(child))]


def holds(tree: Tree, record: dict[str, Any]) -> bool:
    """What the domain says of a record, read naively."""
    kind, content = tree
    if kind == "leaf":
        return says(record, *content)
    results = [holds(child, record) for child in content]
    return {"!": not results[0], "&": all(results), "|": any(results)}[kind]


def says(record: dict[str, Any], name: str, sign: str, value: Any) -> bool:
    """The same of a single condition."""
    if sign == "!=" or sign.startswith("not "):
        return not says(record, name, "=" if sign == "!=" else sign[4:], value)
    empty: Any = {"x_manychat_id": "", "phone": "", "expected_revenue": 0, "active": False}.get(name)
    own, other = (record[name] or empty), (value if isinstance(value, list) else value or empty)
    if sign == "in":
        return any(says(record, name, "=", each) for each in value)
    if sign == "=":
        return bool(own == other)
    if sign in INEQUALITIES:
        return own is not None and other is not None and INEQUALITIES[sign](own, other)
    return fits(record[name], sign, other)


def fits(text: Any, sign: str, pattern: str) -> bool:
    """`like` without regular expressions: the only wildcard here is a `%` at the end."""
    if not pattern:
        return not text if sign.startswith("=") else True
    if text is False:
        return False
    if sign.endswith("ilike"):
        text, pattern = text.lower(), pattern.lower()
    stem = pattern.removesuffix("%")
    if sign.startswith("="):
        return text.startswith(stem) if stem != pattern else text == pattern
    return stem in text


@settings(max_examples=examples(150), deadline=None)
@given(records, trees)
def test_search_agrees_with_a_naive_reading(rows: list[dict[str, Any]], tree: Tree) -> None:
    """Every operator, every combination, with indexes on id, stage and ManyChat id at work."""
    env = Env(DATABASE, 2, {"active_test": False})
    leads = model_for(env, "crm.lead")
    ids = leads.create([{"name": "lead", "user_id": False, **row} for row in rows])
    try:
        found = leads.search([["id", "in", ids], *written(tree)], order="id")
        assert found == [each for each, row in zip(ids, rows, strict=True) if holds(tree, row)]
        assert set(found) <= set(leads.search(written(tree)))
    finally:
        model_for(env, "crm.lead", ids).unlink()


@settings(max_examples=examples(50), deadline=None)
@given(records, trees)
def test_an_index_only_shortens_the_way(rows: list[dict[str, Any]], tree: Tree) -> None:
    """What the index proposes contains every record that passes the test."""
    env = Env(DATABASE, 2, {"active_test": False})
    ids = model_for(env, "crm.lead").create([{"name": "lead", "user_id": False, **row} for row in rows])
    table = DATABASE.table("crm.lead")
    try:
        found = compile_domain(DATABASE, DATABASE.model("crm.lead"), written(tree), active_test=False)
        short = found.candidates(table)
        passing = {each for each, row in table.rows.items() if found.check(row)}
        assert short is None or passing <= set(short)
    finally:
        model_for(env, "crm.lead", ids).unlink()


def test_looking_up_by_key_does_not_walk_through_all_records() -> None:
    """By id, external reference and stage, alone or together with other conditions, archived or not."""
    env = Env(DATABASE, 2)
    ids = model_for(env, "crm.lead").create([{"name": "lead", "x_manychat_id": str(each)} for each in range(50)])
    table, model = DATABASE.table("crm.lead"), DATABASE.model("crm.lead")
    for domain, count in (
        ([["x_manychat_id", "=", "7"]], 1),
        ([["x_manychat_id", "in", ["7", "8", "none"]], ["name", "ilike", "x"]], 2),
        ([["id", "in", ids[:3]]], 3),
        (["|", ["id", "=", ids[0]], ["x_manychat_id", "=", "9"]], 2),
        ([["stage_id", "=", 16]], 0),
    ):
        short = compile_domain(DATABASE, model, domain).candidates(table)
        assert short is not None
        assert len(short) == count
    model_for(env, "crm.lead", ids).unlink()


DATABASE = Database()
seed(DATABASE)
