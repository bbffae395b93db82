"""What we owe the outside world: planned with the change that causes it, carried out later, never lost and never doubled."""
