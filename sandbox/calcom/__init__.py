"""Cal.com: a booking page, and the webhooks that it sends."""

from sandbox.calcom.server import Calcom

__all__ = ["Calcom"]
