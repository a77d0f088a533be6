"""Whatever a scenario file holds, it becomes a spec or a UsageError, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lab.errors import UsageError
from lab.topology import scenario
from lab.topology.spec import LabSpec

if TYPE_CHECKING:
    from pathlib import Path

WORDS = (
    *("summary", "include", "parameters", "volumes", "pods", "extra_hosts", "ports", "containers"),
    *("build", "image", "command", "environment", "user", "tmpfs", "read_only", "mem_limit"),
    *("pids_limit", "stop_grace_period", "context", "base", "args", "type", "default", "minimum"),
    *("integer", "address", "name", "published", "target", "ready", "_common", "./mine.yaml"),
    *("${a}", "$", "$$", "null", "~", "", "true", "1", "-1", "512m", "5s", "127.0.0.1", "a", "/"),
    *("services", "./x", "../..", "\x00", "\ud800", "a:/b", "A=1", "\x1b[31m"),
)

word = st.sampled_from(WORDS) | st.text(max_size=8)
tree = st.recursive(
    word | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(word, inner, max_size=5),
    max_leaves=30,
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scenario")


def outcome(directory: Path, data: bytes) -> LabSpec | UsageError:
    (directory / "mine.yaml").write_bytes(data)
    try:
        return scenario.load(str(directory / "mine.yaml"), given={})
    except UsageError as error:
        return error


def flow(value: object) -> str:
    """YAML in flow style, with every text in double quotes or as it is."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(_escaped(char) for char in value) + '"'
    return str(value).lower().replace("none", "null")


def _escaped(char: str) -> str:
    return char if char.isalnum() and char.isascii() else f"\\U{ord(char):08x}"


@given(st.binary(max_size=200))
@example(b"\xff\xfes\x00")
@example(b"%YAML 9.9\n---\na: b\n")
@example(b"? \n")
@example(b'"\\U00110000": 1')
@example(b'summary: "\\ud800"')
def test_any_bytes_are_read_or_refused(directory: Path, data: bytes) -> None:
    assert isinstance(outcome(directory, data), LabSpec | UsageError)


@given(st.text(st.sampled_from("ab:-[]{},&*!|>'\"%@`#?~\n\t $1"), max_size=120))
def test_any_yaml_syntax_is_read_or_refused(directory: Path, text: str) -> None:
    assert isinstance(outcome(directory, text.encode()), LabSpec | UsageError)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries(
        {
            "summary": word,
            "parameters": st.dictionaries(word, tree, max_size=3),
            "volumes": st.dictionaries(word, tree, max_size=2),
            "pods": st.dictionaries(
                word,
                st.fixed_dictionaries(
                    {"containers": st.dictionaries(word, tree, max_size=3)},
                    optional={"extra_hosts": tree, "ports": tree},
                ),
                max_size=3,
            ),
        },
        optional={"include": word},
    )
)
def test_any_words_in_the_right_places_are_read_or_refused(
    directory: Path, content: dict[str, object]
) -> None:
    found = outcome(directory, flow(content).encode())
    if isinstance(found, LabSpec):
        assert LabSpec.from_json(found.to_json()) == found
    else:
        assert found.details
        assert all(line.isprintable() for line in found.details)


@given(st.sampled_from(["direct", "sidecar"]), st.dictionaries(word, word | st.integers()))
def test_any_parameters_are_taken_or_refused(name: str, given_: dict[str, str | int]) -> None:
    try:
        spec = scenario.load(name, given=given_)
    except UsageError as error:
        assert error.message.isprintable()  # noqa: PT017 - either outcome is right
    else:
        assert set(given_) <= set(spec.parameters)
