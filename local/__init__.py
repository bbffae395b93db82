"""One machine: everything that `make run` starts, and the demonstration it shows."""
