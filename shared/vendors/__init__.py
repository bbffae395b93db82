"""One client for each outside system, all on `http.py`. Import a client where it is used, not at the top of a trigger."""
