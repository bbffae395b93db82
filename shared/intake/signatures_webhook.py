"""Signatures as `Webhook.authenticate` wants them: the vendor's check with its secrets and our address out of the settings."""

import azure.functions as func

from shared.intake import signatures
from shared.settings import Settings


def by_calcom(request: func.HttpRequest, raw: bytes, settings: Settings) -> None:
    """The request is Cal.com's. Raises RefusedError."""
    signatures.calcom(request.headers, raw, settings.calcom_webhook_secret)


def by_calendly(request: func.HttpRequest, raw: bytes, settings: Settings) -> None:
    """The request is Calendly's. Raises RefusedError."""
    signatures.calendly(request.headers, raw, settings.calendly_signing_keys)


def by_resend(request: func.HttpRequest, raw: bytes, settings: Settings) -> None:
    """The request is Resend's. Raises RefusedError."""
    signatures.resend(request.headers, raw, settings.resend_webhook_secrets)


def by_brevo(request: func.HttpRequest, raw: bytes, settings: Settings) -> None:
    """The request is Brevo's. Raises RefusedError."""
    signatures.brevo(request.headers, raw, settings.brevo_webhook_secrets)


def by_twilio(request: func.HttpRequest, raw: bytes, settings: Settings) -> None:
    """The request is Twilio's, sent to the address that PUBLIC_BASE_URL makes of it. Raises RefusedError."""
    token = settings.twilio_auth_token
    url = signatures.public_url(settings.public_base_url, request.url)
    signatures.twilio(request.headers, raw, [token] if token else [], url=url)
