"""The inbox page over the network: what every sender's recipients find there, and what they can do; webhooks as they arrive."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
from twilio.request_validator import RequestValidator

from sandbox import brevo, manychat, resend
from sandbox.kommo.seed import TOKEN as KOMMO_TOKEN
from sandbox.testing import ODOO_DATABASE, InProcessSandbox
from sandbox.twilio.resources import ACCOUNT, TOKEN
from shared.errors import PermanentError, RetryableError, UnavailableError
from shared.messages import voice
from shared.messages.providers.brevo import Brevo
from shared.messages.providers.mail import Email
from shared.messages.providers.manychat import ManyChat, text_content
from shared.messages.providers.resend import Resend
from shared.messages.providers.smtp import Server, Smtp
from shared.messages.providers.twilio_client import Twilio

ANA, PHONE = "ana@example.com", "+525512345678"
OURS = "+525500000002"


@dataclass
class App:
    """What the sandbox calls: keeps each request, and answers calls with a script."""

    url: str = ""
    got: list[tuple[str, str, dict[str, str], dict[str, str]]] = field(default_factory=list)

    def paths(self) -> list[str]:
        """Where the requests went."""
        return [path.partition("?")[0] for _, path, _, _ in self.got]


@pytest.fixture
def app() -> Iterator[App]:
    """An app that listens."""
    app = App()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            app.got.append((self.command, self.path, dict(parse_qsl(raw.decode(), keep_blank_values=True)), dict(self.headers)))
            reply_body = voice.twiml("Hola, Ana.").encode() if "voice" in self.path else b"<Response/>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(reply_body)))
            self.end_headers()
            self.wfile.write(reply_body)

        do_GET = do_POST  # noqa: N815  # the name is the library's

        def log_message(self, *_words: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    app.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield app
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def running() -> Iterator[InProcessSandbox]:
    """One sandbox for all these tests."""
    with InProcessSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: InProcessSandbox, app: App) -> InProcessSandbox:
    """Empty, and told where the app is."""
    running.reset()
    running.configure(app.url)
    return running


def email(number: int = 1, **more: Any) -> Email:
    """A mail with a way out."""
    given = {
        "key": f"k{number}",
        "to": ANA,
        "to_name": "Ana Pérez",
        "subject": f"Hola {number}",
        "text": "Hola.",
        "html": "<p onclick='x()'>Hola.<script>x()</script></p>",
        "headers": {
            "List-Unsubscribe": "<https://puente.example/api/unsubscribe?t=7>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    }
    return Email(**{**given, **more})


def twilio(sandbox: InProcessSandbox) -> Twilio:
    """Our client."""
    return Twilio(f"{sandbox.url}/twilio", ACCOUNT, TOKEN)


def smtp(sandbox: InProcessSandbox) -> Smtp:
    """Our client."""
    return Smtp(Server.from_url(sandbox.smtp_url), "Javier <javier@puente.example>")


def people(sandbox: InProcessSandbox) -> dict[str, dict[str, Any]]:
    """What the page is told, by person."""
    return {person["id"]: person for person in requests.get(f"{sandbox.url}/_sandbox/inbox", timeout=10).json()["people"]}


def wait_until(condition: Callable[[], Any]) -> None:
    """Wait for what must become true."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_every_sender_is_seen_by_its_recipient(sandbox: InProcessSandbox, app: App) -> None:
    """Through our clients, unchanged and over real connections: three ways of mail, WhatsApp, SMS, chat and a call."""
    Brevo(f"{sandbox.url}/brevo/v3", brevo.API_KEY, "javier@puente.example", "Javier").send(email(1))
    Resend(f"{sandbox.url}/resend", resend.API_KEY, "Javier <javier@puente.example>").send(email(2))
    smtp(sandbox).send(email(3))
    client = twilio(sandbox)
    for channel in ("sms", "whatsapp"):
        client.create_message(channel=channel, to=PHONE, sender=OURS, content_sid="HX" + "0" * 32)  # type: ignore[arg-type]  # one of the two
    client.create_call(to=PHONE, caller_id=OURS, url=f"{app.url}/api/twilio/voice?d=1")
    ManyChat(f"{sandbox.url}/manychat", manychat.API_KEY).send_content("77", text_content(["Hola, Sol"]))
    wait_until(lambda: people(sandbox)[PHONE]["items"][-1]["status"] == "completed")
    found = people(sandbox)
    assert [(item["vendor"], item["title"]) for item in found[ANA]["items"]] == [
        ("brevo", "Hola 1"),
        ("resend", "Hola 2"),
        ("smtp", "Hola 3"),
    ]
    assert [item["kind"] for item in found[PHONE]["items"]] == ["sms", "whatsapp", "call"]
    assert found[PHONE]["items"][-1]["text"] == "Hola, Ana."
    assert found["ManyChat 77"]["items"][0]["text"] == "Hola, Sol"
    assert found[ANA]["name"] == "Ana Pérez"


