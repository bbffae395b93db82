"""Keys of events that somebody has sent to try a flow: by them everything that such an event causes is known."""

TRIAL = "trial:"
LENGTH = 64


def trial_key(key: str) -> str:
    """The key of a test event, in place of that which a real one would have; another event altogether."""
    return f"{TRIAL}{key}"[:LENGTH]


def is_trial(key: str | None) -> bool:
    """Whether an event's key is that of a test event."""
    return key is not None and key.startswith(TRIAL)
