"""What the shop sends."""

from datetime import datetime

from shared.intake.fields import Instant, Name, RequiredEmail, Whole
from shared.intake.webhook import Payload


class Points(Payload):
    """What the shop sends: all the points that the customer has at that moment, not those that were added."""

    email: RequiredEmail
    points: Whole
    at: Instant
    name: Name = None

    def subject(self) -> str:
        """The customer, by their address."""
        return self.email

    def occurred_at(self) -> datetime:
        """When the shop counted."""
        return self.at
