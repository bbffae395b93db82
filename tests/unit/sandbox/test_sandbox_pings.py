"""Is it there? Each client's short question, answered by the sandbox's vendor; and what each says when something is wrong."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import requests

from functions.leads.kommo import Kommo
from sandbox import brevo, discord, kommo, manychat, notion, resend, smtp, twilio
from sandbox.kommo import seed as kommo_seed
from sandbox.notion import seed as notion_seed
from sandbox.twilio.resources import ACCOUNT, TOKEN
from sandbox.vendor import Answer, Call
from shared.errors import PermanentError, UnavailableError
from shared.messages.providers.brevo import Brevo
from shared.messages.providers.mail import Email
from shared.messages.providers.manychat import ManyChat
from shared.messages.providers.resend import Resend
from shared.messages.providers.smtp import Server, Smtp
from shared.messages.providers.twilio_client import Twilio
from shared.settings import load
from shared.vendors.discord import Discord
from shared.vendors.notion import NOTION, Notion
from tests.support.sandbox import SandboxAdapter, wired
from tests.unit.vendors.network import Answer as NetworkAnswer
from tests.unit.vendors.network import FakeNetwork

HOST = "http://127.0.0.1:7072"
type Make = Callable[[Any, str], Any]

# the sandbox's vendor, our client with a key, the good key, what it says
VENDORS: list[tuple[Any, Make, str, str]] = [
    (kommo.Kommo, lambda net, key: Kommo(f"{HOST}/kommo", key, net), kommo_seed.TOKEN, "sandbox"),
    (notion.Notion, lambda net, key: Notion(f"{HOST}/notion", key, net), notion_seed.TOKEN, "Sandbox"),
    (brevo.Brevo, lambda net, key: Brevo(f"{HOST}/brevo/v3", key, "", "", net), brevo.API_KEY, "free"),
    (
        resend.Resend,
        lambda net, key: Resend(f"{HOST}/resend", key, "", net),
        resend.API_KEY,
        "1 of 1 domains verified",
    ),
    (twilio.Twilio, lambda net, key: Twilio(f"{HOST}/twilio", ACCOUNT, key, net), TOKEN, "active"),
    (
        discord.Discord,
        lambda net, key: Discord(f"{HOST}/discord/api/webhooks/{discord.WEBHOOK_ID}/{key}", net),
        discord.TOKEN,
        "Puente",
    ),
    (
        manychat.ManyChat,
        lambda net, key: ManyChat(f"{HOST}/manychat", key, net),
        manychat.API_KEY,
        "Sandbox",
    ),
]
each_vendor = pytest.mark.parametrize(("vendor", "make", "key", "says"), VENDORS, ids=lambda one: getattr(one, "name", ""))


@each_vendor
def test_says_that_it_is_there(vendor: Any, make: Make, key: str, says: str) -> None:
    """By one request, which changes nothing."""
    _, adapter, _ = wired(vendor())
    assert make(adapter, key).ping() == says
    assert [call.method for call in adapter.calls] == ["GET"]


@each_vendor
def test_says_that_the_key_is_none(vendor: Any, make: Make, key: str, says: str) -> None:
    """That is a matter of all calls, as an outage is; the key is not in what is said."""
    _, adapter, _ = wired(vendor())
    with pytest.raises(UnavailableError, match=r"40[13]") as refusal:
        make(adapter, "wr0ng").ping()
    assert refusal.value.account
    assert "wr0ng" not in str(refusal.value)


class Failing(SandboxAdapter):
    """A vendor under a fault of its own."""

    def __init__(self, vendor: Any, mode: str) -> None:
        super().__init__(vendor)
        vendor.answer = lambda call: self._fail(call, mode)

    def _fail(self, call: Call, mode: str) -> Answer:
        answer: Answer = self.vendor.fail(mode, call)
        return answer


def test_resend_key_that_may_only_send_is_good() -> None:
    """Resend refuses the question in words that it has for keys that it knows."""
    assert Resend(f"{HOST}/resend", "re_key", "", Failing(resend.Resend(), "sending_only")).ping() == "a key for sending only"


def test_kommo_account_that_is_not_paid() -> None:
    """It answers, and nothing would be done."""
    with pytest.raises(UnavailableError, match="402"):
        Kommo(f"{HOST}/kommo", "k", Failing(kommo.Kommo(), "unpaid")).ping()


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_twilio_account_that_sends_nothing(status: str) -> None:
    """It answers, and nothing would be sent."""
    network = FakeNetwork(NetworkAnswer(200, {"sid": ACCOUNT, "status": status}))
    with pytest.raises(UnavailableError, match=status):
        Twilio("https://api.twilio.invalid", ACCOUNT, "t", network).ping()
    assert network.requests[0].url == f"https://api.twilio.invalid/2010-04-01/Accounts/{ACCOUNT}.json"


def test_discord_webhook_that_was_deleted() -> None:
    """As when something is posted."""
    vendor, adapter, _ = wired(discord.Discord())
    vendor.act("delete", {})
    with pytest.raises(PermanentError) as gone:
        Discord(HOST + "/discord" + discord.PATH, adapter).ping()
    assert gone.value.reason == "discord-gone"


def ask_mail_server(password: str) -> str:
    """What our client says of the sandbox's mail server, which gets no mail by it."""
    vendor, _, _ = wired(smtp.MailServer())

    async def serve(call: Call) -> Answer:
        return vendor.answer(call)

    def ask(port: int) -> str:
        return Smtp(Server("127.0.0.1", port, tls_from_start=False, user=smtp.USER, password=password), "a@x.example").ping()

    async def exchange() -> str:
        async with smtp.mail_server(0, serve) as port:
            return await asyncio.to_thread(ask, port)

    try:
        return asyncio.run(exchange())
    finally:
        assert vendor.shelf.rows("emails") == []


