"""Onboarding: an employee's contract is signed, and whatever they need is there on their first day."""
