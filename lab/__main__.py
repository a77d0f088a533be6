"""The way in: ``lab``, and ``python -m lab``."""

import sys

from lab import interruption


def main() -> None:
    """Run the command line; from the first moment a signal ends it in words."""
    interruption.begin()
    try:
        from lab.engine import early

        early.begin(sys.argv[1:])
        from lab.cli import app

        app()
    finally:
        interruption.end()


if __name__ == "__main__":
    main()
