"""Shadow mode for operators: what was recorded, how it differs from what the replaced system did, and who gets what next."""
