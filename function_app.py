"""Registers the flows. What each of them does stands on its page in `functions/`."""
# ruff: noqa: E402  # the first lines make the imports below faster

import gc
import os

gc.disable()  # what is imported stays: looking for garbage in it would make every cold start longer by a tenth
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # it would read the metadata of every installed package

import azure.functions as func

from functions import campaigns, contacts, message_status, opportunities, reconcile, watch, web
from functions import system as engine
from functions.bookings import triggers as bookings
from functions.christmas import triggers as christmas
from functions.leads import triggers as leads
from shared import logs, telemetry
from shared.settings import get_settings

settings = get_settings()  # all mistakes in the settings are reported now, not at the first event
logs.configure(settings.log_level, settings.log_format)
if settings.applicationinsights_connection_string is not None:
    telemetry.configure(settings.applicationinsights_connection_string.get_secret_value())

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for page in (contacts, opportunities, campaigns, leads, bookings, christmas, message_status, reconcile, engine, watch, web):
    app.register_functions(page.bp)

gc.enable()
