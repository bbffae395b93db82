"""HubSpot's CRM API and webhooks, as a vendor of the sandbox."""

from sandbox.hubspot.server import HubSpot

__all__ = ["HubSpot"]
