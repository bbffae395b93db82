"""Journeys: a person enters, gets steps at times relative to an anchor, and leaves when the reason ends (docs/journeys.md)."""
