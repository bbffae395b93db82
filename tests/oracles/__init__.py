"""Stand-ins and clients held against the vendors' own packages, which live in an environment of their own."""
