"""Who may call the API, and how it answers what it does not do."""

import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.errors import RetryableError
from shared.settings import get_settings
from shared.store import session as store
from shared.web import app, contacts, paging
from shared.web.description import VERSION
from tests.support.examples import examples
from tests.unit.web.calls import Api, description

READING = [
    "/api/v1/contacts",
    "/api/v1/crm/opportunities",
    "/api/v1/dead-letters",
    "/api/v1/dead-letters/1",
    "/api/v1/deliveries",
    "/api/v1/deliveries/1",
]
CHANGING = [
    "/api/v1/dead-letters/replay",
    "/api/v1/dead-letters/1/replay",
    "/api/v1/deliveries/1/retry",
    "/api/v1/deliveries/1/cancel",
]
OLD_MEETINGS = "/api/v1/executions/webhook/1/meeting_scheduler_automatic"
OLD_ONBOARDING = "/api/v1/executions/webhook/1/employee_onboarding"
OLD_INTEREST = "/api/v1/executions/webhook/1/hubspot_update_estado_interes"
FOR_SENDERS = {
    "/api/v1/manychat/campaign-contacts/update-by-manychat-id",
    "/api/v1/hubspot/interest",
    OLD_INTEREST,
    f"{OLD_INTEREST}/1",
    "/api/v1/meetings",
    OLD_MEETINGS,
    f"{OLD_MEETINGS}/1",
    "/api/v1/onboarding",
    "/api/v1/onboarding/cancellations",
    OLD_ONBOARDING,
    f"{OLD_ONBOARDING}/1",
}
# They take a body and change nothing.
READING_BY_POST = {"/api/v1/templates/1/preview", "/api/v1/flow-automations/1/forecast"}
EVERYTHING = [
    (method.upper(), re.sub(r"{\w+}", "1", path)) for path, methods in description()["paths"].items() for method in methods
]

SENDERS_CALLS = {(method, path) for method, path in EVERYTHING if path in FOR_SENDERS and method != "GET"}


class TestKeys:
    """Every address of the API asks for a key, and each key may do what its scopes say."""

    @pytest.mark.parametrize("key", [None, "wrong"])
    def test_nothing_is_done_without_a_valid_key(self, api: Api, key: str | None) -> None:
        """Whatever the description names, also what will be added to it: without a key there is no answer."""
        given = {call: api(*call, key=key).status for call in EVERYTHING}
        assert {call: status for call, status in given.items() if status != 401} == {}

    def test_webhook_key_opens_nothing(self, api: Api) -> None:
        """A sender's key does not read what others have sent; the addresses made for senders apart."""
        given = {call: api(*call, key="hook-key").status for call in EVERYTHING if call not in SENDERS_CALLS}
        assert {call: status for call, status in given.items() if status != 403} == {}

    @pytest.mark.parametrize(("needed", "other"), [("read", "write-key"), ("write", "read-key")])
    def test_reading_key_changes_nothing_and_writing_key_reads_nothing(self, api: Api, needed: str, other: str) -> None:
        """Each address wants the scope that its method says."""
        reading = {call for call in EVERYTHING if call[0] == "GET" or call[1] in READING_BY_POST}
        asked = sorted(reading if needed == "read" else set(EVERYTHING) - reading)
        answers = {call: api(*call, key=other) for call in asked}
        given = {call: (one.status, f"'{needed}'" in one.json["title"]) for call, one in answers.items()}
        assert {call: found for call, found in given.items() if found != (403, True)} == {}
        assert len(given) > 50

    @pytest.mark.parametrize("key", [None, "", "wrong", "read-key ", "READ-KEY"])
    def test_wrong_keys_are_all_answered_the_same(self, api: Api, key: str | None) -> None:
        """A problem document, and the header that names what is asked for."""
        answer = api.get("/api/v1/contacts", key=key)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == 'ApiKey realm="puente"'
        assert answer.json["type"] == "urn:puente:problem:unauthorized"

    @pytest.mark.parametrize("path", CHANGING)
    def test_changing_without_a_key_is_401_whatever_the_body(self, api: Api, path: str) -> None:
        """A stranger is turned away before the body is looked at."""
        assert api.post(path, key=None, body=b"\xff not json").status == 401

    @pytest.mark.parametrize(("key", "status"), [("hook-key", 403), ("write-key", 403), ("read-key", 200), ("ops-key", 200)])
    def test_reading_needs_the_scope_read(self, api: Api, key: str, status: int) -> None:
        """`admin` has every scope; `write` does not read."""
        assert api.get("/api/v1/contacts", key=key).status == status

    @pytest.mark.parametrize("path", CHANGING)
    @pytest.mark.parametrize(
        ("key", "allowed"), [("hook-key", False), ("read-key", False), ("write-key", True), ("ops-key", True)]
    )
    def test_changing_needs_the_scope_write(self, api: Api, path: str, key: str, *, allowed: bool) -> None:
        """Who may only read is told so with a 403 that names the scope."""
        answer = api.post(path, key=key, body={})
        assert (answer.status != 403) == allowed
        if not allowed:
            assert "'write'" in answer.json["title"]

    def test_key_with_any_letters_works_as_at_the_webhooks(self, api: Api) -> None:
        """A key is a text in UTF-8, at every door the same."""
        assert api.get("/api/v1/contacts", key="llave-ñandú-🔑").status == 200

    def test_key_that_was_taken_away_stops_working(self, api: Api, environment: pytest.MonkeyPatch) -> None:
        """The application keeps no keys of its own."""
        environment.setenv("API_KEYS", json.dumps([{"name": "new", "key": "new-key", "scopes": ["read"]}]))
        get_settings.cache_clear()
        assert (api.get("/api/v1/contacts", key="ops-key").status, api.get("/api/v1/contacts", key="new-key").status) == (
            401,
            200,
        )


