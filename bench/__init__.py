"""`python -m bench`: what the system costs, each figure against a baseline measured in the same run (docs/performance.md)."""
