"""Leads of the public form: who they are, what Kommo knows of them, what they booked, and the log of all that was done."""
