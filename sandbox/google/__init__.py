"""Google as a vendor of the sandbox: tokens of a service account, the directory of a Workspace, and calendars."""

from sandbox.google.google import Google

__all__ = ["Google"]
