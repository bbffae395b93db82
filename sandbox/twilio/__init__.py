"""Twilio, as far as messages and calls go."""

from sandbox.twilio.server import Twilio

__all__ = ["Twilio"]
