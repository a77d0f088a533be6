"""How long a cold build from packages takes, beside the steps that it is made of.

`lab build sidecar --source packages` runs once with a storage, a cache and a podman service of
its own, so nothing is there but what the machine's mirrors hold. Every step's end is in its
output with its seconds; an image waits for the base that it stands on and for nothing else, so
no build can end before the slowest base and the slowest image on it have.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import tomli_w

from bench.life.answers import PAUSE
from bench.life.machine import Made, busy, made
from bench.life.measure import podman_settings
from bench.lines import Line
from lab.engine.service import answers
from lab.images.recipes import PACKAGES, resolve
from lab.topology import scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = ("build", "sidecar", "--source", PACKAGES)
MOST = 1.15
DONE = re.compile(r"^done build image (\S+) \(([\d.]+) s\)$", re.MULTILINE)


class Build(msgspec.Struct, frozen=True):
    """One cold build: its seconds, those of each image, and the base that each stands on.

    ``busy`` is what all processors together worked meanwhile, in seconds.
    """

    made: Made
    processors: int
    seconds: float
    busy: float
    steps: dict[str, float]
    bases: dict[str, str]

    def chain(self) -> tuple[str, ...]:
        """The image that was there last if nothing had to wait for a processor, after its base."""
        chains = [(base, image) for image, base in self.bases.items()]
        return max(chains, key=self.length)

    def length(self, chain: tuple[str, ...]) -> float:
        """The seconds of a chain's steps."""
        return sum(self.steps[name] for name in chain)

    def lines(self) -> list[Line]:
        """The row of the table."""
        chain = self.chain()
        length = self.length(chain)
        share = self.seconds / length
        return [
            Line(
                what="`lab build --source packages`, cold",
                lab=f"{self.seconds:.1f} s",
                beside=f"its slowest chain: {' → '.join(chain)}",
                takes=f"{length:.1f} s",
                share=f"{share:.2f}",
                target=f"≤ {MOST:g}",
                met=share <= MOST,
                why=f"{self.busy:.0f} s of work: {self.busy / self.processors:.1f} s on "
                f"{self.processors} processors",
            )
        ]

    def markdown(self) -> str:
        """Every step's seconds."""
        rows = [
            f"| {name} | {self.bases.get(name, '')} | {seconds:.1f} s |"
            for name, seconds in sorted(self.steps.items(), key=lambda step: -step[1])
        ]
        head = ["| step | stands on | took |", "|---|---|---|"]
        return "\n".join([*head, *rows, "", f"In all {self.seconds:.1f} s. {self.made}"])


def measure() -> Build:
    """Build once, with nothing there before."""
    about = made("python -m bench --only build")
    spec = scenario.load("sidecar", given={})
    bases = {image.name: image.base for image in resolve(spec, PACKAGES).images if image.base}
    with podman() as environment:
        began, worked = time.perf_counter(), busy()
        done = subprocess.run(
            (sys.executable, "-m", "lab", *COMMAND),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds, worked = time.perf_counter() - began, busy() - worked
    if done.returncode:
        sys.exit(f"lab build failed:\n{done.stderr}")
    steps = {step: float(took) for step, took in DONE.findall(done.stderr)}
    return Build(about, os.cpu_count() or 1, seconds, worked, steps, bases)


@contextlib.contextmanager
def podman() -> Iterator[dict[str, str]]:
    """An environment whose podman has an empty storage, and lab an empty cache."""
    # The path is short: podman takes no runroot of over 50 characters.
    place = Path(tempfile.mkdtemp(prefix="b-"))
    storage = {"driver": "overlay", "graphroot": f"{place}/root", "runroot": f"{place}/run"}
    (place / "storage.conf").write_text(tomli_w.dumps({"storage": storage}))
    configuration, _ = podman_settings(place)
    socket = place / "podman.sock"
    environment = os.environ | {
        "CONTAINERS_CONF": str(configuration),
        "CONTAINERS_STORAGE_CONF": str(place / "storage.conf"),
        "XDG_CACHE_HOME": f"{place}/cache",
    }
    service = ("podman", "system", "service", "--time=0", f"unix://{socket}")
    with subprocess.Popen(service, env=environment) as process:
        while not answers(socket):
            if process.poll() is not None:
                sys.exit("podman's service ended at once")
            time.sleep(PAUSE)
        try:
            yield environment | {"CONTAINER_HOST": f"unix://{socket}"}
        finally:
            process.terminate()
    # Podman mounts its storage on itself; rootless, in a namespace of the user's.
    script = 'umount "$0/root/overlay" 2>/dev/null; rm -rf "$0"'
    enter = () if os.geteuid() == 0 else ("podman", "unshare")
    subprocess.run((*enter, "sh", "-c", script, str(place)), check=True)
