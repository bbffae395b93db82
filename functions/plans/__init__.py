"""The flow of plans; `flow.py` declares it."""
