"""A lab's secrets among podman's: lists of 4.3.1 leave their labels out, so each is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from lab.converge.observed import CONFIDED, FINGERPRINT, SeenSecret, secret_prefix
from lab.engine.ownership import owns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lab.engine.wire import Api

NOT_FOUND = 404


def find(api: Api, lab: str, listed: Iterable[Mapping[str, Any]]) -> Iterator[SeenSecret]:
    """Those of podman's list of secrets that have a name as this lab gives it."""
    for name in (item["Spec"]["Name"] for item in listed):
        if name.startswith(secret_prefix(lab)):
            answer = api.get(f"/secrets/{name}/json")
            if answer.status_code != NOT_FOUND:  # it may have gone meanwhile
                answer.raise_for_status()
                yield _seen(lab, name, answer.json()["Spec"].get("Labels") or {})


def _seen(lab: str, name: str, labels: Mapping[str, str]) -> SeenSecret:
    """What is known of a secret; ValueError when podman gave something another type."""
    fields = {
        "name": name,
        "parameter": labels.get(CONFIDED, ""),
        "fingerprint": labels.get(FINGERPRINT, ""),
        "mine": owns(lab, labels, name),
    }
    return msgspec.convert(fields, SeenSecret)
