"""What podman holds, asked of its command line: not through the code under test."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.real.accounts import Account
from tests.real.waiting import PATIENCE

LABEL = "lab.name"


@dataclass(frozen=True)
class Podman:
    """The podman of an account, through the same service as its labs."""

    account: Account

    def __call__(self, *arguments: str, patience: float = PATIENCE) -> str:
        """Run a podman command that has to succeed, and return its output."""
        done = self.account.run(
            "podman", "--url", self.account.service(), *arguments, patience=patience
        )
        assert done.returncode == 0, f"podman {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - whatever podman prints
        """Run a podman command that prints JSON."""
        return json.loads(self(*arguments) or "null")

    def inspect(self, container: str) -> dict[str, Any]:
        """Everything podman knows of a container."""
        found: dict[str, Any] = self.json("container", "inspect", container)[0]
        return found

    def state(self, container: str) -> str:
        """The state of a container in podman's word."""
        status: str = self.inspect(container)["State"]["Status"]
        return status

    def ids(self, lab: str) -> dict[str, str]:
        """The ids of a lab's pods and containers, and the names of its networks and volumes."""
        return {f"{item.kind} {item.name}": item.id for item in self._items() if item.lab == lab}

    def states(self, lab: str) -> dict[str, str]:
        """Everything that carries a lab's label, or a name that only this lab would give."""
        return {
            f"{item.kind} {item.name}": f"{item.id} {item.state}".strip()
            for item in self._items()
            if item.lab == lab or item.name.startswith(f"{lab}-")
        }

    def events(self, lab: str, since: str) -> list[str]:
        """What happened to things of a lab since a time (seconds since 1970, as text)."""
        printed = self(
            "events", "--since", since, "--stream=false", "--format", "json", patience=PATIENCE
        )
        found = []
        for line in printed.splitlines():
            event = json.loads(line)
            name = event.get("Name") or ""
            labels = event.get("Attributes") or event.get("Details", {}).get("Attributes") or {}
            if name.startswith(f"{lab}-") or labels.get(LABEL) == lab:
                found.append(f"{event['Type']} {event['Status']} {name}")
        return found

    @staticmethod
    def now() -> str:
        """This moment, as :meth:`events` takes it."""
        return f"{time.time():.6f}"

    def exit_code(self, container: str, since: str) -> int:
        """With which code a container died since a time; it may be gone by now."""
        # Not as JSON: that leaves a code of 0 out.
        printed = self(
            "events", "--since", since, "--stream=false", "--format", "{{.ContainerExitCode}}",
            "--filter", "event=died", "--filter", f"container={container}",
        )  # fmt: skip
        (code,) = printed.split()
        return int(code)

    def _items(self) -> Iterator["_Item"]:
        for pod in self.json("pod", "ps", "--format", "json") or ():
            labels = pod.get("Labels") or {}
            yield _Item("pod", pod["Name"], pod["Id"], pod["Status"], labels.get(LABEL, ""))
        for c in self.json("ps", "--all", "--format", "json") or ():
            labels = c.get("Labels") or {}
            yield _Item("container", c["Names"][0], c["Id"], c["State"], labels.get(LABEL, ""))
        for network in self.json("network", "ls", "--format", "json") or ():
            labels = network.get("labels") or {}
            yield _Item("network", network["name"], network["id"], "", labels.get(LABEL, ""))
        for volume in self.json("volume", "ls", "--format", "json") or ():
            labels = volume.get("Labels") or {}
            yield _Item("volume", volume["Name"], volume["CreatedAt"], "", labels.get(LABEL, ""))


@dataclass(frozen=True)
class _Item:
    kind: str
    name: str
    id: str
    state: str
    lab: str
