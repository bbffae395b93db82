"""Tests of the flows, each in a folder named as that of `functions/`."""
