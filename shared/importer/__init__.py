"""Moving in: the record of the system that Puente replaces, from CSV files or its database."""