def test_a_person_is_known_by_all_their_addresses(sandbox: InProcessSandbox) -> None:
    """Odoo's lead has number and mail address, so that both stand in one inbox."""
    lead = {"name": "Ana", "contact_name": "Ana Pérez", "phone": PHONE, "email_from": "Ana@Example.com"}
    args = [ODOO_DATABASE, 2, "admin", "crm.lead", "create", [lead]]
    params = {"service": "object", "method": "execute_kw", "args": args}
    requests.post(f"{sandbox.odoo_url}/jsonrpc", json={"id": 1, "params": params}, timeout=10)
    smtp(sandbox).send(email())
    twilio(sandbox).create_message(channel="sms", to=PHONE, sender=OURS, body="Hola")
    (person,) = people(sandbox).values()
    assert sorted(person["addresses"]) == [PHONE, ANA]
    assert person["name"] == "Ana Pérez"


def test_a_contact_of_kommos_is_one_person_too(sandbox: InProcessSandbox) -> None:
    """By the fields for phone and e-mail, which Kommo itself has."""
    fields = [{"field_code": "PHONE", "values": [{"value": PHONE}]}, {"field_code": "EMAIL", "values": [{"value": ANA}]}]
    headers = {"Authorization": f"Bearer {KOMMO_TOKEN}"}
    contact = [{"name": "Ana Pérez", "custom_fields_values": fields}]
    assert requests.post(f"{sandbox.url}/kommo/api/v4/contacts", json=contact, headers=headers, timeout=10).ok
    smtp(sandbox).send(email(to_name=""))
    sandbox.act("twilio", "reply", **{"from": PHONE, "text": "Hola"})
    (person,) = people(sandbox).values()
    assert (person["name"], sorted(person["addresses"])) == ("Ana Pérez", [PHONE, ANA])


def test_nothing_runs_in_the_frame_of_a_mail(sandbox: InProcessSandbox) -> None:
    """Its own policy sees to that, and lets nothing be loaded from elsewhere."""
    smtp(sandbox).send(email())
    (item,) = people(sandbox)[ANA]["items"]
    assert item["html"] is True
    answer = requests.get(f"{sandbox.url}/_sandbox/inbox/smtp/{item['id']}", timeout=10)
    policy = answer.headers["Content-Security-Policy"]
    assert "<p onclick" in answer.text
    assert "default-src 'none'" in policy
    assert "sandbox allow-same-origin allow-popups" in policy
    assert "allow-scripts" not in policy
    assert "script-src" not in policy
    assert requests.get(f"{sandbox.url}/_sandbox/inbox/smtp/none", timeout=10).status_code == 404


def test_the_page_loads_nothing_from_elsewhere(sandbox: InProcessSandbox) -> None:
    """Its parts are the sandbox's own, and all there."""
    page = requests.get(f"{sandbox.url}/inbox", timeout=10)
    assert page.headers["Content-Security-Policy"] == "default-src 'self'; frame-ancestors 'none'; frame-src 'self'"
    assert "http" not in page.text
    for part in ("inbox.js", "inbox.css", "style.css", "icon.svg"):
        assert f"/_sandbox_static/{part}" in page.text
        assert requests.get(f"{sandbox.url}/_sandbox_static/{part}", timeout=10).status_code == 200


def test_one_click_reaches_the_app_as_a_mail_program_sends_it(sandbox: InProcessSandbox, app: App) -> None:
    """On the app's address, whatever public one the mail names; the answer is seen with the mail."""
    smtp(sandbox).send(email())
    (item,) = people(sandbox)[ANA]["items"]
    assert [deed["label"] for deed in item["deeds"]] == ["Unsubscribe (one click)"]
    sandbox.act("smtp", "unsubscribe", id=item["id"])
    assert [(path, form) for _, path, form, _ in app.got] == [("/api/unsubscribe?t=7", {"List-Unsubscribe": "One-Click"})]
    assert "Authorization" not in app.got[0][3]
    assert people(sandbox)[ANA]["items"][0]["facts"]["Answer to one click"] == "200"


