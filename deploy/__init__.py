"""What happens around a deployment: secrets, the database, the smoke test, dashboards. Never part of the deployed package."""
