"""The sandbox over the network: faults as a client meets them, calls as they are shown, the controls, the page."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from sandbox.testing import ODOO_DATABASE, ODOO_KEY, InProcessSandbox, SandboxError

FIELDS = ["id", "name"]


@pytest.fixture(scope="module")
def running() -> Iterator[InProcessSandbox]:
    """One sandbox for all these tests."""
    with InProcessSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: InProcessSandbox) -> InProcessSandbox:
    """Reset before each test."""
    running.reset()
    return running


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Connections that are closed at the end."""
    with requests.Session() as opened:
        yield opened


def execute(session: requests.Session, url: str, method: str, *args: Any, timeout: float = 10) -> requests.Response:
    """Call a method of crm.lead over JSON-RPC."""
    params = {"service": "object", "method": "execute_kw", "args": [ODOO_DATABASE, 2, "admin", "crm.lead", method, list(args)]}
    return session.post(f"{url}/jsonrpc", json={"id": 1, "params": params}, timeout=timeout)


def load(session: requests.Session, sandbox: InProcessSandbox, name: str) -> requests.Response:
    """Load one lead."""
    return execute(session, sandbox.odoo_url, "load", FIELDS, [[f"manychat.{name}", name]])


def test_odoo_stands_on_its_own_path_and_at_the_root(sandbox: InProcessSandbox, session: requests.Session) -> None:
    """Both APIs and the health page; it is one and the same Odoo."""
    headers = {"Authorization": f"bearer {ODOO_KEY}"}
    for base in (sandbox.url, sandbox.odoo_url):
        assert execute(session, base, "create", {"name": base}).json()["result"] > 0
        found = session.post(f"{base}/json/2/crm.lead/search_count", json={"domain": []}, headers=headers, timeout=10)
        assert found.status_code == 200
        assert session.get(f"{base}/web/health", timeout=10).json() == {"status": "pass"}
    assert found.json() == 2
    paths = [call["path"] for call in sandbox.calls()]
    assert paths == ["/jsonrpc", "/json/2/crm.lead/search_count", "/web/health"] + [
        f"/odoo{path}" for path in ("/jsonrpc", "/json/2/crm.lead/search_count", "/web/health")
    ]


def test_shows_what_it_received(sandbox: InProcessSandbox, session: requests.Session) -> None:
    """With everything a test wants to look at, and no password."""
    load(session, sandbox, "a")
    (call,) = sandbox.calls("odoo")
    assert (call["vendor"], call["method"], call["path"], call["status"]) == ("odoo", "POST", "/odoo/jsonrpc", 200)
    assert (call["what"], call["outcome"], call["fault"]) == ("crm.lead.load (1 row)", "ok", None)
    assert call["body"]["params"]["args"][2:5] == ["***", "crm.lead", "load"]
    assert call["headers"]["Content-Type"] == "application/json"
    assert sandbox.calls(since=call["seq"]) == []
    load(session, sandbox, "b")
    assert [each["seq"] for each in sandbox.calls(since=call["seq"])] == [call["seq"] + 1]
    assert sandbox.call_count("odoo") == 2
    assert len(sandbox.calls(limit=1)) == 1


def test_names_the_error_of_a_call_that_odoo_refused(sandbox: InProcessSandbox, session: requests.Session) -> None:
    """The status alone does not tell: Odoo answers errors with 200."""
    execute(session, sandbox.odoo_url, "create", {"phone": "1"})
    execute(session, sandbox.odoo_url, "load", FIELDS, [["a.b", ""]])
    assert [(call["status"], call["outcome"]) for call in sandbox.calls()] == [(200, "ValidationError"), (200, "load refused")]


def test_down_cuts_the_connection_and_does_nothing(sandbox: InProcessSandbox, session: requests.Session) -> None:
    """Until it is told otherwise."""
    sandbox.fault("down")
    for _ in range(3):
        with pytest.raises(requests.ConnectionError):
            load(session, sandbox, "a")
    sandbox.fault("none")
    assert load(session, sandbox, "b").json()["result"]["ids"]
    assert [lead["name"] for lead in sandbox.leads()] == ["b"]
    assert [(call["status"], call["outcome"], call["fault"]) for call in sandbox.calls()] == [
        *[(None, "down", "down")] * 3, (200, "ok", None),
    ]  # fmt: skip


def test_down_can_answer_with_a_status(sandbox: InProcessSandbox, session: requests.Session) -> None:
    """As a proxy before a dead Odoo does, with a page."""
    sandbox.fault("down", status=502, count=1)
    answer = load(session, sandbox, "a")
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    assert load(session, sandbox, "a").status_code == 200


