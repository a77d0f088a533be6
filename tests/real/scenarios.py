"""Scenarios of a user's own, on images that are in podman's storage already."""

import json
from pathlib import Path

PAIR = """\
summary: Two containers of one image, each in a pod of its own.
pods:
  front-pod:
    extra_hosts: {{back.local: back-pod}}
    ports:
      - {{name: front, published: {port}, target: 8000, ready: {ready}}}
    containers:
      front:
        image: {front}
        environment:
          SERVICE_PORT: 8000
          UPSTREAM_SERVICE: http://back.local:8000
  back-pod:
    containers:
      back:
        image: {back}
        environment: {{SERVICE_PORT: 8000, ERROR_RATE: 0, UPSTREAM_SERVICE: http://any}}
"""

BUILT = """\
summary: A container whose image lab builds, and one beside it.
pods:
  built-pod:
    containers:
      built: {{build: {{context: ./context, base: python}}}}
  other-pod:
    containers:
      other: {{image: {other}, environment: {{SERVICE_PORT: 8000}}}}
"""
WAITING = "import signal; signal.signal(signal.SIGTERM, lambda *_: exit()); signal.pause()"


def built(folder: Path, *, other: str) -> Path:
    """Write a scenario with a build context of its own; return its file."""
    words = json.dumps(["python3", "-c", WAITING])
    # The folder's name makes the image this test's own.
    containerfile = f"ARG BASE\nFROM ${{BASE}}\nLABEL test={folder.name}\nCMD {words}\n"
    (folder / "context").mkdir()
    (folder / "context" / "Containerfile").write_text(containerfile)
    file = folder / "mine.yaml"
    file.write_text(BUILT.format(other=other))
    return file


def pair(folder: Path, *, port: int, front: str, back: str, ready: str = "/healthz") -> Path:
    """Write a scenario in which `front` calls `back`; return its file."""
    file = folder / "mine.yaml"
    file.write_text(PAIR.format(port=port, front=front, back=back, ready=ready))
    return file
