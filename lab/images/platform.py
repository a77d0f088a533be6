"""What this machine's images are made for, in the words of everyone who asks."""

from __future__ import annotations

import platform

from lab.errors import LabError

_OCI = {"x86_64": "amd64", "aarch64": "arm64"}
_GLIBC_MINORS = (34, 31, 28, 24, 17)
"""The manylinux levels in use; both Debian trixie and the official images are newer."""


def architecture() -> str:
    """Return the architecture as images and Debian name it: ``amd64`` or ``arm64``.

    Raises ``LabError`` on any other machine: there are no wheels to put into its images.
    """
    machine = platform.machine()
    if machine not in _OCI:
        raise LabError(
            f"lab cannot build images for a {machine} machine",
            hint="it builds on x86_64 and aarch64; images of your own run anywhere",
        )
    return _OCI[machine]


def wheel_platforms() -> tuple[str, ...]:
    """Return the platform tags of the wheels that run in our images, best first."""
    machine = platform.machine()
    levels = tuple(f"manylinux_2_{minor}_{machine}" for minor in _GLIBC_MINORS)
    return (*levels, f"manylinux2014_{machine}")
