"""The places of functions/christmas that lock rows, and how somebody comes by them."""

from functions.christmas import meetings
from functions.christmas import people as campaign_people
from functions.christmas.tables import SequenceContact
from tests.lab.rows import ANA, Wait, one

WAITS = {
    "functions.christmas.meetings:hold": Wait(
        SequenceContact, one(SequenceContact, email=ANA), lambda session: meetings.hold(session, ANA)
    ),
    "functions.christmas.people:locked_contact": Wait(
        SequenceContact, one(SequenceContact, email=ANA), lambda session: campaign_people.locked_contact(session, ANA)
    ),
}
