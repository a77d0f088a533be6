"""Measuring: counters scraped at both ends of a run, and the laws that they have to obey."""
