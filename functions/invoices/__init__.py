"""Invoices: what is open is reminded of, stage by stage, until it is paid."""
