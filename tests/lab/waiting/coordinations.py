"""The places of functions/coordinations that lock rows, and how somebody comes by them."""

from functions.coordinations import services as coordination_services
from functions.coordinations.tables import Coordination
from tests.lab.rows import Wait, one

WAITS = {
    "functions.coordinations.services:_locked": Wait(
        Coordination, one(Coordination), lambda session: coordination_services._locked(session, 1)
    ),
}
