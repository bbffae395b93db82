"""Our clients against the sandbox over the network, as their settings make them; its webhooks as our verifiers take them."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import requests

from functions.leads.kommo import Kommo, KommoLead, Person
from sandbox.kommo import seed as kommo_seed
from sandbox.testing import InProcessSandbox, SandboxError
from shared.errors import PermanentError, RefusedError, ThrottledError, UnavailableError, UncertainError
from shared.intake import signatures
from shared.settings import Settings, get_settings, settings_class
from shared.vendors import notion_values as nv
from shared.vendors.discord import Discord, Embed
from shared.vendors.notion import Notion

ANA = {"name": "Ana López", "email": "ana@example.com"}
PERSON = Person(name="Ana López", email="ana@example.com", phone="+5215512345678")


@pytest.fixture(scope="module")
def running() -> Iterator[InProcessSandbox]:
    """One sandbox for all these tests."""
    with InProcessSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: InProcessSandbox) -> InProcessSandbox:
    """Reset before each test, without limits."""
    running.reset()
    for vendor in ("kommo", "notion", "discord"):
        running.act(vendor, "limit", per_second=0)
    return running


@pytest.fixture
def settings(sandbox: InProcessSandbox, environment: pytest.MonkeyPatch) -> Settings:
    """The app's settings for it."""
    for name, value in sandbox.settings().items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    return get_settings()


class App(BaseHTTPRequestHandler):
    """An app that checks the signature of whatever comes, answers 500 while it is told to, and keeps what it took."""

    settings: Settings
    url: str
    failing: bool
    taken: list[dict[str, Any]]
    refused: list[str]

    def do_POST(self) -> None:
        """One webhook."""
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            if self.path == "/api/calcom":
                signatures.calcom(self.headers, raw, self.settings.calcom_webhook_secret)  # type: ignore[arg-type]
            else:
                signatures.calendly(self.headers, raw, self.settings.calendly_signing_keys)  # type: ignore[arg-type]
        except RefusedError as error:
            self.refused.append(error.reason)
            self.send_error(401)
            return
        if self.failing:
            self.send_error(500)
            return
        self.taken.append(json.loads(raw))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def app(sandbox: InProcessSandbox, settings: Settings) -> Iterator[type[App]]:
    """The app, which the sandbox knows."""
    made = type("ThisApp", (App,), {"settings": settings, "failing": False, "taken": [], "refused": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), made) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        made.url = f"http://127.0.0.1:{server.server_port}"
        sandbox.configure(made.url)
        yield made
        server.shutdown()


def test_every_setting_that_it_names_is_one_of_ours(sandbox: InProcessSandbox, settings: Settings) -> None:
    """And is read as it was meant."""
    names = {name.lower() for name in sandbox.settings()}
    assert names <= set(settings_class().model_fields)
    assert settings.kommo_status_id_agendado == kommo_seed.AGENDADO
    assert settings.notion_base_url == f"{sandbox.url}/notion"
    assert settings.booking_url == f"{sandbox.url}/calcom/book"
    assert [secret.get_secret_value() for secret in settings.calendly_signing_keys] == ["sandbox-calendly-key"]


def test_kommo(sandbox: InProcessSandbox, settings: Settings) -> None:
    """A lead is made once although the answer to its making was lost: it is looked for before another is made."""
    kommo = Kommo.from_settings(settings)
    lead = KommoLead(
        name="Consultoría - Ana", pipeline_id=settings.kommo_pipeline_id, status_id=settings.kommo_status_id_inicial
    )
    sandbox.fault("accept_then_drop", vendor="kommo", count=1, only="leads/complex")
    with pytest.raises(UncertainError):
        kommo.create_complex(lead, person=PERSON)
    contact = kommo.find_contact(email=PERSON.email)
    assert contact
    number = kommo.find_lead(contact, name=lead.name)
    assert number
    kommo.update_lead_status(number, kommo_seed.AGENDADO)
    assert kommo.find_note(number, "Reservó") is None
    (note,) = kommo.add_notes(number, ["Reservó"])
    assert kommo.find_note(number, "Reservó") == note
    (row,) = sandbox.records("leads", vendor="kommo")
    assert (row["id"], row["status_id"]) == (number, kommo_seed.AGENDADO)
    for mode in ("barred", "unpaid"):
        sandbox.fault(mode, vendor="kommo", count=1)
        with pytest.raises(UnavailableError):
            kommo.find_contact(email=PERSON.email)


