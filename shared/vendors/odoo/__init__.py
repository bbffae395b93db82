"""Odoo's CRM: `client` calls it, `upsert` brings many records up to date in one call, `setup` prepares a customer's Odoo."""
