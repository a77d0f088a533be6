"""The way in: ``lab``, and ``python -m lab``."""

import gc
import sys

from lab import interruption, secret_values

OBJECTS = 50_000
"""New objects between two looks for garbage; with Python's 700 they take a tenth of a start."""


def main() -> None:
    """Run the command line; from the first moment a signal ends it in words."""
    interruption.begin()
    gc.set_threshold(OBJECTS)
    try:
        secret_values.take()  # before anything is started that would inherit them
        from lab.engine import early

        early.begin(sys.argv[1:])
        from lab.cli import app

        app()
    finally:
        interruption.end()


if __name__ == "__main__":
    main()
