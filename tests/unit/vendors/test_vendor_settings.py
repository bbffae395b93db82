"""Every client out of the settings: made once, and clear about what is missing."""

from typing import Any

import pytest

from functions.leads.captcha import RECAPTCHA, TURNSTILE, Captcha
from functions.leads.kommo import Kommo
from shared.errors import PermanentError
from shared.messages.providers.brevo import Brevo
from shared.messages.providers.manychat import ManyChat
from shared.messages.providers.resend import Resend
from shared.messages.providers.smtp import Smtp
from shared.messages.providers.twilio_client import Twilio
from shared.settings import load
from shared.vendors.discord import Discord
from shared.vendors.notion import Notion

CLIENTS: list[tuple[Any, dict[str, str], dict[str, str]]] = [
    # client, settings that are enough, a further one that leads to another client
    (Brevo, {"SENDINBLUE_API_KEY": "s3cret", "SENDINBLUE_SENDER_EMAIL": "a@x.example"}, {"SENDINBLUE_SENDER_NAME": "B"}),
    (Resend, {"RESEND_API_KEY": "s3cret", "RESEND_FROM": "A <a@x.example>"}, {"RESEND_FROM": "B <a@x.example>"}),
    (Smtp, {"SMTP_URL": "smtp://u:s3cret@mail.example", "SMTP_FROM": "a@x.example"}, {"SMTP_FROM": "b@x.example"}),
    (Twilio, {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "s3cret"}, {"TWILIO_AUTH_TOKEN": "other"}),
    (Kommo, {"KOMMO_BASE_URL": "https://a.kommo.invalid", "KOMMO_ACCESS_TOKEN": "s3cret"}, {"KOMMO_ACCESS_TOKEN": "other"}),
    (Notion, {"NOTION_TOKEN": "s3cret"}, {"NOTION_BASE_URL": "http://127.0.0.1:9"}),
    (
        Discord,
        {"DISCORD_WEBHOOK_URL": "https://discord.invalid/w/1/s3cret"},
        {"DISCORD_WEBHOOK_URL": "https://d.invalid/w/2/t"},
    ),
    (ManyChat, {"MANYCHAT_API_KEY": "s3cret"}, {"MANYCHAT_BASE_URL": "http://127.0.0.1:9"}),
    (Captcha, {"TURNSTILE_SECRET": "s3cret"}, {"CAPTCHA_VERIFY_URL": "http://127.0.0.1:9/verify"}),
]
each_client = pytest.mark.parametrize(("client", "enough", "more"), CLIENTS, ids=lambda value: getattr(value, "__name__", ""))


def put(environment: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        environment.setenv(name, value)


@each_client
def test_the_same_settings_are_the_same_client(
    environment: pytest.MonkeyPatch, client: Any, enough: dict[str, str], more: dict[str, str]
) -> None:
    """Connections are kept for the process; changed settings are another client."""
    put(environment, enough)
    first = client.from_settings(load())
    assert client.from_settings(load()) is first
    put(environment, more)
    assert client.from_settings(load()) is not first


@each_client
def test_what_is_missing_is_named(
    environment: pytest.MonkeyPatch, client: Any, enough: dict[str, str], more: dict[str, str]
) -> None:
    """Any one of the settings being absent is `not-configured`, with the names and without the values."""
    for missing in enough:
        for name in enough:
            environment.delenv(name, raising=False)
        put(environment, {name: value for name, value in enough.items() if name != missing})
        with pytest.raises(PermanentError, match=missing) as caught:
            client.from_settings(load())
        assert caught.value.reason == "not-configured"
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("secrets", "url"),
    [
        ({"TURNSTILE_SECRET": "t"}, TURNSTILE),
        ({"RECAPTCHA_SECRET": "r"}, RECAPTCHA),
        ({"TURNSTILE_SECRET": "t", "RECAPTCHA_SECRET": "r"}, TURNSTILE),
    ],
)
def test_the_captcha_that_is_set_up(environment: pytest.MonkeyPatch, secrets: dict[str, str], url: str) -> None:
    """Each vendor at its own address; none is needed where none is set up."""
    assert not Captcha.is_configured(load())
    put(environment, secrets)
    assert Captcha.is_configured(load())
    assert Captcha.from_settings(load())._http.base_url == url
