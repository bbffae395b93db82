"""Cards into a Teams channel: what is sent, what each refusal means, and that the address stays secret."""

import pytest

from sandbox.teams import Teams as SandboxTeams
from shared.errors import ConfigurationError, PermanentError, PuenteError, UnavailableError, UncertainError
from shared.settings import get_settings, load
from shared.vendors import rest_client
from shared.vendors.teams import Card, post
from tests.support.sandbox import HOST, SandboxAdapter, wired


@pytest.fixture
def channel(environment: pytest.MonkeyPatch) -> SandboxAdapter:
    """The channel behind our client."""
    vendor, adapter, _wire = wired(SandboxTeams())
    environment.setenv("TEAMS_WEBHOOK_URL", HOST + vendor.connection["TEAMS_WEBHOOK_URL"])
    get_settings.cache_clear()
    original = rest_client.RestClient.connect
    environment.setattr(
        rest_client.RestClient, "connect", lambda self, *given, **more: original(self, *given, **(more | {"adapter": adapter}))
    )
    rest_client.drop_connections()
    return adapter


def test_a_card_shows_in_the_channel(channel: SandboxAdapter) -> None:
    """With its facts and points; nothing in it is a link, and what is too long is cut."""
    post(Card(title="Nuevo ingreso: [Bea](x)", facts=(("Correo", "a" * 900), ("Leer", "")), points=("Equipo",)))
    (row,) = channel.vendor.records("messages", {}, None)[0]
    assert row["text"].splitlines() == ["Nuevo ingreso: \\[Bea\\](x)", "Correo: " + "a" * 500, "• Equipo"]


@pytest.mark.parametrize(
    ("mode", "error", "reason"), [("off", PermanentError, "teams-gone"), ("signature", UnavailableError, None)]
)
def test_refusals_are_the_workflows(
    channel: SandboxAdapter, environment: pytest.MonkeyPatch, mode: str, error: type[PuenteError], reason: str | None
) -> None:
    """One that is off is gone; another signature is a matter of the account. The address is in no text."""
    environment.setattr(channel.vendor, "answer", lambda call: channel.vendor.fail(mode, call))
    with pytest.raises(error) as caught:
        post(Card(title="x"))
    assert getattr(caught.value, "reason", None) == reason
    assert "signature" not in str(caught.value)


def test_a_lost_answer_stays_unknown(channel: SandboxAdapter) -> None:
    """There is no key and no look-up."""
    channel.lose_answers = 1
    with pytest.raises(UncertainError):
        post(Card(title="x"))


@pytest.mark.parametrize("host", ["acme.webhook.office.com", "outlook.office.com"])
def test_retired_connectors_are_refused_at_the_start(environment: pytest.MonkeyPatch, host: str) -> None:
    """Microsoft has switched them off."""
    environment.setenv("TEAMS_WEBHOOK_URL", f"https://{host}/webhookb2/x")
    with pytest.raises(ConfigurationError, match="retired"):
        load()