def test_slow_answers_late_but_rightly(sandbox: InProcessSandbox, session: requests.Session) -> None:
    """A client that does not wait has its work done all the same; others are not held up."""
    sandbox.fault("slow", seconds=0.4, count=2)
    with pytest.raises(requests.Timeout):
        execute(session, sandbox.odoo_url, "create", {"name": "late"}, timeout=0.1)
    started = time.monotonic()
    assert load(session, sandbox, "a").json()["result"]["ids"]
    assert time.monotonic() - started >= 0.4
    assert {lead["name"] for lead in sandbox.leads()} == {"late", "a"}


def test_flaky_fails_a_share_of_calls_in_two_ways(sandbox: InProcessSandbox, session: requests.Session) -> None:
    """503 or a cut connection; what failed was not done, what succeeded was; the same again for the same seed."""

    def outcomes() -> list[str]:
        sandbox.reset()
        sandbox.fault("flaky", seed=7)
        seen: list[str] = []
        for place in range(30):
            try:
                seen.append(str(load(session, sandbox, str(place)).status_code))
            except requests.ConnectionError:
                seen.append("cut")
        return seen

    first = outcomes()
    assert set(first) == {"200", "503", "cut"}
    assert [lead["name"] for lead in sandbox.leads()] == [str(place) for place, each in enumerate(first) if each == "200"]
    assert outcomes() == first


def test_rate_limited_says_when_to_come_again(sandbox: InProcessSandbox, session: requests.Session) -> None:
    """429 with Retry-After in seconds."""
    sandbox.fault("rate_limited", seconds=3, count=1)
    answer = load(session, sandbox, "a")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    assert sandbox.leads() == []


def test_garbage_is_a_page_with_status_200(sandbox: InProcessSandbox, session: requests.Session) -> None:
    """Which is no JSON."""
    sandbox.fault("garbage", count=1)
    answer = load(session, sandbox, "a")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert sandbox.leads() == []


def test_accept_then_drop_does_the_work_and_says_nothing(sandbox: InProcessSandbox, session: requests.Session) -> None:
    """The client cannot know; the record is there once, and again once after it tries again."""
    sandbox.fault("accept_then_drop", count=1)
    with pytest.raises(requests.ConnectionError):
        load(session, sandbox, "a")
    assert [lead["name"] for lead in sandbox.leads()] == ["a"]
    assert sandbox.calls()[0]["outcome"] == "ok, answer dropped"
    assert load(session, sandbox, "a").json()["result"]["ids"] == [sandbox.leads()[0]["id"]]


def test_conflict_refuses_a_load(sandbox: InProcessSandbox, session: requests.Session) -> None:
    """With status 200 and `ids` false, as Odoo does when two load the same at once."""
    sandbox.fault("conflict", count=1, only="load")
    execute(session, sandbox.odoo_url, "search", [])
    answer = load(session, sandbox, "a").json()["result"]
    assert (answer["ids"], answer["messages"][0]["message"]) == (False, "could not serialize access due to concurrent update\n")
    assert sandbox.faults()["odoo"]["mode"] == "none"


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ({"mode": "broken"}, "mode"),
        ({"mode": "slow", "rate": 3}, "rate"),
        ({"mode": "slow", "often": 1}, "often"),
        ({}, "mode"),
    ],
)
def test_refuses_a_wrong_fault_with_a_reason(
    sandbox: InProcessSandbox, session: requests.Session, fault: dict[str, Any], field: str
) -> None:
    """422 that names the field; the fault set before stays."""
    sandbox.fault("slow", seconds=0)
    answer = session.put(f"{sandbox.url}/_sandbox/faults/odoo", json=fault, timeout=10)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert sandbox.faults()["odoo"]["mode"] == "slow"


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/_sandbox/calls?vendor=nobody", 404, "there is no vendor nobody; there is odoo"),
        ("GET", "/_sandbox/calls?since=x", 422, "since must be a whole number, at least 0; it is 'x'"),
        ("GET", "/_sandbox/calls?limit=-1", 422, "limit must be a whole number, at least 0; it is '-1'"),
        ("GET", "/_sandbox/calls/999999", 404, "call 999999 is not kept"),
        ("GET", "/_sandbox/odoo/sale.order", 404, "Odoo has no model sale.order; it has"),
        ("GET", "/_sandbox/odoo/crm.lead?nope=1", 422, "crm.lead has no field nope"),
        ("GET", "/_sandbox/odoo/crm.lead?limit=x", 422, "limit must be a whole number"),
        ("GET", "/_sandbox/nobody/things", 404, "there is no vendor nobody"),
        ("PUT", "/_sandbox/faults/nobody", 404, "there is no vendor nobody"),
    ],
)
def test_the_controls_say_what_is_wrong(
    sandbox: InProcessSandbox, session: requests.Session, method: str, path: str, status: int, message: str
) -> None:
    """In JSON, in words."""
    answer = session.request(method, sandbox.url + path, timeout=10)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(message)


