"""Payments reported by Stripe."""
