"""Headers of what a browser may show: it guesses no type, shows it in no frame, and runs nothing but what we wrote."""

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000",  # browsers heed it over HTTPS alone
}

API = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"}
"""Answers for programs: nothing in them is ever loaded or run."""

PAGE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    **EVERYWHERE,
}
"""A small page of ours with its own style and a form that goes back to it."""
