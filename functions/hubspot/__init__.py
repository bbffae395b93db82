"""HubSpot: its client, and the flows that write to it and are told by it."""
