"""What we hold of a person, and how it is erased on request (docs/security.md, "Erasing a person")."""
