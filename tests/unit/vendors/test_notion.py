"""Notion: data sources, pages of rows, text of pages, values both ways, and what each answer means."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.errors import PermanentError, PuenteError, RetryableError, ThrottledError, UnavailableError, UncertainError
from shared.vendors import notion_values as values
from shared.vendors.notion import Notion
from tests.unit.vendors.network import Answer, FakeNetwork, cut, html

DATABASE = Answer(200, {"id": "db", "data_sources": [{"id": "ds", "name": "Contacts"}]})


def notion(network: FakeNetwork) -> Notion:
    return Notion("https://api.notion.invalid", "t0ken", network)


def paths(network: FakeNetwork) -> list[str]:
    return [urlsplit(str(request.url)).path for request in network.requests]


def rows(*ids: str, more: str | None = None) -> Answer:
    return Answer(200, {"results": [{"id": one} for one in ids], "has_more": more is not None, "next_cursor": more})


def test_all_pages_of_a_query() -> None:
    """The data source is asked for once, the rows page by page, in the version of the API that has data sources."""
    network = FakeNetwork(DATABASE, rows("a", "b", more="cursor"), rows("c"))
    vendor = notion(network)
    where = {"property": "Email", "email": {"equals": "ana@example.com"}}
    sorts = [{"timestamp": "created_time", "direction": "ascending"}]
    assert [row["id"] for row in vendor.query("db", where, sorts=sorts)] == ["a", "b", "c"]
    assert [row["id"] for row in vendor.query("db")] == ["c"]
    query = "/v1/data_sources/ds/query"
    assert paths(network) == ["/v1/databases/db", query, query, query]
    assert network.bodies[1:] == [
        {"page_size": 100, "filter": where, "sorts": sorts},
        {"page_size": 100, "filter": where, "sorts": sorts, "start_cursor": "cursor"},
        {"page_size": 100},
    ]
    assert {request.headers["Notion-Version"] for request in network.requests} == {"2025-09-03"}
    assert {request.headers["Authorization"] for request in network.requests} == {"Bearer t0ken"}


def test_no_more_rows_than_wanted() -> None:
    """Neither asked for nor returned."""
    network = FakeNetwork(DATABASE, rows("a", "b", more="cursor"))
    assert [row["id"] for row in notion(network).query("db", limit=1)] == ["a"]
    assert network.bodies[1]["page_size"] == 1
    assert len(network.requests) == 2


@pytest.mark.parametrize("sources", [[], [{"id": "one"}, {"id": "two"}], None])
def test_a_database_without_one_data_source_is_said(sources: list[dict[str, str]] | None) -> None:
    """Rows are never written into one that somebody happened to add."""
    with pytest.raises(PermanentError) as caught:
        notion(FakeNetwork(Answer(200, {"id": "db", "data_sources": sources}))).query("db")
    assert caught.value.reason == "notion-data-sources"


def test_a_database_that_is_not_set() -> None:
    """It is a missing setting, and nothing is called."""
    network = FakeNetwork(DATABASE)
    with pytest.raises(PermanentError) as caught:
        notion(network).create_page("", {})
    assert caught.value.reason == "not-configured"
    assert not network.requests


def test_pages_are_created_and_updated() -> None:
    """A row under its data source; properties by name."""
    network = FakeNetwork(DATABASE, Answer(200, {"id": "p"}))
    vendor = notion(network)
    assert vendor.create_page("db", {"first_name": values.title("Ana")})["id"] == "p"
    assert vendor.update_page("p", {"Unsubscribed": values.checkbox(True)})["id"] == "p"
    assert vendor.page("p")["id"] == "p"
    sent = [(request.method, urlsplit(str(request.url)).path) for request in network.requests[1:]]
    assert sent == [("POST", "/v1/pages"), ("PATCH", "/v1/pages/p"), ("GET", "/v1/pages/p")]
    assert network.bodies[1:3] == [
        {
            "parent": {"type": "data_source_id", "data_source_id": "ds"},
            "properties": {"first_name": {"title": [{"type": "text", "text": {"content": "Ana"}}]}},
        },
        {"properties": {"Unsubscribed": {"checkbox": True}}},
    ]


def block(kind: str, *texts: str, number: str = "", **content: Any) -> dict[str, Any]:
    pieces = [{"plain_text": text} for text in texts]
    return {"id": number, "type": kind, "has_children": bool(number), kind: {"rich_text": pieces} | content}


def test_the_text_of_a_page() -> None:
    """Pieces joined, blocks as lines, nested blocks in their place, further pages of blocks read, other pages not entered."""
    top = [
        block("heading_1", "Hola ", "Ana"),
        block("toggle", "más", number="inner"),
        {"id": "sub", "type": "child_page", "has_children": True, "child_page": {"title": "Otra"}},
        {"id": "img", "type": "image", "has_children": False, "image": {"type": "external"}},
        block("paragraph"),
    ]
    row = {"id": "r", "type": "table_row", "has_children": False, "table_row": {"cells": [[{"plain_text": "celda"}], []]}}
    network = FakeNetwork(
        Answer(200, {"results": top, "has_more": True, "next_cursor": "c1"}),
        Answer(200, {"results": [block("paragraph", "dentro"), row], "has_more": False}),
        Answer(200, {"results": [block("code", "<p>{{x}}</p>")], "has_more": False}),
    )
    assert notion(network).page_text("p") == "Hola Ana\nmás\ndentro\ncelda\n\n\n<p>{{x}}</p>"
    assert paths(network) == [f"/v1/blocks/{one}/children" for one in ("p", "inner", "p")]
    assert dict(parse_qsl(urlsplit(str(network.requests[2].url)).query)) == {"page_size": "100", "start_cursor": "c1"}


def test_a_page_without_end_is_left() -> None:
    """Ten levels, then no further."""
    network = FakeNetwork(Answer(200, {"results": [block("toggle", "x", number="again")], "has_more": False}))
    assert notion(network).page_text("p") == "\n".join("x" * 11)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300).flatmap(
    lambda text: st.integers(0, 40).map(lambda times: text * times)
)


@pytest.mark.parametrize(
    ("made", "limit"),
    [
        (values.email, 200),
        (values.phone, 200),
        (values.url, 2000),
        (values.select, 100),
        (lambda text: values.multi_select([text]), 100),
    ],
)
@pytest.mark.parametrize("sign", ["x", "😀"])
def test_value_that_is_too_long_is_cut_with_a_mark(made: Any, limit: int, sign: str) -> None:
    """As JavaScript counts, an emoji is two; what just fits is left alone. One property too long would cost the whole page."""
    size = len(sign.encode("utf-16-le")) // 2
    whole = sign * (limit // size)
    assert whole in json.dumps(made(whole), ensure_ascii=False)
    kept = json.dumps(made(whole + sign), ensure_ascii=False)
    assert values.CUT in kept
    assert kept.count(sign) == (limit - 1) // size


@pytest.mark.parametrize(("limit", "refused"), [(None, True), (3, True), (2, False)])
def test_answer_that_is_not_whole_is_an_error(limit: int | None, *, refused: bool) -> None:
    """After 10,000 rows Notion says that there are no more; whoever wants no more than there are has them all."""
    status = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
    rows = {"results": [{"id": "1"}, {"id": "2"}], "has_more": False, "next_cursor": None, "request_status": status}
    vendor = notion(FakeNetwork(DATABASE, Answer(200, rows)))
    if not refused:
        assert len(vendor.query("db", limit=limit)) == 2
        return
    with pytest.raises(PermanentError, match="query_result_limit_reached") as caught:
        vendor.query("db", limit=limit)
    assert caught.value.reason == "notion-incomplete"


@settings(deadline=None)
@given(text=TEXTS)
@example(text="😀" * 1001)
@example(text="x" * 1999 + "😀")
@example(text="x" * 2000)
@example(text="")
def test_a_long_text_goes_in_pieces_and_comes_back_whole(text: str) -> None:
    """No piece is above 2000 characters, however they are counted."""
    pieces = values.rich_text(text)["rich_text"]
    contents = [piece["text"]["content"] for piece in pieces]
    assert all(1 <= len(content.encode("utf-16-le")) // 2 <= 2000 for content in contents)
    assert values.read({"type": "rich_text", **values.rich_text(text)}) == text
    assert len(pieces) <= len(text) // 999 + 1


def test_a_text_beyond_notions_limit() -> None:
    """It is refused with a reason, not cut."""
    assert len(values.rich_text("x" * 200_000)["rich_text"]) == 100
    with pytest.raises(PermanentError) as caught:
        values.title("x" * 200_001)
    assert caught.value.reason == "notion-text-too-long"


ZONE = timezone(timedelta(hours=-6))


@pytest.mark.parametrize(
    ("built", "theirs", "ours"),
    [
        (values.number(7.5), {"number": 7.5}, 7.5),
        (values.number(None), {"number": None}, None),
        (values.checkbox(False), {"checkbox": False}, False),
        (values.select("CRITICAL"), {"select": {"name": "CRITICAL"}}, "CRITICAL"),
        (values.select("a, b"), {"select": {"name": "a  b"}}, "a  b"),
        (values.select(""), {"select": None}, None),
        (values.status("Done"), {"status": {"name": "Done"}}, "Done"),
        (values.status(None), {"status": None}, None),
        (values.multi_select(["a", "b"]), {"multi_select": [{"name": "a"}, {"name": "b"}]}, ["a", "b"]),
        (values.moment(date(2026, 3, 2)), {"date": {"start": "2026-03-02"}}, "2026-03-02"),
        (
            values.moment(datetime(2026, 3, 2, 3, tzinfo=ZONE), datetime(2026, 3, 2, 10, tzinfo=UTC)),
            {"date": {"start": "2026-03-02T09:00:00+00:00", "end": "2026-03-02T10:00:00+00:00"}},
            "2026-03-02T09:00:00+00:00",
        ),
        (values.moment(None), {"date": None}, None),
        (values.email("a@x.example"), {"email": "a@x.example"}, "a@x.example"),
        (values.email(""), {"email": None}, None),
        (values.phone("+52"), {"phone_number": "+52"}, "+52"),
        (values.url("https://x.example"), {"url": "https://x.example"}, "https://x.example"),
        (values.relation(["p1", "p2"]), {"relation": [{"id": "p1"}, {"id": "p2"}]}, ["p1", "p2"]),
    ],
)
def test_values_both_ways(built: dict[str, Any], theirs: dict[str, Any], ours: object) -> None:
    """As Notion writes them, and read back as what they say."""
    assert built == theirs
    assert values.read({"id": "x", "type": next(iter(theirs)), **theirs}) == ours
    assert values.read(built) == ours


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"type": "title", "title": [{"plain_text": "Ana "}, {"plain_text": "López"}]}, "Ana López"),
        ({"type": "formula", "formula": {"type": "number", "number": 3}}, 3),
        ({"type": "rollup", "rollup": {"type": "array", "array": [{"type": "number", "number": 1}]}}, [1]),
        ({"type": "people", "people": [{"id": "u1", "name": "Javier"}, {"id": "u2"}]}, ["Javier", "u2"]),
        ({"type": "unique_id", "unique_id": {"prefix": "L", "number": 5}}, "L-5"),
        ({"type": "unique_id", "unique_id": {"prefix": None, "number": 5}}, "5"),
        ({"type": "created_time", "created_time": "2026-03-02T09:00:00.000Z"}, "2026-03-02T09:00:00.000Z"),
        ({"type": "created_by", "created_by": {"id": "u"}}, None),
        ({"type": "button", "button": {}}, None),
        ({}, None),
    ],
)
def test_what_only_notion_writes_is_read_too(theirs: dict[str, Any], ours: object) -> None:
    """Results of formulas and the like; what we know nothing of says nothing."""
    assert values.read(theirs) == ours


@pytest.mark.parametrize(
    ("step", "error", "reason"),
    [
        (Answer(400, {"code": "validation_error", "message": "bad `Ana`"}), PermanentError, "notion-validation-error"),
        (Answer(401, {"code": "unauthorized"}), UnavailableError, None),
        (Answer(404, {"code": "object_not_found"}), PermanentError, "notion-not-found"),
        (Answer(409, {"code": "conflict_error"}), RetryableError, None),
        (Answer(429, {"code": "rate_limited"}, {"Retry-After": "61"}), ThrottledError, None),
        (Answer(529, {"code": "service_overload"}, {"Retry-After": "61"}), ThrottledError, None),
        (Answer(500, {"code": "internal_server_error"}), UncertainError, None),
        (html(), UncertainError, None),
        (requests.ReadTimeout(), UncertainError, None),
    ],
)
def test_each_failure_of_a_creation_is_judged(step: Answer | Exception, error: type[PuenteError], reason: str | None) -> None:
    """When told to wait, as long as told; nothing of a person in the text."""
    with pytest.raises(error) as caught:
        notion(FakeNetwork(DATABASE, step)).create_page("db", {})
    assert getattr(caught.value, "reason", None) == reason
    assert "Ana" not in str(caught.value)
    if isinstance(caught.value, ThrottledError):
        assert caught.value.after_seconds == 61


def test_reading_and_updating_may_be_repeated() -> None:
    """A cut connection is tried again at once, and what stays without an answer is only late."""
    assert notion(FakeNetwork(cut(), Answer(200, {"id": "p"}))).update_page("p", {})["id"] == "p"
    with pytest.raises(RetryableError):
        notion(FakeNetwork(DATABASE, cut())).query("db")
