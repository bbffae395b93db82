"""Our own record: tables, transactions, and what differs between SQLite and Azure SQL."""
