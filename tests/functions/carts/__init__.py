"""Tests of the carts."""
