"""Calendars of outside vendors, for any flow: who is busy, events, and what has changed there."""
