"""Limits of the databases that code without SQL asks for as well, so that it need not load SQLAlchemy."""

LONGEST_ID = 18  # digits of a row's id; fits the databases' 64-bit integers
