"""Google's own package against the stand-in: its tokens, its users, its events. Runs in the oracles' environment."""

import json
import os

from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

BEA = "bea@empresa.example"
TOKEN = os.environ["GOOGLE_TOKEN_BASE_URL"] + "/token"


def service(name: str, version: str, scope: str, person: str, base: str):  # the package has no types
    """A client of the package for one API, by the discovery document that comes with it."""
    account = json.loads(os.environ["GOOGLE_SERVICE_ACCOUNT"]) | {"token_uri": TOKEN}
    credentials = service_account.Credentials.from_service_account_info(account, scopes=[scope], subject=person)
    options = {"api_endpoint": base}
    return build(name, version, credentials=credentials, client_options=options, static_discovery=True, cache_discovery=False)


def refused(request) -> int:
    """The status with which a request is refused."""
    try:
        request.execute()
    except HttpError as error:
        return int(error.resp.status)
    raise AssertionError("it was not refused")


def main() -> None:
    """An account is made once, found, suspended; an event is made under our id, and keeps it when it is deleted."""
    scope = "https://www.googleapis.com/auth/admin.directory.user"
    root = os.environ["SANDBOX_URL"] + "/google"
    users = service("admin", "directory_v1", scope, os.environ["GOOGLE_ADMIN_EMAIL"], root).users()
    body = {"primaryEmail": BEA, "name": {"givenName": "Beatriz", "familyName": "Núñez"}, "password": "a-long-password"}
    made = users.insert(body=body).execute()
    assert made["primaryEmail"] == BEA
    assert "password" not in made
    assert refused(users.insert(body=body)) == 409
    assert users.get(userKey=BEA).execute()["id"] == made["id"]
    assert users.update(userKey=BEA, body={"suspended": True}).execute()["suspended"] is True
    assert refused(users.get(userKey="nobody@empresa.example")) == 404
    scope = "https://www.googleapis.com/auth/calendar.events"
    calendar = service("calendar", "v3", scope, "luis@empresa.example", root + "/calendar/v3/")
    events, moment = calendar.events(), {"dateTime": "2027-01-11T09:00:00-06:00"}
    event = {"id": "abc123", "start": moment, "end": moment, "attendees": [{"email": BEA}]}
    shown = events.insert(calendarId="primary", body=event, sendUpdates="all").execute()
    assert shown["attendees"][0]["responseStatus"] == "needsAction"
    assert refused(events.insert(calendarId="primary", body=event)) == 409
    events.delete(calendarId="primary", eventId="abc123").execute()
    assert events.get(calendarId="primary", eventId="abc123").execute()["status"] == "cancelled"
    assert refused(events.insert(calendarId="primary", body=event)) == 409


main()
