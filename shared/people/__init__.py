"""One person: their identities in all systems, what joins them, and what keeps them apart."""
