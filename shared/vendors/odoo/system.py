"""Odoo as the health report and the time limit of deliveries know it. Light: the client is imported when Odoo is asked."""

from shared.setting_limits import CONNECT_SECONDS
from shared.settings import Settings, get_settings


class OdooSystem:
    """Always used. Its batches end by the clock (`odoo_batch_seconds`), so the time limit must be longer than one call only."""

    name = "Odoo"
    has_ping = True

    def is_used(self, settings: Settings | None = None) -> bool:
        """Always."""
        del settings
        return True

    def ping(self, seconds: float | None = None) -> str:
        """The server's version. Raises PuenteError: it cannot be reached."""
        from shared.vendors.odoo.client import OdooClient

        return OdooClient.from_settings(get_settings(), seconds).ping()

    def longest_seconds(self, settings: Settings | None = None) -> float:
        """The longest that one call may take."""
        return CONNECT_SECONDS + (settings or get_settings()).odoo_timeout_seconds


ODOO = OdooSystem()
