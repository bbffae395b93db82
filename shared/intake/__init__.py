"""From an HTTP request to a handled event: webhook -> envelope -> queue -> inbox."""
