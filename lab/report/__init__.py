"""Showing recorded runs to others: JUnit XML for CI, a page for people."""
