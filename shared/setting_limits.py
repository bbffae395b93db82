"""How long one batch for Odoo may take, held against the longest delivery, and how long any connection may.

Odoo's batches are bounded by time and not by calls: none begins after `odoo_batch_seconds`, and the last has its time limit.
All other systems' limits follow from their clients' declarations (`shared.vendors.registry.time_limit_faults`).
"""

from typing import Any

CONNECT_SECONDS = 5.0
ODOO_BATCH_SECONDS = 100.0


def time_limit_faults(settings: Any) -> list[str]:
    """What is wrong with DELIVERY_LONGEST_SECONDS beside Odoo's settings; one sentence, or none."""
    seconds = settings.odoo_timeout_seconds + CONNECT_SECONDS
    if settings.delivery_longest_seconds > seconds:
        return []
    why = "else a second worker takes over what the first is still sending"
    return [f"DELIVERY_LONGEST_SECONDS: must be above {seconds:g}, what a call to Odoo may take (ODOO_TIMEOUT_SECONDS); {why}"]
