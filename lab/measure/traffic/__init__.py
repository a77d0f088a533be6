"""Pouring traffic on a URL: orders, connections, outcomes and latencies."""
