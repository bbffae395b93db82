"""Abandoned carts: a series of mails to whoever left one, until they order."""
