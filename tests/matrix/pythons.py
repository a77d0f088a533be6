"""Run the tests that need no podman on the newer Pythons of Debian's releases.

`make pythons` does; arguments go to pytest. The exit status is 1 when a test failed.
"""

from __future__ import annotations

import shlex
import sys

from tests.matrix.roots import INSIDE, PYTHON, Root, snapshot

SUITES = ("trixie", "sid")
"""They have Python 3.13 and 3.14; `make unit` runs on the one of the machine."""


def main(arguments: list[str]) -> int:
    """Run the tests in each root and pass on what pytest says last."""
    failed = False
    options = ("-q", "-m", "not real", "-p", "no:cacheprovider", *arguments)
    with snapshot() as project:
        for suite in SUITES:
            root = Root(suite, project)
            root.prepare()
            script = f"cd {INSIDE} && exec {PYTHON} -m pytest {shlex.join(options)}"
            done = root.run("sh", "-c", script, offline=True)
            last = "\n".join(done.stdout.splitlines()[-1 if done.returncode == 0 else -60 :])
            sys.stdout.write(f"Python {root.python} ({suite}): {last}\n")
            failed = failed or done.returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
