"""Meta's WhatsApp Cloud API as a stand-in."""

from sandbox.meta.server import Meta

__all__ = ["Meta"]