class TestAddresses:
    """What is not there, and how it is said."""

    @pytest.mark.parametrize(
        "path", ["/", "/api", "/api/v1", "/api/v1/contact", "/api/v1/contacts//", "/api/v1/dead-letters/abc"]
    )
    def test_unknown_address_is_a_404_problem(self, api: Api, path: str) -> None:
        """It says where to read what there is."""
        answer = api.get(path)
        assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
        assert "/api/docs" in answer.json["detail"]

    @pytest.mark.parametrize("path", [*READING, "/api/openapi.json", "/api/docs"])
    def test_slash_at_the_end_makes_no_difference(self, api: Api, path: str) -> None:
        """No redirect, the same answer."""
        plain, slashed = api.get(path), api.get(path + "/")
        assert (plain.status, plain.body) == (slashed.status, slashed.body)
        assert plain.status in (200, 404)

    @pytest.mark.parametrize(
        ("method", "path", "allow"),
        [
            ("DELETE", "/api/v1/contacts/", "GET, POST"),
            ("POST", "/api/v1/deliveries", "GET"),
            ("GET", "/api/v1/dead-letters/replay", "POST"),
            ("PUT", "/api/v1/deliveries/7/retry/", "POST"),
            ("HEAD", "/api/v1/contacts", "GET, POST"),
            ("OPTIONS", "/api/v1/dead-letters/3", "GET"),
        ],
    )
    def test_wrong_method_is_a_405_problem_with_allow(self, api: Api, method: str, path: str, allow: str) -> None:
        """Allow names what is done there."""
        answer = api(method, path)
        assert (answer.status, answer.headers["allow"]) == (405, allow)
        assert answer.json["type"] == "urn:puente:problem:method-not-allowed"

    def test_allow_names_the_methods_of_all_routes_of_an_address(self, environment: pytest.MonkeyPatch, api: Api) -> None:
        """Also where several functions answer for one address."""
        built = app.build()
        built.add_api_route("/api/v1/contacts", lambda: None, methods=["PUT", "PATCH"])
        environment.setattr(app, "asgi", lambda: app.FunctionsMiddleware(built))
        assert api("DELETE", "/api/v1/contacts").headers["allow"] == "GET, PATCH, POST, PUT"

    @pytest.mark.parametrize("path", ["/%ff", "/api/v1/contacts/%c3%28"])
    def test_address_that_is_no_utf8_is_refused(self, api: Api, path: str) -> None:
        """400, and not a failed function."""
        answer = api.get(path)
        assert (answer.status, answer.json["type"]) == (400, "urn:puente:problem:bad-address")

    @pytest.mark.parametrize("number", ["0", "000000000000000007", "9" * 18, "9" * 19, "9" * 5000, "-1", "1e3", "٣"])
    def test_any_number_in_an_address_is_found_or_not_found(self, api: Api, number: str) -> None:
        """Numbers that no database could hold are addresses at which there is nothing."""
        assert api.get(f"/api/v1/deliveries/{number}").status == 404

    def test_answers_are_not_cached_and_not_guessed_at(self, api: Api) -> None:
        """They hold personal data."""
        for answer in (api.get("/api/v1/contacts"), api.get("/api/v1/contacts", key=None), api.get("/nothing")):
            assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")