def test_notion(sandbox: InProcessSandbox, settings: Settings) -> None:
    """A row is written, found again after a lost answer, changed; limits say when to come again."""
    notion, database = Notion.from_settings(settings), settings.notion_email_sequence_db_id
    mine = {"property": "Email", "email": {"equals": "ana@example.com"}}
    sandbox.fault("accept_then_drop", vendor="notion", count=1, only="POST pages")
    with pytest.raises(UncertainError):
        notion.create_page(database, {"Email": nv.email("ana@example.com"), "Sequence Type": nv.select("5day")})
    (page,) = notion.query(database, mine)
    notion.update_page(page["id"], {"Email 2 Status": nv.select("sent")})
    (row,) = sandbox.records("tracker", vendor="notion")
    assert (row["Sequence Type"], row["Email 2 Status"]) == ("5day", "sent")
    sandbox.fault("overloaded", vendor="notion", count=1)
    with pytest.raises(ThrottledError) as later:
        notion.query(database, mine)
    assert later.value.after_seconds == 2
    sandbox.act("notion", "limit", per_second=0.5)
    assert len(notion.query(database, mine)) == 1
    with pytest.raises(ThrottledError):
        notion.query(database, mine)


def test_discord(sandbox: InProcessSandbox, settings: Settings) -> None:
    """Its address is a secret and is shown nowhere."""
    discord = Discord.from_settings(settings)
    assert discord.post("Hola", Embed(title="Lead crítico"))
    (message,) = sandbox.records("messages", vendor="discord")
    assert (message["content"], message["embeds"][0]["title"]) == ("Hola", "Lead crítico")
    assert "sandbox-discord-token" not in json.dumps(sandbox.calls("discord"))
    sandbox.act("discord", "delete")
    with pytest.raises(PermanentError) as gone:
        discord.post("Hola")
    assert gone.value.reason == "discord-gone"


def test_webhooks_of_the_calendars_are_taken(sandbox: InProcessSandbox, app: type[App]) -> None:
    """Each is delivered when the action answers, in the order in which things happened."""
    made = sandbox.act("calcom", "book", **ANA, lead_id=7)
    assert [(webhook["what"], webhook["state"], webhook["status"]) for webhook in made["webhooks"]] == [
        ("BOOKING_CREATED", "delivered", 200)
    ]
    uid = made["result"]["uid"]
    moved = sandbox.act("calcom", "reschedule", id=uid)["result"]["uid"]
    sandbox.act("calcom", "end_meeting", id=moved)
    invitee = sandbox.act("calendly", "book", **ANA)["result"]["uid"]
    sandbox.act("calendly", "reschedule", id=invitee)
    assert [body.get("triggerEvent") or body["event"] for body in app.taken] == [
        "BOOKING_CREATED", "BOOKING_RESCHEDULED", "MEETING_ENDED", "invitee.created", "invitee.canceled", "invitee.created",
    ]  # fmt: skip
    assert (app.taken[0]["payload"]["metadata"]["lead_id"], app.taken[2]["uid"]) == ("7", moved)
    assert app.refused == []


def test_what_was_not_delivered_can_be_sent_again(sandbox: InProcessSandbox, app: type[App]) -> None:
    """An error, and nobody there; the board shows it until it has arrived."""
    app.failing = True
    (webhook,) = sandbox.act("calendly", "book", **ANA)["webhooks"]
    assert (webhook["state"], webhook["status"]) == ("failed", 500)
    columns = board(sandbox, "calendly")
    assert (columns["Webhooks not delivered"]["total"], columns["Webhooks delivered"]["total"]) == (1, 0)
    app.failing = False
    again = sandbox.send_again(webhook["id"])
    assert (again["state"], again["tries"], len(app.taken)) == ("delivered", 2, 1)
    assert board(sandbox, "calendly")["Webhooks delivered"]["total"] == 1
    sandbox.configure("http://127.0.0.1:9")
    (lost,) = sandbox.act("calcom", "book", **ANA)["webhooks"]
    assert (lost["state"], lost["status"]) == ("failed", None)
    assert [each["id"] for each in sandbox.webhooks(state="failed")] == [lost["id"]]


