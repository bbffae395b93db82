"""Stand-ins for the outside systems: they answer like the vendors do, show what they were sent, and fail on request."""
