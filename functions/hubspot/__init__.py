"""HubSpot: its client, and what is written to and heard from it."""
