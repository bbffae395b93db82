"""A small, faithful stand-in for `func start`: runs this Function App on one machine (see docs/devhost.md)."""
