"""Consents over the API: recorded with proof, listed page by page, worked out for a person; and the export of a person."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions.leads.tables import Lead
from shared.messages import consent
from shared.messages.digests import digest_of_address
from shared.people.kinds import Identity
from shared.privacy.__main__ import main
from shared.store.models import ActionLog, Contact
from shared.store.session import reading, transact
from tests.unit.people.test_observing import saw
from tests.unit.web.calls import Api

PATH = "/api/v1/consents"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANA, MAIL = Identity("manychat", "7"), Identity("email", "ana@example.com")
YES: dict[str, Any] = {"kind": "email", "value": " ANA@example.com", "channels": ["email"]}
YES |= {"purpose": "marketing", "word": "granted"}
PROOF = {"text": "I want your news.", "evidence": {"recording": "https://calls.example/1"}}


def stop() -> None:
    """She has unsubscribed."""
    transact(lambda session: consent.suppress(session, ["email"], [digest_of_address(MAIL.value)], "unsubscribed", NOW))


def test_a_consent_is_recorded_once_and_listed(api: Api) -> None:
    """With its proof, under the one spelling of the address, in the action log without it."""
    for new in (2, 0):
        body = {"items": [YES | PROOF | {"said_at": "2026-03-02T09:00:00Z", "channels": ["email", "sms"]}]}
        answer = api("POST", PATH, body=body)
        assert (answer.status, answer.json) == (201, {"recorded": new})
    first = api.get(PATH, kind="email", value="ana@example.com", limit=1).json
    rest = api.get(PATH, kind="email", value="ana@example.com", limit=1, after=first["next"]).json
    assert {one["channel"] for one in (*first["items"], *rest["items"])} == {"email", "sms"}
    assert first["items"][0]["evidence"] == PROOF["evidence"]
    assert api.get(PATH, channel="sms", purpose="marketing", word="withdrawn").json["items"] == []
    with reading() as session:
        assert "ana@" not in str([(row.subject, row.detail) for row in session.query(ActionLog)])


@pytest.mark.parametrize(
    "wrong",
    [
        {},  # no proof
        {"text": "x"},  # no evidence
        PROOF | {"kind": "nobody"},
        PROOF | {"value": "no address"},
        PROOF | {"purpose": "Marketing mails"},
        PROOF | {"channels": []},
    ],
)
def test_what_is_no_consent_is_refused(api: Api, wrong: dict[str, Any]) -> None:
    """And nothing of it is kept."""
    assert api("POST", PATH, body={"items": [YES | PROOF, YES | wrong]}).status == 422
    assert api.get(PATH).json["items"] == []


def test_what_counts_for_a_person(api: Api) -> None:
    """The newest word with proof; an import never beats it; the stop at her address is named beside it."""
    number = saw(ANA, MAIL)
    stop()
    api("POST", PATH, body={"items": [YES | PROOF | {"said_at": "2026-03-01T09:00:00Z"}]})
    api("POST", PATH, body={"items": [YES | {"word": "withdrawn", "said_at": "2026-03-02T09:00:00Z"}]})
    api("POST", PATH, body={"items": [YES | {"source": "import", "said_at": "2026-03-03T09:00:00Z"}]})
    found = api.get(f"/api/v1/people/{number}/consents").json
    assert [(one["channel"], one["purpose"], one["word"]) for one in found["current"]] == [("email", "marketing", "withdrawn")]
    assert [one["source"] for one in found["history"]] == ["api", "api", "import"]
    assert [(one["kind"], one["channel"], one["cause"]) for one in found["stops"]] == [("email", "email", "unsubscribed")]
    assert api.get("/api/v1/people/99/consents").status == 404


def test_the_preview_of_a_join_names_the_stops(api: Api) -> None:
    """A join lifts none and moves none; whoever decides sees them."""
    first, second = saw(ANA, MAIL), saw(Identity("lead", "17"))
    stop()
    answer = api("POST", "/api/v1/people/join", body={"people": [first, second], "preview": True}).json
    assert [(one["value"], one["cause"]) for one in answer["stops"]] == [("ana@example.com", "unsubscribed")]
    assert api.get("/api/v1/people", kind="lead", value="17").json["items"][0]["id"] == second


class TestExport:
    """Everything that is held about a person."""

    @pytest.fixture
    def ana(self, api: Api) -> int:
        """A contact and a lead who are one, a consent, a stop; and somebody else."""
        facts = {"name": "Ana", "phone_original": "x", "company": "x", "service": "x", "source": "x"}

        def store(session: Any) -> None:
            session.add_all([Contact(manychat_id="7", first_name="Ana"), Contact(manychat_id="8", first_name="Bea")])
            session.add(Lead(id=17, email="a@example.com", received_at=NOW, said_at=NOW, **facts))

        transact(store)
        stop()
        number = saw(ANA, MAIL, Identity("lead", "17"))
        saw(Identity("manychat", "8"))
        api("POST", PATH, body={"items": [YES | PROOF]})
        return number or 0

    def test_it_is_what_an_erasure_would_find(self, api: Api, ana: int) -> None:
        """By table, with the stops that are kept as digests; nothing of anybody else."""
        answer = api.get(f"/api/v1/people/{ana}/export")
        held = answer.json["held"]
        assert [row["manychat_id"] for row in held["contacts"]] == ["7"]
        assert [row["id"] for row in held["leads"]] == [17]
        assert [row["text"] for row in held["consents"]] == [PROOF["text"]]
        assert [(row["value"], row["cause"]) for row in held["stops"]] == [("ana@example.com", "unsubscribed")]
        assert "Bea" not in answer.body.decode()
        assert api.get("/api/v1/people/99/export").status == 404

    def test_the_command_prints_the_same(self, api: Api, ana: int) -> None:
        """Without changing anything."""
        lines: list[str] = []
        assert main(["--manychat-id", "7", "--export"], lines.append) == 0
        held = api.get(f"/api/v1/people/{ana}/export").json["held"]
        assert all(f'"{table}"' in lines[0] for table in held)
