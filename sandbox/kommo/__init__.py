"""Kommo: contacts, leads and notes behind version 4 of its API."""

from sandbox.kommo.server import Kommo

__all__ = ["Kommo"]
