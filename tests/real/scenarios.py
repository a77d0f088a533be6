"""Scenarios of a user's own, on images that are in podman's storage already."""

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
        environment: {{SERVICE_PORT: 8000, ERROR_RATE: 0}}
"""


def pair(folder: Path, *, port: int, front: str, back: str, ready: str = "/healthz") -> Path:
    """Write a scenario in which `front` calls `back`; return its file."""
    file = folder / "mine.yaml"
    file.write_text(PAIR.format(port=port, front=front, back=back, ready=ready))
    return file
