"""What the tests stand on: a whole Puente in one process, on a real database, with queues and vendors in the test's hand."""
