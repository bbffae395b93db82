"""Loyalty: a shop reports the points of its customers."""
