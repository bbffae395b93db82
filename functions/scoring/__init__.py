"""Scoring: leads of ManyChat get a score and a priority, and go to HubSpot."""