def test_one_that_another_secret_signed_is_refused(sandbox: InProcessSandbox, app: type[App]) -> None:
    """By our verifiers; the sandbox keeps what they answered."""
    sandbox.configure(app.url, calcom="another", calendly="another")
    for vendor in ("calcom", "calendly"):
        (webhook,) = sandbox.act(vendor, "book", **ANA)["webhooks"]
        assert (webhook["state"], webhook["status"]) == ("failed", 401)
    sandbox.configure(app.url, calcom="")
    sandbox.act("calcom", "book", **ANA)
    assert app.refused == ["bad-signature"] * 3


def test_a_person_books_on_the_page(sandbox: InProcessSandbox, app: type[App]) -> None:
    """The webhook is on its way when the browser has its answer."""
    base = f"{sandbox.url}/calcom/book?metadata[lead_id]=9"
    with requests.Session() as browser:
        page = browser.get(base, timeout=10)
        start = page.text.partition('name="start" value="')[2].partition('"')[0]
        form = {**ANA, "start": start, "metadata[lead_id]": "9"}
        done = browser.post(base, data=form, timeout=10)
    assert (done.status_code, "Tu llamada está reservada" in done.text) == (200, True)
    assert "style-src 'self'" in done.headers["Content-Security-Policy"]
    (booking,) = sandbox.records("bookings", vendor="calcom")
    (webhook,) = sandbox.webhooks("calcom")
    assert webhook["about"] == booking["uid"]
    sandbox.send_again(webhook["id"])
    assert {body["payload"]["metadata"]["lead_id"] for body in app.taken} == {"9"}


@pytest.mark.parametrize(
    ("vendor", "action", "given", "message"),
    [
        ("nobody", "book", {}, "404 .*there is no vendor nobody"),
        ("calcom", "dance", {}, "404 .*Cal.com has no action dance; it has book, confirm"),
        ("calcom", "cancel", {"id": "x"}, "404 .*has none of bookings with the id 'x'"),
        ("calcom", "book", {"name": "Ana"}, "422 .*a name and an e-mail address are needed"),
        ("calcom", "book", {**ANA, "minutes": [1]}, "422 .*int"),
        ("odoo", "dance", {}, "404 .*it has none"),
    ],
)
def test_an_action_that_cannot_be_done_says_why(
    sandbox: InProcessSandbox, vendor: str, action: str, given: dict[str, Any], message: str
) -> None:
    """In words, and nothing is done."""
    with pytest.raises(SandboxError, match=message):
        sandbox.act(vendor, action, **given)
    assert sandbox.webhooks() == []


def test_wrong_words_to_the_controls_of_webhooks_are_refused(sandbox: InProcessSandbox) -> None:
    """With the status that says so."""
    with requests.Session() as session:
        answers = [
            session.put(f"{sandbox.url}/_sandbox/config", json={"app_url": "nowhere"}, timeout=10),
            session.put(f"{sandbox.url}/_sandbox/config", json=[], timeout=10),
            session.post(f"{sandbox.url}/_sandbox/calcom/book", data=b"{", timeout=10),
            session.get(f"{sandbox.url}/_sandbox/webhooks?since=x", timeout=10),
            session.post(f"{sandbox.url}/_sandbox/webhooks/999999/again", timeout=10),
        ]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 404]
    assert all(answer.json()["error"] for answer in answers)


def board(sandbox: InProcessSandbox, vendor: str) -> dict[str, dict[str, Any]]:
    """The columns of its board, by title."""
    overview = requests.get(f"{sandbox.url}/_sandbox/overview", timeout=10).json()
    shown = next(each for each in overview["vendors"] if each["name"] == vendor)
    return {column["title"]: column for column in shown["board"]}
