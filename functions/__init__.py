"""One page for each flow: payload, triggers, handling, effects."""
