"""Notion: databases with their data sources and pages, in version 2025-09-03 of its API."""

from sandbox.notion.server import Notion

__all__ = ["Notion"]
