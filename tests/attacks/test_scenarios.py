"""A stranger's scenario is read without reading anything else, and without ever taking long."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING

import pytest

from lab.errors import UsageError
from lab.topology import scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SUMMARY = "summary: s\n"
POD = "pods: {p: {containers: {c: {image: i}}}}\n"
HASH = "$6$rounds=5000$saltsalt$"
SHADOW = f"root:{HASH}:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stranger's directory, in which the user is; beside it are files of the user's."""
    (tmp_path / "shadow").write_text(SHADOW)
    (tmp_path / "outside.yaml").write_text("volumes: {outside: }\n")
    found = tmp_path / "stranger"
    found.mkdir()
    monkeypatch.chdir(found)
    return found


def refusal(text: str, name: str = "mine.yaml") -> str:
    """Everything that is said of a scenario that cannot be."""
    with open(name, "w") as file:  # noqa: PTH123 - relative, as the user types it
        file.write(text)
    with pytest.raises(UsageError) as caught:
        scenario.load(f"./{name}", given={})
    return "\n".join((caught.value.message, *caught.value.details, caught.value.hint))


def including(ref: str) -> str:
    """What is said of a scenario that includes a path."""
    return refusal(f"{SUMMARY}include: {ref}\n{POD}")


@pytest.mark.attack("8.9: include of a file outside the scenario's directory")
@pytest.mark.parametrize(
    "ref", ["/etc/shadow", "../shadow", "../outside.yaml", "./sub/../../shadow", "/dev/zero", "../"]
)
@pytest.mark.usefixtures("home")
def test_an_include_stays_in_the_scenarios_directory(ref: str) -> None:
    said = including(ref)
    assert "is outside the scenario's directory" in said
    assert "root" not in said


@pytest.mark.attack("8.9: include of an included file that leads outside")
def test_an_included_file_stays_in_the_directory_as_well(home: Path) -> None:
    (home / "sub").mkdir()
    (home / "sub/base.yaml").write_text("include: ../../outside.yaml\n")
    assert "is outside the scenario's directory" in including("./sub/base.yaml")


@pytest.mark.attack("8.9: include of a link out of the directory")
@pytest.mark.parametrize("ref", ["./link.yaml", "./up/shadow", "./up/outside.yaml"])
def test_an_include_follows_no_link(home: Path, ref: str) -> None:
    (home / "link.yaml").symlink_to("../outside.yaml")
    (home / "up").symlink_to("..")
    assert "is a symbolic link" in including(ref)


@pytest.mark.attack("8.9: include of links that lead in a circle")
def test_a_circle_of_links_is_a_sentence(home: Path) -> None:
    (home / "a.yaml").symlink_to("b.yaml")
    (home / "b.yaml").symlink_to("a.yaml")
    assert "is a symbolic link" in including("./a.yaml")


@pytest.mark.attack("8.9: a scenario, or an include, that is a pipe, a socket or a device")
@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_is_no_file_is_neither_read_nor_waited_for(home: Path, kind: str) -> None:
    odd = home / "odd.yaml"
    with socket.socket(socket.AF_UNIX) as listener:
        if kind == "pipe":
            os.mkfifo(odd)
        elif kind == "socket":
            listener.bind(str(odd))
        else:
            odd.symlink_to("/dev/zero")
        assert "is a symbolic link" in including("./odd.yaml") or "not a regular file" in including(
            "./odd.yaml"
        )
        with pytest.raises(UsageError, match="cannot read"):
            scenario.load("./odd.yaml", given={})


@pytest.mark.attack("8.9: a scenario that is a link to a file of the user's")
def test_a_scenario_that_is_a_link_is_not_followed(home: Path) -> None:
    (home / "mine.yaml").symlink_to("../shadow")
    with pytest.raises(UsageError, match="is a symbolic link") as caught:
        scenario.load("./mine.yaml", given={})
    assert HASH not in str(caught.value.details)


@pytest.mark.attack("8.9: include of a file beside the scenario that is none")
@pytest.mark.parametrize("content", [SHADOW, "db-password: hunter2\n", "TOKEN: abc\nsummary: s\n"])
def test_what_a_file_says_that_is_no_scenario_is_not_quoted(home: Path, content: str) -> None:
    (home / "secrets.yaml").write_text(content)
    said = including("./secrets.yaml")
    assert "secrets.yaml:1: " in said
    for word in ("root", HASH, "db-password", "hunter2", "TOKEN", "abc"):
        assert word not in said


@pytest.mark.attack("8.9: a thousand files that include each other")
def test_a_chain_of_includes_ends(home: Path) -> None:
    for number in range(1000):
        (home / f"{number}.yaml").write_text(f"include: ./{number + 1}.yaml\n")
    assert "more than 16 files are included" in including("./0.yaml")


def filled(unit: Callable[[int], str], head: str, tail: str = "") -> str:
    """A scenario as large as one can be: a head, units as many as fit, and a tail."""
    parts, room = [SUMMARY + head], 256 * 1024 - len(SUMMARY + head + tail)
    for number in range(room):
        part = unit(number)
        room -= len(part)
        if room < 0:
            break
        parts.append(part)
    return "".join((*parts, tail))


