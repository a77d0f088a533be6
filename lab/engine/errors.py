"""The one place where what goes wrong with podman's service becomes an error of ours."""

from __future__ import annotations

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