class TestValues:
    """Parameters and bodies are checked, and each fault is named."""

    @pytest.mark.parametrize("path", ["/api/v1/contacts", "/api/docs", "/nothing", "/api/openapi.json"])
    def test_nothing_is_framed_guessed_or_run(self, api: Api, path: str) -> None:
        """Every answer says so, pages and problems too."""
        headers = api.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]

    def test_every_wrong_parameter_is_named(self, api: Api) -> None:
        """422 with each field and why, without the values."""
        answer = api.get("/api/v1/deliveries?limit=0&state=lost&since=yesterday&secret-filter=S3CRET")
        assert answer.status == 422
        assert {fault["field"] for fault in answer.json["errors"]} == {"limit", "state", "since", "secret-filter"}
        assert "S3CRET" not in answer.body.decode()

    @pytest.mark.parametrize(
        "query", ["manychat_id=", "mancyhat_id=1", "limit=201", "limit=ten", "after=abc", "after=-1", "order=up"]
    )
    def test_filter_that_cannot_be_meant_is_refused(self, api: Api, query: str) -> None:
        """A misspelt or empty filter is not a list of everything."""
        answer = api.get(f"/api/v1/contacts/?{query}")
        assert answer.status == 422
        assert answer.json["errors"][0]["field"] == query.partition("=")[0]

    @pytest.mark.parametrize(
        ("body", "headers", "status"),
        [
            (b"", {}, 400),
            (b"{", {}, 400),
            (b"\xff", {}, 400),
            (b"[]", {}, 400),
            (b'{"limit": NaN}', {}, 400),
            (b'{"reason": "\\ud800"}', {}, 422),
            (b'{"reason": "a\\u0000b"}', {}, 422),
            (b'{"limit": 1001}', {}, 422),
            (b'{"limit": "10"}', {}, 422),
            (b'{"limit": true}', {}, 422),
            (b'{"limit": 10.5}', {}, 422),
            (b'{"limit": 10.0}', {}, 200),
            (b'{"dry_run": "false"}', {}, 422),
            (b'{"dry-run": false}', {}, 422),
            (b'{"since": 5}', {}, 422),
            (b"{}", {"content-type": "text/plain"}, 415),
            (b"{}", {"content-encoding": "gzip"}, 415),
            (b'{"reason": "' + b"x" * 2000 + b'"}', {}, 413),
        ],
    )
    def test_body_is_held_to_the_rules_of_the_webhooks(
        self, api: Api, environment: pytest.MonkeyPatch, body: bytes, headers: dict[str, str], status: int
    ) -> None:
        """Size, type, JSON, then fields, each with its own status."""
        environment.setenv("MAX_BODY_BYTES", "1024")
        get_settings.cache_clear()
        answer = api.post("/api/v1/dead-letters/replay", body=body, headers=headers)
        assert (answer.status, answer.json.get("status", 200)) == (status, status)

    def test_name_of_a_field_that_is_no_unicode_is_named_all_the_same(self, api: Api) -> None:
        """Half of an emoji in a key and in its value: 422, though no encoding can write the key down."""
        answer = api.post("/api/v1/channels", body=b'{"name": "x", "\\ud800": "\\ud800"}')
        assert answer.status == 422
        assert answer.json["errors"]

    def test_period_that_ends_with_the_calendar_s_beginning_is_refused(self, api: Api) -> None:
        """A day before the first moment of all cannot be worked out."""
        assert api.get("/api/v1/reports/summary", to="0001-01-01T00:00:00+14:00").status == 422

    def test_name_of_a_field_that_is_absurdly_long_is_cut(self, api: Api) -> None:
        """An answer does not grow with what is sent."""
        answer = api.post("/api/v1/dead-letters/replay", body={"x" * 100_000: 1})
        assert answer.status == 422
        assert len(answer.body) < 1000

    @given(
        path=st.sampled_from([*READING, *CHANGING]),
        query=st.dictionaries(
            st.sampled_from(["limit", "after", "order", "state", "since", "until", "subject", "phone", "manychat_id", "x"]),
            st.text(max_size=30),
            max_size=4,
        ),
        body=st.one_of(
            st.binary(max_size=40),
            st.dictionaries(
                st.sampled_from(["state", "limit", "after", "dry_run", "since", "until", "type", "reason", "y"]),
                st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.integers(), max_size=2),
                max_size=5,
            ),
        ),
    )
    @settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_no_request_breaks_it(self, api: Api, path: str, query: dict[str, str], body: Any) -> None:
        """Whatever is sent: a described answer, never a 5xx."""
        method = "GET" if path in READING else "POST"
        assert api(method, path, body=body, **{f"{name}": value for name, value in query.items()}).status < 500


