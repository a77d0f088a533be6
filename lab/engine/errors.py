"""The one place where what goes wrong with podman's service becomes an error of ours."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.engine.wire import RefusedError
from lab.errors import EngineError, LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

UNREACHABLE_HINT = "run `lab doctor` to see what podman says; try again, lab starts it when needed"
UNEXPECTED_HINT = "is it podman that answers there? run `lab doctor`"


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Turn whatever is raised while ``action`` ("create pod x") runs into EngineError.

    The errors of requests, and so podman-py's APIError, are OSErrors like the socket's own; only
    an APIError that podman sent has a status code (podman-py 5.8.0). An answer that is no JSON,
    or JSON of another shape, shows as one of Python's own errors where it is taken apart.
    """
    try:
        yield
    except LabError:
        raise
    except RefusedError as error:
        raise EngineError(str(error)) from error
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        msg = f"podman's service answered something unexpected while lab tried to {action}"
        details = (f"{type(error).__name__}: {error}",)
        raise EngineError(msg, hint=UNEXPECTED_HINT, details=details) from error
    except OSError as error:
        if getattr(error, "status_code", None) is not None:
            raise EngineError(str(getattr(error, "explanation", "") or error)) from error
        raise _gone(action) from error
    except Exception as error:
        from http.client import HTTPException  # podman-py's; importing it takes 20 ms

        if isinstance(error, HTTPException):
            raise _gone(action) from error
        if not type(error).__module__.startswith("podman."):
            raise
        raise EngineError(str(error)) from error


def _gone(action: str) -> EngineError:
    msg = f"podman's service went away while lab tried to {action}"
    return EngineError(msg, hint=UNREACHABLE_HINT)


_REMEDIES = (
    (
        r"containers\.conf|CONTAINERS_CONF|config on system|system config|decode configuration",
        "correct the settings that podman names; containers.conf(5) says what they may be",
    ),
    (
        r"storage\.conf|STORAGE_CONF|graph ?driver|storage options",
        "correct the settings of podman's storage; containers-storage.conf(5)",
    ),
    (
        r"newuidmap|newgidmap|subuid|subgid",
        "give this user subordinate ids, as root: usermod --add-subuids, --add-subgids",
    ),
    ("(?i:no space left)", "make room where podman keeps its files"),
    ("(?i:permission denied|operation not permitted)", "let this user do what podman names"),
)
"""What puts right what podman complains of, by a pattern of its words."""
_ANY_REMEDY = "lab works once `podman info` does"


def remedy(said: str) -> str:
    """What to do about words with which podman gave up."""
    return next((hint for pattern, hint in _REMEDIES if re.search(pattern, said)), _ANY_REMEDY)


def complaint(said: str) -> str:
    """The words themselves, out of the lines that podman logs."""
    logged = re.findall(r'level=(?:error|fatal) msg="((?:[^"\\]|\\.)*)"', said)
    return "; ".join(dict.fromkeys(text.replace('\\"', '"') for text in logged)) or said.strip()
