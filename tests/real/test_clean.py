"""`lab clean` on a storage with images of several origins."""

import pytest

from tests.real.accounts import Account
from tests.real.labs import Result, run_lab
from tests.real.private_podman import Podman, service, storage

pytestmark = pytest.mark.real


def made(podman: Podman, reference: str, base: str = "scratch", label: str = "") -> None:
    """Build an image; what is built on lab's has its label."""
    file = podman.directory / "Containerfile"
    # Without a layer of its own an image would be the one below it by another name.
    file.write_text(f"FROM {base}\nLABEL name={reference} {label}\n")
    podman.run("build", "--quiet", "--file", str(file), "--tag", reference, str(podman.directory))


def references(podman: Podman) -> set[str]:
    found = podman.run("images", "--format", "{{.Repository}}:{{.Tag}}")
    return set(found.split())


def test_clean_removes_what_lab_built_and_nothing_uses_and_no_other_image(
    account: Account,
) -> None:
    with storage() as podman, service(podman):

        def clean(*words: str) -> Result:
            url = f"unix://{podman.directory}/podman.sock"
            return run_lab(account, "clean", "--engine", url, *words)

        for name in ("unused", "used", "base"):
            made(podman, f"localhost/lab/{name}:1", label="lab.source=packages")
        made(podman, "localhost/mine:1", base="localhost/lab/base:1")
        made(podman, "localhost/lab/strangers:1")
        podman.run("tag", "localhost/lab/unused:1", "localhost/renamed:1")
        podman.run("create", "--name", "user", "localhost/lab/used:1", "/nothing")
        before = references(podman)
        planned = clean("--dry-run").out
        assert "remove image localhost/lab/unused:1  because no lab uses it (" in planned
        assert "keep image localhost/lab/used:1  because container user uses it" in planned
        assert references(podman) == before
        assert "removed 2 images" in clean().out
        assert before - references(podman) == {"localhost/lab/unused:1", "localhost/lab/base:1"}
        assert "nothing to do" in clean().out
