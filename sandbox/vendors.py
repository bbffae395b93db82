"""The outside systems that the sandbox stands in for. A new one is written against `sandbox.vendor` and listed here."""

from collections.abc import Callable

from sandbox.kommo import Kommo
from sandbox.odoo import Odoo
from sandbox.vendor import Vendor

VENDORS: tuple[Callable[[], Vendor], ...] = (Odoo, Kommo)