def test_a_reply_arrives_signed(sandbox: InProcessSandbox, app: App) -> None:
    """And stands in the conversation on their side."""
    sandbox.act("twilio", "reply", **{"from": PHONE, "text": "BAJA"})
    ((_, path, form, headers),) = app.got
    assert (path, form["Body"]) == ("/api/twilio/message", "BAJA")
    assert RequestValidator(TOKEN).validate(app.url + path, form, headers["X-Twilio-Signature"])
    (item,) = people(sandbox)[PHONE]["items"]
    assert (item["incoming"], item["text"]) == (True, "BAJA")


def test_what_the_app_did_not_take_is_said_and_sent_again(sandbox: InProcessSandbox, app: App) -> None:
    """It stands there until the app has it."""

    def undelivered() -> list[dict[str, Any]]:
        return list(requests.get(f"{sandbox.url}/_sandbox/inbox", timeout=10).json()["undelivered"])

    sandbox.configure("http://127.0.0.1:9")
    Brevo(f"{sandbox.url}/brevo/v3", brevo.API_KEY, "javier@puente.example", "Javier").send(email())
    wait_until(lambda: len(undelivered()) == 2)
    assert [each["what"] for each in undelivered()] == ["mail request", "mail delivered"]
    sandbox.configure(app.url)
    for each in undelivered():
        assert sandbox.send_again(each["id"])["state"] == "delivered"
    assert undelivered() == []
    assert app.paths() == ["/api/brevo/events"] * 2


def test_statuses_arrive_in_order_reversed_and_twice(sandbox: InProcessSandbox, app: App) -> None:
    """As the manner says; each of them signed for the address that we gave, query included."""
    back = f"{app.url}/api/twilio/status?d=5"
    seen = []
    for manner in ({}, {"order": "reversed"}, {"copies": 2}):
        sandbox.webhook_manner(**manner)
        app.got.clear()
        twilio(sandbox).create_message(channel="sms", to=PHONE, sender=OURS, body="Hola", status_callback=back)
        wait_until(lambda: not sandbox.webhooks(state="waiting"))
        seen.append([form["MessageStatus"] for _, _, form, _ in app.got])
        assert all(
            RequestValidator(TOKEN).validate(back, form, headers["X-Twilio-Signature"]) for _, _, form, headers in app.got
        )
    assert seen == [["sent", "delivered"], ["delivered", "sent"], ["sent", "sent", "delivered", "delivered"]]


def test_held_statuses_wait_and_the_script_of_a_call_does_not(sandbox: InProcessSandbox, app: App) -> None:
    """What is asked of the app is asked at once; the words of how it went come when they are released."""
    sandbox.webhook_manner(hold=True, order="reversed")
    call = f"{app.url}/api/twilio"
    twilio(sandbox).create_call(to=PHONE, caller_id=OURS, url=f"{call}/voice?d=1", status_callback=f"{call}/status?d=1")
    wait_until(lambda: len(sandbox.webhooks(state="held")) == 2)
    assert app.paths() == ["/api/twilio/voice"]
    assert [each["what"] for each in sandbox.release_webhooks()] == ["call completed", "call in-progress"]
    assert [form["CallStatus"] for _, _, form, _ in app.got[1:]] == ["completed", "in-progress"]


def test_a_mail_server_refuses_as_chosen(sandbox: InProcessSandbox) -> None:
    """For good, for now, and the wrong password; a fault cuts the connection, as it does for every vendor."""
    client = smtp(sandbox)
    sandbox.act("smtp", "outcome", to=ANA, outcome="hard_bounce", once=True)
    with pytest.raises(PermanentError):
        client.send(email())
    sandbox.act("smtp", "outcome", to=ANA, outcome="soft_bounce", once=True)
    with pytest.raises(RetryableError):
        client.send(email())
    with pytest.raises(UnavailableError, match="535"):  # our account is refused: a person has to mend that
        Smtp(Server.from_url(sandbox.smtp_url.replace("password@", "wrong@")), "j@puente.example").send(email())
    sandbox.fault("flaky", vendor="smtp", rate=1, count=1, seed=2)
    with pytest.raises(Exception, match="SMTP"):
        client.send(email())
    assert client.send(email())
    assert len(people(sandbox)[ANA]["items"]) == 1
    assert sandbox.call_count("smtp") == 4


def test_the_overview_is_short_when_nothing_is_new(sandbox: InProcessSandbox) -> None:
    """So that the page may ask once a second."""
    state = requests.get(f"{sandbox.url}/_sandbox/inbox", timeout=10).json()["state"]
    again = requests.get(f"{sandbox.url}/_sandbox/inbox", params={"state": state}, timeout=10).json()
    assert again == {"state": state, "unchanged": True}
    smtp(sandbox).send(email())
    assert "people" in requests.get(f"{sandbox.url}/_sandbox/inbox", params={"state": state}, timeout=10).json()
