"""The REST API: one FastAPI application, imported when the first request for it comes."""
