"""Microsoft Graph as a vendor of the sandbox: tokens of an app, and users."""

from sandbox.microsoft.microsoft import Microsoft

__all__ = ["Microsoft"]
