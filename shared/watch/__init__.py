"""The state of the whole system in one log line a minute: what alerts and dashboards read (docs/operate.md)."""