class TestTrouble:
    """When something behind it fails."""

    def test_database_that_is_away_is_a_503_with_retry_after(
        self, api: Api, environment: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Every list says so at once, without a word of the driver's."""
        gone = store.make_engine(f"sqlite:///{tmp_path / 'gone' / 'puente.db'}")
        (tmp_path / "gone").rmdir()
        environment.setattr(store, "get_engine", lambda: gone)
        for path in READING:
            answer = api.get(path)
            assert (answer.status, answer.headers["retry-after"]) == (503, "10")
            assert "sqlite" not in answer.body.decode().lower()

    @pytest.mark.parametrize(
        ("error", "seconds"), [(RetryableError("busy", after_seconds=2.5), "3"), (PoolTimeoutError("pool is empty"), "10")]
    )
    def test_busy_database_is_a_503(self, api: Api, environment: pytest.MonkeyPatch, error: Exception, seconds: str) -> None:
        """Also when all connections are in use."""
        _breaks(environment, error)
        answer = api.get("/api/v1/contacts")
        assert (answer.status, answer.headers["retry-after"]) == (503, seconds)

    def test_unexpected_error_is_a_bare_500_and_is_logged_whole(
        self, api: Api, environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The caller learns nothing; the log has the error and its trace."""
        _breaks(environment, ZeroDivisionError("the secret inside"))
        with caplog.at_level(logging.ERROR, "puente.web"):
            answer = api.get("/api/v1/contacts")
        assert answer.json == {
            "type": "urn:puente:problem:unexpected",
            "title": "Something unexpected went wrong.",
            "status": 500,
        }
        record = next(record for record in caplog.records if record.name == "puente.web")
        assert record.exc_info is not None
        assert "the secret inside" in str(record.exc_info[1])

    def test_other_requests_go_on_after_an_unexpected_error(self, api: Api, environment: pytest.MonkeyPatch) -> None:
        """One failure leaves nothing behind."""
        with environment.context() as broken:
            _breaks(broken, ZeroDivisionError())
            assert api.get("/api/v1/contacts").status == 500
        assert api.get("/api/v1/contacts").status == 200


def _breaks(patch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    patch.setattr(contacts, "find_sorted", fail)


class TestStart:
    """What it costs to have it."""

    def test_is_built_once(self, keys: None, database: Engine) -> None:
        """Also when the first requests come at the same time."""
        app._built.cache_clear()
        with ThreadPoolExecutor(8) as pool:
            built = {id(found.result()) for found in [pool.submit(app.asgi) for _ in range(8)]}
        assert built == {id(app.asgi())}

    def test_limits_of_pages_are_those_described(self) -> None:
        """The description and the code name the same bounds."""
        parameters = description()["paths"]["/api/v1/contacts"]["get"]["parameters"]
        limit = next(parameter for parameter in parameters if parameter["name"] == "limit")
        assert (limit["schema"]["maximum"], limit["schema"]["default"]) == (paging.MAX_LIMIT, paging.DEFAULT_LIMIT)
        assert description()["info"]["version"] == VERSION


def test_key_may_come_as_bearer_token(api: Api) -> None:
    """As programs send it that knew the replaced system; X-API-KEY goes before it, and a wrong one opens nothing."""
    path = "/api/v1/contacts"
    assert api.get(path, key=None, headers={"authorization": "Bearer read-key"}).status == 200
    assert api.get(path, key=None, headers={"authorization": "bearer   read-key "}).status == 200
    assert api.get(path, key=None, headers={"authorization": "Bearer nobody"}).status == 401
    assert api.get(path, key=None, headers={"authorization": "Bearer"}).status == 401
    assert api.get(path, key="nobody", headers={"authorization": "Bearer read-key"}).status == 401
    assert api.post(path, key=None, headers={"authorization": "Bearer read-key"}, body={}).status == 403
