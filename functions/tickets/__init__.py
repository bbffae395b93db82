"""Tickets: photos and PDFs of expenses become rows and documents of accounting."""
