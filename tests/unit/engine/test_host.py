"""What a host denies, and the settings that podman then gets."""

from __future__ import annotations

import os
import resource
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from lab.engine import host, runtime

if TYPE_CHECKING:
    from pathlib import Path

ORDINARY = host.Host(
    rootless=False,
    cgroups="v2",
    may_raise_limits=True,
    systemd=True,
    runtimes=("crun", "runc"),
)


def like(**changes: Any) -> host.Host:  # noqa: ANN401 - any field of a Host
    return msgspec.structs.replace(ORDINARY, **changes)


def test_an_ordinary_host_needs_nothing() -> None:
    assert host.overrides(ORDINARY) == {}


def test_hybrid_cgroups_need_runc() -> None:
    assert host.overrides(like(cgroups="hybrid")) == {"engine": {"runtime": "runc"}}


@pytest.mark.parametrize(
    "other",
    [like(cgroups="hybrid", runtimes=("crun",)), like(cgroups="v1"), like(cgroups="none")],
)
def test_no_other_runtime_is_chosen_when_it_would_not_help(other: host.Host) -> None:
    assert host.overrides(other) == {}


def test_where_limits_cannot_be_raised_podman_asks_for_modest_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hard = {resource.RLIMIT_NOFILE: 1024, resource.RLIMIT_NPROC: resource.RLIM_INFINITY}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (0, hard[kind]))
    assert host.overrides(like(may_raise_limits=False)) == {
        "containers": {"default_ulimits": ["nofile=1024:1024", "nproc=10000:10000"]}
    }


def test_without_root_podman_chooses_its_own_limits() -> None:
    assert host.overrides(like(may_raise_limits=False, rootless=True)) == {}


def test_a_service_has_what_labs_depend_on_and_what_the_host_needs() -> None:
    found = host.required((4, 3, 1), like(cgroups="hybrid"))
    assert found["containers"]["no_hosts"] is False
    assert found["containers"]["volumes"] == []
    assert found["network"] == {"network_backend": "netavark"}
    assert found["engine"] == {
        "infra_command": "", "infra_image": "", "remote": False, "runtime": "runc",
    }  # fmt: skip


def test_lists_replace_those_that_ask_to_be_added_to() -> None:
    found = host.required((5, 4, 2), ORDINARY)["containers"]
    assert found["volumes"] == [{"append": False}]
    assert found["env"][1:] == [{"append": False}]


def tree(root: Path, *files: str, controllers: str = "cpu memory") -> None:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(controllers)


@pytest.mark.parametrize(
    ("files", "controllers", "expected"),
    [
        (["cgroup.controllers"], "cpu", "v2"),
        (["cpu/tasks", "memory/tasks"], "", "v1"),
        (["cpu/tasks", "unified/cgroup.controllers"], "cpu", "hybrid"),
        (["cpu/tasks", "unified/cgroup.controllers"], "\n", "v1"),
        ([], "", "none"),
    ],
)
def test_the_kind_of_cgroups_is_read_from_their_tree(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: list[str],
    controllers: str,
    expected: str,
) -> None:
    tree(tmp_path, *files, controllers=controllers)
    monkeypatch.setattr(host, "CGROUP_ROOT", tmp_path)
    assert host.look().cgroups == expected


def test_without_a_cgroup_file_system_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "CGROUP_ROOT", tmp_path / "missing")
    assert host.look().cgroups == "none"


def test_runtimes_are_those_on_the_path_in_podman_s_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("runc", "crun", "kata"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert host.look().runtimes == ("crun", "runc")


def test_later_files_win_key_by_key_and_lab_s_own_tables_last(tmp_path: Path) -> None:
    first, second = tmp_path / "1.conf", tmp_path / "2.conf"
    first.write_text('[engine]\nruntime = "crun"\nevents_logger = "file"\n[network]\nx = 1\n')
    second.write_text("[network]\nx = 2\n")
    assert host.merged([first, second], {"engine": {"runtime": "runc"}}) == {
        "engine": {"runtime": "runc", "events_logger": "file"},
        "network": {"x": 2},
    }


def test_files_that_are_missing_or_broken_are_passed_over(tmp_path: Path) -> None:
    broken, binary, good = tmp_path / "1", tmp_path / "2", tmp_path / "3"
    broken.write_text("[engine")
    binary.write_bytes(b"\xff\xfe")
    good.write_text("[a]\nb = 1\n")
    assert host.merged([tmp_path / "missing", broken, binary, good], {}) == {"a": {"b": 1}}


def test_a_table_replaces_what_is_no_table(tmp_path: Path) -> None:
    odd = tmp_path / "odd.conf"
    odd.write_text("engine = 1\n")
    tables = {"engine": {"runtime": "runc"}}
    assert host.merged([odd], tables) == tables


def test_a_user_s_own_configuration_comes_after_the_system_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "containers"
    tree(mine, "containers.conf.d/20.conf", "containers.conf.d/10.conf", "containers.conf.d/x.txt")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    files = runtime.configuration_files()
    assert [str(path) for path in files[:2]] == [
        "/usr/share/containers/containers.conf",
        "/etc/containers/containers.conf",
    ]
    assert files[-3:] == [
        mine / "containers.conf",
        mine / "containers.conf.d/10.conf",
        mine / "containers.conf.d/20.conf",
    ]


def test_root_has_no_configuration_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert not any(path.is_relative_to(tmp_path) for path in runtime.configuration_files())


@pytest.mark.parametrize(
    ("free", "files", "inodes", "lack"),
    [
        (host.ROOM, 0, 0, ""),  # a file system that counts no inodes
        (host.ROOM, 1000, 1, ""),
        (host.ROOM - 4096, 0, 0, "8188 KiB are free at /here"),
        (0, 1000, 1000, "0 KiB are free at /here"),
        (host.ROOM, 1000, 0, "no inodes are free at /here"),
    ],
)
def test_a_full_disk_has_no_room(
    free: int, files: int, inodes: int, lack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = SimpleNamespace(f_bavail=free // 4096, f_frsize=4096, f_files=files, f_favail=inodes)
    monkeypatch.setattr(os, "statvfs", lambda _: found)
    assert host.lack_of_room("/here") == (lack and f"no space left on device: {lack}")


def test_a_directory_that_is_not_here_is_not_judged() -> None:
    assert host.lack_of_room("/nowhere/at/all") == ""
