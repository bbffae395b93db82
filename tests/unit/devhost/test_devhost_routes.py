"""Routes match as ASP.NET Core matches them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devhost.constraints import parse_constraint
from devhost.routes import RouteError, decode_path, parse_template


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("webhooks/stripe", "/webhooks/stripe", {}),
        ("webhooks/stripe", "/Webhooks/STRIPE/", {}),
        ("webhooks/stripe", "/webhooks/stripe/more", None),
        ("webhooks/stripe", "/webhooks//stripe", None),
        ("", "/", {}),
        ("", "/x", None),
        ("items/{id}", "/items/Abc", {"id": "Abc"}),
        ("items/{id}", "/items", None),
        ("items/{id}", "/items/", None),
        ("items/{id?}", "/items", {}),
        ("items/{id?}", "/items/", {}),
        ("items/{id?}", "/items/7", {"id": "7"}),
        ("items/{id=5}", "/items", {"id": "5"}),
        ("items/{id=5}", "/items/6", {"id": "6"}),
        ("items/{id:int=5}/{view=list}", "/items", {"id": "5", "view": "list"}),
        ("items/{id:int=5}/{view=list}", "/items/8", {"id": "8", "view": "list"}),
        ("items/{id=5}/edit", "/items/edit", None),
        ("items/{id:int}", "/items/12", {"id": "12"}),
        ("items/{id:int}", "/items/twelve", None),
        ("items/{id:int:min(10)}", "/items/9", None),
        ("{id?}/more", "/more", None),  # something follows, so it is needed after all
        ("{id?}/more", "/7/more", {"id": "7"}),
        ("{*rest}", "/", {}),
        ("{*rest}", "/a/b/", {"rest": "a/b/"}),
        ("{**rest}", "/a", {"rest": "a"}),
        ("files/{*rest}", "/files", {}),
        ("files/{*rest}", "/files/a/b.txt", {"rest": "a/b.txt"}),
        ("{*rest:regex(^(api|console)(/|$))}", "/console/x", {"rest": "console/x"}),
        ("{*rest:regex(^(api|console)(/|$))}", "/consoles", None),
        ("{*rest:regex(^(api|console)(/|$))}", "/", None),
        ("v{version:int}/{name}.{extension}", "/v2/a.b.c", {"version": "2", "name": "a.b", "extension": "c"}),
        ("{name}.{extension?}", "/report", {"name": "report"}),
        ("{name}.{extension?}", "/report.pdf", {"name": "report", "extension": "pdf"}),
        (r"{code:regex(^\d{{3}}$)}", "/123", {"code": "123"}),
        (r"{code:regex(^\d{{3}}$)}", "/1234", None),
        ("{path:regex(a/b)}/c", "/xa/c", None),
        ("{{literal}}", "/{literal}", {}),
    ],
)
def test_matching(template: str, path: str, values: dict[str, str] | None) -> None:
    """A template takes the paths it should, with strings as values, and no others."""
    assert parse_template(template).match(path) == values


@pytest.mark.parametrize(
    "template",
    [
        *("{id", "id}", "{}", "{id}{name}", "{a}/{A}", "a//b", "what?"),
        *("{*rest}/more", "x{*rest}", "{*rest?}", "{id?}.x", "x{id?}", "{id?=5}"),
        *("{id:unknown}", "{id:min}", "{id:min(x)}", "{id:length(1,2,3)}", "{id:regex([)}"),
    ],
)
def test_templates_that_cannot_be(template: str) -> None:
    """A broken template is refused when the app loads, not at the first request."""
    with pytest.raises(RouteError):
        parse_template(template)


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        ("int", ["0", "-5", "2147483647"], ["2147483648", "1.0", "x", "٣"]),
        ("long", ["9223372036854775807"], ["9223372036854775808"]),
        ("bool", ["true", "FALSE"], ["1", "yes"]),
        ("datetime", ["2026-11-20", "2026-11-20T10:00:00", "11/20/2026"], ["20 November", "2026-13-01"]),
        ("decimal", ["1", "-1.5", "1,000.25"], ["1e5", "abc"]),
        ("double", ["1e5", "-.5", "NaN"], ["1e", "--1"]),
        ("float", ["3.14"], ["pi"]),
        ("guid", ["0f8fad5b-d9cb-469f-a165-70867728950e", "{0f8fad5b-d9cb-469f-a165-70867728950e}"], ["0f8fad5b", "{0}"]),
        ("guid", ["0F8FAD5BD9CB469FA16570867728950E"], ["{0f8fad5b-d9cb-469f-a165-70867728950e)x"]),
        ("alpha", ["abcXYZ"], ["a1", "ñ"]),
        ("required", ["x"], [""]),
        ("minlength(3)", ["abc"], ["ab"]),
        ("maxlength(3)", ["abc", ""], ["abcd"]),
        ("length(3)", ["abc"], ["ab", "abcd"]),
        ("length(2,3)", ["ab", "abc"], ["a", "abcd"]),
        ("min(3)", ["3"], ["2", "x"]),
        ("max(3)", ["3", "-9"], ["4"]),
        ("range(1,3)", ["1", "3"], ["0", "4"]),
        ("regex(^a+$)", ["aaa", "AAA"], ["b"]),
        ("file", ["a.txt", "x/a.txt"], ["a", "x.y/a"]),
        ("nonfile", ["a"], ["a.txt"]),
    ],
)
def test_constraints(constraint: str, good: list[str], bad: list[str]) -> None:
    """Each constraint of ASP.NET Core lets through what it should and nothing else."""
    holds = parse_constraint(constraint)
    assert [value for value in good if not holds(value)] == []
    assert [value for value in bad if holds(value)] == []


def test_decoding_a_path() -> None:
    """Everything is decoded but the encoded slash, so that it cannot end a segment."""
    assert decode_path("/a%20b/%C3%B1%2Fx%2fy") == "/a b/ñ%2Fx%2Fy"
    assert parse_template("{id}").match(decode_path("/a%2Fb")) == {"id": "a%2Fb"}


@given(st.text(st.characters(exclude_characters="/", exclude_categories=("Cs",)), min_size=1))
def test_any_segment_comes_through(value: str) -> None:
    """A required parameter takes any segment and hands it over as it is."""
    assert parse_template("x/{value}").match(f"/x/{value}") == {"value": value}
