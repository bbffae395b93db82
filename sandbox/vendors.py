"""The outside systems that the sandbox stands in for. A new one is written against `sandbox.vendor` and listed here."""

from collections.abc import Callable

from sandbox.brevo import Brevo
from sandbox.calcom import Calcom
from sandbox.calendly import Calendly
from sandbox.captcha import Captcha
from sandbox.discord import Discord
from sandbox.kommo import Kommo
from sandbox.manychat import ManyChat
from sandbox.notion import Notion
from sandbox.odoo import Odoo
from sandbox.openai import OpenAI
from sandbox.resend import Resend
from sandbox.sheets import Sheets
from sandbox.slack import Slack
from sandbox.smtp import MailServer
from sandbox.stripe import Stripe
from sandbox.twilio import Twilio
from sandbox.vendor import Vendor

VENDORS: tuple[Callable[[], Vendor], ...] = (
    Odoo,
    Kommo,
    Notion,
    Discord,
    Calcom,
    Calendly,
    Brevo,
    Resend,
    MailServer,
    Twilio,
    ManyChat,
    Captcha,
    Stripe,
    Sheets,
    OpenAI,
    Slack,
)