def test_the_client_passes_on_why_it_was_refused(sandbox: InProcessSandbox) -> None:
    """So that a failing test says it."""
    with pytest.raises(SandboxError, match="must be one of none, down"):
        sandbox.fault("broken")


def test_a_reset_forgets_records_calls_and_faults(sandbox: InProcessSandbox, session: requests.Session) -> None:
    """A wrong option changes nothing."""
    load(session, sandbox, "a")
    sandbox.fault("slow")
    for options in (b'{"custom_fields": 1}', b'{"fields": false}', b"[]", b"{"):
        assert session.delete(f"{sandbox.url}/_sandbox", data=options, timeout=10).status_code == 422
    assert len(sandbox.leads()) == 1
    assert session.delete(f"{sandbox.url}/_sandbox", timeout=10).json() == {"status": "reset"}
    assert (sandbox.leads(), sandbox.calls(), sandbox.faults()["odoo"]["mode"]) == ([], [], "none")


def test_finds_leads_by_manychat_id(sandbox: InProcessSandbox, session: requests.Session) -> None:
    """With Odoo's names of the fields."""
    for number in ("1", "2"):
        execute(session, sandbox.odoo_url, "create", {"name": f"lead {number}", "x_manychat_id": number, "stage_id": 17})
    (lead,) = sandbox.leads(x_manychat_id="2")
    assert (lead["name"], lead["stage_id"]) == ("lead 2", [17, "Recién Suscrito Pendiente AC"])
    assert len(sandbox.leads(limit=1)) == 1
    assert sandbox.records("res.users", login="ana")[0]["name"] == "Ana Asesora"


def test_many_clients_at_once_load_the_same_lead_once(sandbox: InProcessSandbox) -> None:
    """Each call is one transaction."""

    def load_once(place: int) -> int:
        with requests.Session() as session:
            answer = execute(session, sandbox.odoo_url, "load", FIELDS, [["manychat.same", f"from {place}"]])
            return int(answer.json()["result"]["ids"][0])

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(load_once, range(40)))
    assert [lead["id"] for lead in sandbox.leads()] == list(ids)


def test_the_page_and_its_parts_are_there(sandbox: InProcessSandbox, session: requests.Session) -> None:
    """It asks nobody but the sandbox for anything."""
    page = session.get(sandbox.url + "/", timeout=10)
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
    for name in ("style.css", "page.js", "icon.svg"):
        assert f"/_sandbox_static/{name}" in page.text
        part = session.get(f"{sandbox.url}/_sandbox_static/{name}", timeout=10)
        assert part.status_code == 200
        assert "https://" not in part.text.replace("http://www.w3.org", "")


def test_the_overview_is_short_when_nothing_is_new(sandbox: InProcessSandbox, session: requests.Session) -> None:
    """Calls, records and faults are news; newest call first, without bodies."""

    def overview(state: str = "") -> dict[str, Any]:
        return dict(session.get(f"{sandbox.url}/_sandbox/overview", params={"state": state}, timeout=10).json())

    seen = overview()
    for change in (
        lambda: load(session, sandbox, "a"),
        lambda: execute(session, sandbox.odoo_url, "search", []),
        lambda: sandbox.fault("slow", seconds=0),
        sandbox.reset,
    ):
        assert overview(seen["state"]) == {"state": seen["state"], "unchanged": True}
        change()
        news = overview(seen["state"])
        assert news["state"] != seen["state"]
        seen = news
    load(session, sandbox, "b")
    load(session, sandbox, "c")
    news = overview()
    assert [call["seq"] for call in news["calls"]] == sorted((call["seq"] for call in sandbox.calls()), reverse=True)
    assert "body" not in news["calls"][0]
    odoo = news["vendors"][0]
    assert (odoo["calls"], odoo["failures"], odoo["counters"]["Leads"]) == (2, 0, 2)
    assert [card["title"] for card in odoo["board"][0]["cards"]] == ["c", "b"]
    assert odoo["connection"]["URL"] == "/odoo"


def test_latency_is_added_to_every_call(session: requests.Session) -> None:
    """But not to the controls."""
    with InProcessSandbox(latency_seconds=0.15) as slow:
        started = time.monotonic()
        assert load(session, slow, "a").status_code == 200
        assert time.monotonic() - started >= 0.15
        assert slow.calls()[0]["ms"] >= 150


def test_a_request_without_http_does_no_harm(sandbox: InProcessSandbox) -> None:
    """Nor does a client that goes away in the middle."""
    address = ("127.0.0.1", int(sandbox.url.rpartition(":")[2]))
    for data in (b"\x00\x01\x02\r\n\r\n", b"POST /jsonrpc HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"):
        with socket.create_connection(address, timeout=5) as connection:
            connection.sendall(data)
    assert sandbox.leads() == []
