"""What doctor finds on machines of all kinds, and what it advises."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from lab.engine import doctor, firewall, host, runtime, service
from lab.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.engine.doctor import Finding

ORDINARY = {
    "rootless": False,
    "cgroups": "v2",
    "may_raise_limits": True,
    "systemd": True,
    "runtimes": ("crun",),
}


@pytest.fixture
def examine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Finding]]:
    """Examine an ordinary machine with some differences; returns findings by name."""

    def examine(
        *,
        version: tuple[int, ...] | EngineError = (5, 4, 2),
        connection: EngineError | None = None,
        registry: str = "",
        unguarded: str | None = "",
        local: bool = True,
        programs: tuple[str, ...] = ("mmdebstrap", "newuidmap", "nft"),
        **differences: object,
    ) -> dict[str, Finding]:
        found = host.Host(**{**ORDINARY, **differences})  # type: ignore[arg-type]
        engine = SimpleNamespace(
            service=service.Service("unix:///x.sock", "a test"),
            local=local,
            images=SimpleNamespace(registry_trouble=lambda _: registry),
        )

        def give(value: object) -> object:
            if isinstance(value, EngineError):
                raise value
            return value

        monkeypatch.setattr(host, "look", lambda: found)
        monkeypatch.setattr(runtime, "trouble", lambda: "")
        monkeypatch.setattr(firewall, "trouble", lambda _url, **_: unguarded)
        monkeypatch.setattr(
            firewall, "tools", lambda: {name: name for name in ("nft",) if name in programs}
        )
        monkeypatch.setattr(service, "version", lambda: give(version))
        monkeypatch.setattr(doctor, "connect", lambda _: give(connection or engine))
        monkeypatch.setattr(
            "shutil.which", lambda name: f"/usr/bin/{name}" if name in programs else None
        )
        return {finding.name: finding for finding in doctor.examine()}

    return examine


def test_an_ordinary_machine_is_good_all_over(
    examine: Callable[..., dict[str, Finding]],
) -> None:
    findings = examine()
    assert {finding.state for finding in findings.values()} == {"good"}
    assert list(findings) == [
        *("podman", "cgroups", "limits", "systemd"),
        *("service", "firewall", "registry", "mmdebstrap"),
    ]
    assert findings["podman"].text == "5.4.2"
    assert findings["service"].text == "unix:///x.sock (a test)"


@pytest.mark.parametrize(
    ("differences", "name", "state", "remedy"),
    [
        ({"version": EngineError("podman is not installed", hint="h")}, "podman", "bad", "h"),
        ({"version": (3, 4)}, "podman", "bad", "upgrade podman"),
        ({"runtimes": ()}, "cgroups", "bad", "install crun or runc"),
        ({"cgroups": "hybrid"}, "cgroups", "bad", "install runc"),
        ({"cgroups": "hybrid", "runtimes": ("crun", "runc")}, "cgroups", "warning", ""),
        ({"cgroups": "v1", "rootless": True}, "cgroups", "warning", ""),
        ({"cgroups": "v1"}, "cgroups", "good", ""),
        ({"may_raise_limits": False}, "limits", "warning", ""),
        ({"may_raise_limits": False, "rootless": True}, "limits", "good", ""),
        ({"systemd": False}, "systemd", "warning", ""),
        ({"connection": EngineError("refused", hint="try")}, "service", "bad", "try"),
        ({"unguarded": None}, "firewall", "good", ""),
        ({"unguarded": "only root may"}, "firewall", "warning", ""),
        (
            {"unguarded": "no nft", "programs": ()},
            "firewall",
            "warning",
            "apt install nftables, dnf install nftables",
        ),
        ({"registry": "no answer"}, "registry", "warning", "lab builds from packages instead"),
        (
            {"programs": ()},
            "mmdebstrap",
            "warning",
            "apt install mmdebstrap, dnf install mmdebstrap",
        ),
        (
            {"programs": (), "rootless": True},
            "newuidmap",
            "bad",
            "install uidmap (Fedora: shadow-utils)",
        ),
    ],
)
def test_what_differs_is_found_with_its_remedy(
    examine: Callable[..., dict[str, Finding]],
    differences: dict[str, object],
    name: str,
    state: str,
    remedy: str,
) -> None:
    finding = examine(**differences)[name]
    assert (finding.state, finding.remedy) == (state, remedy)


def test_without_a_service_the_registry_is_not_asked(
    examine: Callable[..., dict[str, Finding]],
) -> None:
    assert "registry" not in examine(connection=EngineError("refused"))


def test_without_root_devices_that_cannot_be_opened_are_named(
    examine: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_usable", lambda _: False)
    findings = examine(rootless=True)
    assert (findings["tun"].state, findings["fuse"].state) == ("bad", "warning")
    assert findings["tun"].remedy == "as root: chmod 666 /dev/net/tun"


def test_of_a_podman_elsewhere_nothing_is_said_that_is_only_true_here(
    examine: Callable[..., dict[str, Finding]],
) -> None:
    findings = examine(local=False, version=EngineError("podman is not installed"))
    assert list(findings) == ["host", "service", "firewall", "registry", "mmdebstrap"]
    assert findings["host"].text == "not examined: podman is on another machine"


def test_what_podman_said_last_stands_beside_the_error(
    examine: Callable[..., dict[str, Finding]],
) -> None:
    finding = examine(connection=EngineError("it ended", hint="do", details=("one", "two")))
    assert (finding["service"].text, finding["service"].remedy) == ("it ended: two", "do")


def test_a_runtime_directory_that_cannot_be_used_is_named_with_the_one_that_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/" + "x" * 90)
    monkeypatch.setattr(runtime, "own", lambda: tmp_path)
    found = {finding.name: finding for finding in doctor.host_findings()}
    assert found["sockets"].text == (
        f"XDG_RUNTIME_DIR is too long for the path of a socket: lab uses {tmp_path}"
    )


def test_a_podman_whose_builds_reach_the_host_is_named(
    examine: Callable[..., dict[str, Finding]],
) -> None:
    found = examine(version=(4, 3, 1))["podman"]
    assert found.state == doctor.WARNING
    assert "CVE-2024-1753" in found.text
    assert "unless your distribution has repaired it" in found.text
    assert found.remedy == "upgrade podman to 5.3.2 or newer"
