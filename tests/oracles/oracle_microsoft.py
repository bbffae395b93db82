"""Microsoft's own package for Graph against the stand-in: users, schedules, events. Runs in the oracles' environment."""

import asyncio
import os
from time import time

import requests
from azure.core.credentials import AccessToken
from kiota_abstractions.api_error import APIError
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.attendee import Attendee
from msgraph.generated.models.date_time_time_zone import DateTimeTimeZone
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.event import Event
from msgraph.generated.models.free_busy_status import FreeBusyStatus
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.response_type import ResponseType
from msgraph.generated.models.single_value_legacy_extended_property import SingleValueLegacyExtendedProperty
from msgraph.generated.models.user import User
from msgraph.generated.users.item.assign_license.assign_license_post_request_body import AssignLicensePostRequestBody
from msgraph.generated.users.item.calendar.get_schedule.get_schedule_post_request_body import GetSchedulePostRequestBody
from msgraph.generated.users.item.events.events_request_builder import EventsRequestBuilder
from msgraph.generated.users.item.events.item.cancel.cancel_post_request_body import CancelPostRequestBody
from msgraph_core.authentication import AzureIdentityAuthenticationProvider

BEA, LUIS, STRANGER = "bea@empresa.example", "luis@empresa.example", "ana@otra.example"
PROPERTY = "String {5d0b3a5e-6c1f-4f0e-9a55-2b7f2c1c7d58} Name puenteKey"


class Credential:
    """The app's token, fetched as Microsoft's packages do, which insist on https for it."""

    def get_token(self, *scopes: str, **_more: object) -> AccessToken:
        """A token for what the app may do."""
        base, tenant = os.environ["ENTRA_LOGIN_BASE_URL"], os.environ["ENTRA_TENANT"]
        form = {
            "grant_type": "client_credentials",
            "client_id": os.environ["ENTRA_CLIENT_ID"],
            "client_secret": os.environ["ENTRA_CLIENT_SECRET"],
            "scope": " ".join(scopes),
        }
        answer = requests.post(f"{base}/{tenant}/oauth2/v2.0/token", data=form, timeout=10)
        answer.raise_for_status()
        return AccessToken(answer.json()["access_token"], int(time()) + answer.json()["expires_in"])


def client() -> GraphServiceClient:
    """The package's client, with the stand-in in the place of Graph."""
    scopes = ["https://graph.microsoft.com/.default"]
    adapter = GraphRequestAdapter(AzureIdentityAuthenticationProvider(Credential(), scopes=scopes, allowed_hosts=["127.0.0.1"]))
    adapter.base_url = os.environ["GRAPH_BASE_URL"]
    return GraphServiceClient(request_adapter=adapter)


async def refusal(request) -> tuple[int, str]:  # the package's requests have no common type
    """The status and the code with which a request is refused."""
    try:
        await request
    except APIError as error:
        return error.response_status_code, error.error.code
    raise AssertionError("it was not refused")


async def check_users(graph: GraphServiceClient) -> None:
    """A user is made once, found by the sign-in name, licensed, disabled and signed out."""
    body = User(
        account_enabled=False,
        display_name="Beatriz Núñez",
        mail_nickname="bea",
        user_principal_name=BEA,
        usage_location="MX",
        password_profile=PasswordProfile(password="aA1!-a-long-one", force_change_password_next_sign_in=True),
    )
    made = await graph.users.post(body)
    assert made.user_principal_name == BEA
    assert await refusal(graph.users.post(body)) == (400, "Request_BadRequest")
    assert (await graph.users.by_user_id(BEA).get()).id == made.id
    one = graph.users.by_user_id(made.id)
    await one.patch(User(account_enabled=True))
    await one.assign_license.post(AssignLicensePostRequestBody(add_licenses=[], remove_licenses=[]))
    assert (await one.revoke_sign_in_sessions.post()).value is True
    assert await refusal(graph.users.by_user_id("nobody@empresa.example").get()) == (404, "Request_ResourceNotFound")


def moment(hour: int) -> DateTimeTimeZone:
    """An hour of the first day, in UTC."""
    return DateTimeTimeZone(date_time=f"2027-01-11T{hour:02}:00:00", time_zone="UTC")


async def check_events(graph: GraphServiceClient) -> None:
    """An event is made once, found by our property, moved, seen by those who ask who is busy, and cancelled."""
    events = graph.users.by_user_id(LUIS).events
    body = Event(
        subject="Primer día",
        start=moment(15),
        end=moment(23),
        attendees=[Attendee(email_address=EmailAddress(address=BEA, name="Beatriz"))],
        transaction_id="abc123",
        single_value_extended_properties=[SingleValueLegacyExtendedProperty(id=PROPERTY, value="abc123")],
    )
    made = await events.post(body)
    assert made.start.date_time == "2027-01-11T15:00:00.0000000"
    assert made.attendees[0].status.response is ResponseType.None_
    assert await refusal(events.post(body)) == (400, "ErrorDuplicateTransactionId")
    condition = f"singleValueExtendedProperties/Any(ep: ep/id eq '{PROPERTY}' and ep/value eq 'abc123')"
    query = EventsRequestBuilder.EventsRequestBuilderGetQueryParameters(filter=condition)
    found = await events.get(RequestConfiguration(query_parameters=query))
    assert [one.id for one in found.value] == [made.id]
    moved = await events.by_event_id(made.id).patch(Event(start=moment(16)))
    assert moved.start.date_time == "2027-01-11T16:00:00.0000000"
    await check_schedules(graph)
    await events.by_event_id(made.id).cancel.post(CancelPostRequestBody(comment=""))
    assert await refusal(events.by_event_id(made.id).get()) == (404, "ErrorItemNotFound")


async def check_schedules(graph: GraphServiceClient) -> None:
    """Who is busy has an entry; a mailbox that cannot be read has an error inside the good answer."""
    asked = GetSchedulePostRequestBody(
        schedules=[LUIS, BEA, STRANGER], start_time=moment(14), end_time=moment(20), availability_view_interval=60
    )
    answer = await graph.users.by_user_id(LUIS).calendar.get_schedule.post(asked)
    luis, bea, stranger = answer.value
    assert (luis.availability_view, bea.availability_view) == ("002222", "002222")
    assert [one.status for one in luis.schedule_items] == [FreeBusyStatus.Busy]
    assert stranger.error.response_code == "ErrorMailRecipientNotFound"


async def main() -> None:
    """Users, then events."""
    graph = client()
    await check_users(graph)
    await check_events(graph)


asyncio.run(main())
