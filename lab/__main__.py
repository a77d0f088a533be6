"""The way in: ``lab``, and ``python -m lab``."""

import gc
import os
import sys

if __name__ == "__main__" and __spec__ and not sys.flags.safe_path:
    # `python -m` has modules searched for in the current directory first, which may be anybody's;
    # lab's own are found through its package.
    try:
        if sys.path[0] == os.getcwd():  # noqa: PTH109 - pathlib is one of those modules
            del sys.path[0]
    except OSError:  # a directory that is gone was not added
        pass

from lab import interruption, paper, secret_values, streams

OBJECTS = 50_000
"""New objects between two looks for garbage; with Python's 700 they take a tenth of a start."""


def main() -> None:
    """Run the command line; from the first moment a signal ends it in words."""
    streams.begin()
    interruption.begin()
    gc.set_threshold(OBJECTS)
    try:
        secret_values.take()  # before anything is started that would inherit them
        from lab.engine import early

        early.begin(sys.argv[1:])
        from lab.cli import app

        app()
    except SystemExit as ended:
        sys.exit(paper.finish(_status(ended)))
    finally:
        interruption.end()


def _status(ended: SystemExit) -> int:
    return ended.code if isinstance(ended.code, int) else 0


if __name__ == "__main__":
    main()