LONG = f"parameters: {{a: {{type: string, default: '{'x' * 100_000}'}}}}\n"
IN_ENVIRONMENT = "pods:\n p:\n  containers:\n   c:\n    image: i\n    environment:\n"
WITH_COPIES = "pods:\n b: {replicas: 200, containers: {c: {image: i}}}\n z:\n"
BOMBS = {
    "thousands of pods with 200 replicas each": (
        filled(
            lambda n: f" p{n}: {{replicas: 200, containers: {{c{n}: {{image: i}}}}}}\n", "pods:\n"
        ),
        "makes more than 245 pods",
    ),
    "200 copies of thousands of variables": (
        filled(lambda n: f"     A{n}: x\n", IN_ENVIRONMENT.replace(" p:", " p:\n  replicas: 200")),
        "makes more than 200000 keys and values",
    ),
    "thousands of containers": (
        filled(lambda n: f"   c{n}: {{image: i}}\n", "pods:\n p:\n  containers:\n"),
        "makes more than 1000 containers",
    ),
    "a long parameter, thousands of times in one text": (
        filled(lambda _: "${a}", f"{LONG}{IN_ENVIRONMENT}     A: '", "'\n"),
        "is longer than 128 KiB with its parameters filled in",
    ),
    "a long parameter in thousands of texts": (
        filled(lambda n: f"     A{n}: ${{a}}\n", LONG + IN_ENVIRONMENT),
        "makes all texts together longer than 4 MiB",
    ),
    "thousands of names for 200 copies": (
        filled(
            lambda n: f"   h{n}: b\n",
            f"{WITH_COPIES}  containers: {{zz: {{image: i}}}}\n  extra_hosts:\n",
        ),
        "resolves more than 100000 names",
    ),
    "thousands of lists of 200 copies": (
        filled(
            lambda n: f"      A{n}: {{each: h, port: 1}}\n",
            "pods:\n b: {replicas: 200, containers: {c: {image: i}}}\n z:\n  extra_hosts: {h: b}\n"
            "  containers:\n   zz:\n    build:\n     context: services\n     base: python\n"
            "     args:\n",
        ),
        "makes all texts together longer than 4 MiB",
    ),
    "a key as long as the file, above thousands of others": (
        filled(lambda n: f"  c{n}: 1\n", f"{POD}volumes:\n ? {'k' * 100_000}\n :\n"),
        "takes no settings",
    ),
}


@pytest.mark.attack("8.10: a scenario of less than 256 KiB that unfolds to gigabytes")
@pytest.mark.parametrize(("text", "said"), BOMBS.values(), ids=BOMBS)
@pytest.mark.usefixtures("home")
def test_a_bomb_is_counted_and_not_unfolded(text: str, said: str) -> None:
    refused = refusal(text)
    assert said in refused
    assert len(refused) < 20_000


VOLUMES = "".join(f" vol{number}:\n" for number in range(8000))
PODS = "".join(
    f" pod{number}: {{containers: {{c{number}: {{image: i}}}}}}\n" for number in range(200)
)
IN_VOLUMES = "pods:\n p:\n  containers:\n   c:\n    image: i\n    volumes:\n"
IN_HOSTS = " z:\n  containers: {zz: {image: i}}\n  extra_hosts:\n"
MISSPELT = {
    "volumes": (f"volumes:\n{VOLUMES}{IN_VOLUMES}", "     - vlo{}:/a{}\n"),
    "pods": (f"pods:\n{PODS}{IN_HOSTS}", "   h{}: pdo{}\n"),
    "quantities": (f"{POD}claims:\n", " c{}: {{says: x, holds: client.snet = client.sned}}\n"),
}


@pytest.mark.attack("8.10: thousands of misspelt names, each to be compared with thousands")
@pytest.mark.parametrize(("head", "unit"), MISSPELT.values(), ids=MISSPELT)
@pytest.mark.usefixtures("home")
def test_suggestions_end_with_the_problems_that_are_shown(
    head: str, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import difflib

    asked: list[int] = []
    found = difflib.get_close_matches

    def counting(word: str, known: list[str], **options: int) -> list[str]:
        known = list(known)
        asked.append(len(known))
        return found(word, known, **options)

    monkeypatch.setattr(difflib, "get_close_matches", counting)
    said = refusal(filled(lambda n: unit.format(n, n), head))
    assert "did you mean" in said
    assert len(asked) <= 21
    assert max(asked) <= 500


@pytest.mark.attack("8.10: a scenario whose parameters no model can take")
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("retries", 9 * 10**8, "is out of range: 0 to 1000"),
        ("error_rate", "500%", "is out of range: 0 to 1"),
        ("max_concurrent", 10**400, "has a number beyond"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_model_takes_no_values_beyond_theory(name: str, value: object, said: str) -> None:
    given = {"kind": "retries", "error_rate": "20%"} | {name: value}
    assert said in refusal(f"{POD}model: {json.dumps(given)}\n")
