"""Meetings that people book in Cal.com or Calendly: the row of each, and what follows from it."""
