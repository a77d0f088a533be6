"""The experiments use the labs of the tests on real podman."""

from tests.real.conftest import account, images

__all__ = ["account", "images"]
