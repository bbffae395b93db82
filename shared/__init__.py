"""What more than one flow needs. Nothing in here imports `functions`."""