def test_mail_server_lets_us_in() -> None:
    """A whole greeting with the log-in, as before a mail, and no mail."""
    assert ask_mail_server(smtp.PASSWORD) == "127.0.0.1"


def test_mail_server_does_not_know_us() -> None:
    """The password is wrong, and is not in what is said."""
    with pytest.raises(UnavailableError) as refusal:
        ask_mail_server("wr0ng")
    assert refusal.value.account
    assert "wr0ng" not in str(refusal.value)


def test_patience_is_that_of_the_caller(environment: pytest.MonkeyPatch) -> None:
    """A connection for less patience is another one, and waits as short to be made as for the answer."""
    environment.setenv("NOTION_TOKEN", "s3cret")
    patient, impatient = NOTION.connected(load()), NOTION.connected(load(), 3.0)
    assert patient is not impatient
    assert NOTION.connected(load(), 3.0) is impatient
    assert (patient._timeout, impatient._timeout) == ((5.0, 20.0), (3.0, 3.0))


class Moved(SandboxAdapter):
    """A vendor that has moved, or a gateway before it: 301 without a body."""

    def send(self, request: requests.PreparedRequest, **_more: object) -> requests.Response:
        response = requests.Response()
        response.status_code, response._content = 301, b""
        response.headers["Location"] = "https://elsewhere.example/"
        response.request, response.url = request, str(request.url)
        return response


@each_vendor
def test_redirect_is_no_success(vendor: Any, make: Make, key: str, says: str) -> None:
    """Nothing was done where it came from."""
    with pytest.raises(PermanentError, match=r"301.*elsewhere\.example"):
        make(Moved(vendor()), key).ping()


SENDINGS: list[tuple[Any, str, Callable[[Any], object]]] = [
    (brevo.Brevo, "brevo", lambda client: client.send(MAIL)),
    (resend.Resend, "resend", lambda client: client.send(MAIL)),
    (twilio.Twilio, "twilio", lambda client: client.create_message(channel="sms", to="+525512345678", sender="+1", body="x")),
    (discord.Discord, "discord", lambda client: client.post("x")),
    (kommo.Kommo, "kommo", lambda client: client.update_lead_status(1, 2)),
    (kommo.Kommo, "kommo", lambda client: client.find_contact(email="ana@example.com")),
    (notion.Notion, "notion", lambda client: client.update_page("p", {})),
    (manychat.ManyChat, "manychat", lambda client: client.send_flow("1", "f")),
]
MAIL = Email(key="k", to="ana@example.com", subject="s", text="t")


@pytest.mark.parametrize(("vendor", "name", "call"), SENDINGS, ids=lambda one: one if isinstance(one, str) else "")
def test_what_is_answered_with_a_redirect_was_not_done(vendor: Any, name: str, call: Callable[[Any], object]) -> None:
    """Neither sent nor found: an error, and none that says that it may have taken effect."""
    make, key = next((each[1], each[2]) for each in VENDORS if each[0] is vendor)
    with pytest.raises(PermanentError) as refused:
        call(make(Moved(vendor()), key))
    assert refused.value.reason == f"{name}-refused"
