"""What happened: traffic, counters, theory. Nothing here knows podman."""
