"""Pin the official images of bases.toml to what their registries have under the tags now.

``make digests`` runs it. It needs no podman: a registry names a manifest by its digest.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from pathlib import Path

import msgspec
import requests

FILE = Path(__file__).parents[1] / "lab" / "images" / "bases.toml"
DOCKER_HUB = ("docker.io", "https://registry-1.docker.io")
"""The one registry whose API is not where its name says."""
KINDS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""What to pin, best first: the index of all platforms, or an image for one."""
SECONDS = 30
UNAUTHORIZED = 401


def digest(reference: str, mirror: str) -> str:
    """Return the digest of a reference; the registry's own word is checked against it."""
    host, _, rest = reference.partition("/")
    name, _, tag = rest.rpartition(":")
    origin = mirror or dict([DOCKER_HUB]).get(host, f"https://{host}")
    url = f"{origin}/v2/{name}/manifests/{tag}"
    headers = {"Accept": ", ".join(KINDS)}
    answer = requests.get(url, headers=headers, timeout=SECONDS)
    if answer.status_code == UNAUTHORIZED:
        asked = dict(re.findall(r'(\w+)="([^"]*)"', answer.headers["WWW-Authenticate"]))
        given = requests.get(asked.pop("realm"), params=asked, timeout=SECONDS)
        given.raise_for_status()
        headers["Authorization"] = f"Bearer {given.json()['token']}"
        answer = requests.get(url, headers=headers, timeout=SECONDS)
    answer.raise_for_status()
    found = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
    if answer.headers.get("Docker-Content-Digest", found) != found:
        raise SystemExit(f"{reference} is not what its registry says that it is")
    return found


def main() -> None:
    """Rewrite the table of digests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=FILE, help="bases.toml")
    parser.add_argument("--mirror", default="", help="the URL of a registry to ask for all")
    given = parser.parse_args()
    text = given.file.read_text()
    bases = msgspec.toml.decode(text)["bases"]
    lines = []
    for name in sorted(bases):
        found = digest(bases[name]["registry"], given.mirror)
        lines.append(f'{name} = "{found}"\n')
        sys.stdout.write(lines[-1])
    table = re.compile(r"^\[digests\]\n(\w+ = .*\n)*", re.MULTILINE)
    given.file.write_text(table.sub(lambda _: "[digests]\n" + "".join(lines), text))


if __name__ == "__main__":
    main()
