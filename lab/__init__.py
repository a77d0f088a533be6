"""A service-mesh lab on podman: pods as data, converged, measured, explained."""

__version__ = "0.1.0"
