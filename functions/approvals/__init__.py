"""Approvals: what waits for a second person's word, by the API or by the link in their mail."""
