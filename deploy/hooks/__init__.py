"""The scripts that azd runs."""
