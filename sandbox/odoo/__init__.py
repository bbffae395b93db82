"""A stand-in for Odoo 19 with CRM, in memory, over both of its APIs."""

from sandbox.odoo.server import Odoo

__all__ = ["Odoo"]
