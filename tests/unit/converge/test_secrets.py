"""Secrets: a value is kept as long as it is the same, and replaced together with who reads it."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from lab import lifecycle, secret_values
from lab.converge.plan import Action, Kind
from lab.converge.secrets import fingerprint, matches
from lab.converge.status import status
from lab.errors import UsageError
from lab.experiment.throwaway import throwaway
from lab.lifecycle import Lab, Prepared, Wish
from lab.progress import SilentReporter
from lab.topology import shell
from lab.topology.spec import LabSpec
from tests.unit.fake_engine import FakeEngine

if TYPE_CHECKING:
    from pathlib import Path

VALUE = "correct horse battery staple"
OTHER = "another"
SCENARIO = """\
summary: s
parameters:
  word: {type: string, default: one}
  password: {type: string, secret: true}
  token: {type: string, secret: true, default: null}
pods:
  db-pod:
    containers:
      db: {image: "db:1", secrets: [password, token]}
  web-pod:
    containers:
      web: {image: "web:1", environment: {WORD: "${word}"}}
"""


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_values, "_taken", {})


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(references={"db:1": "db id", "web:1": "web id"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "mine.yaml"
    found.write_text(SCENARIO)
    return found


def wish(file: Path, **values: str) -> Wish:
    """What is wished for with secrets that are files, and other parameters as they are."""
    given = {}
    for name, value in values.items():
        if name == "word":
            given[name] = value
        else:
            # Each in a file of its own: what was read once is not read again.
            source = file.with_name(f"{name}-{len(list(file.parent.iterdir()))}")
            source.write_text(f"{value}\n")
            given[name] = f"@{source}"
    return Wish(scenario=str(file), name="lab", given=given)


def prepared(engine: FakeEngine, file: Path, **values: str) -> Prepared:
    return lifecycle.prepare(Lab(engine, SilentReporter()), wish(file, **values))


def up(engine: FakeEngine, file: Path, **values: str) -> list[str]:
    """Bring the lab up; returns the steps that were carried out."""
    before = len(engine.done)
    lab = Lab(engine, SilentReporter())
    lifecycle.up(lab, prepared(engine, file, **values), timeout=1)
    return engine.done[before:]


def down(engine: FakeEngine) -> None:
    lifecycle.down(Lab(engine, SilentReporter()), "lab")


def values(engine: FakeEngine) -> dict[str, str]:
    return {secret.parameter: secret.value for secret in engine.secrets.values()}


def touched(done: list[str]) -> set[str]:
    """What the steps are about, without the record."""
    return {step.split(maxsplit=1)[1] for step in done if " record " not in step}


def test_a_value_is_kept_in_podman_and_nowhere_else(engine: FakeEngine, file: Path) -> None:
    made = prepared(engine, file, password=VALUE)
    up(engine, file, password=VALUE)
    assert values(engine) == {"password": VALUE}
    assert made.spec.parameters == {"word": "one", "password": "***", "token": None}
    observed = engine.observe("lab")
    kept = (made.spec, made.plan, observed, status(observed), repr(made), made.plan.steps)
    assert not any(VALUE in str(each) for each in kept)
    assert VALUE not in msgspec.json.encode((made.spec, made.plan, observed)).decode()
    assert "podman secret create" in shell.render(made.spec)


def test_the_same_value_changes_nothing(engine: FakeEngine, file: Path) -> None:
    up(engine, file, password=VALUE)
    assert up(engine, file, password=VALUE) == []


def test_another_value_replaces_what_reads_it_and_nothing_else(
    engine: FakeEngine, file: Path
) -> None:
    up(engine, file, password=VALUE)
    (old,) = engine.secrets
    done = up(engine, file, password=OTHER)
    (new,) = engine.secrets
    assert touched(done) == {"container db", f"secret {old}", f"secret {new}"}
    assert values(engine) == {"password": OTHER}
    assert done.index(f"create secret {new}") < done.index("create container db")
    assert done.index(f"remove secret {old}") > done.index("remove container db")
    assert status(engine.observe("lab")).in_sync


def test_a_secret_that_is_not_given_again_stays(engine: FakeEngine, file: Path) -> None:
    up(engine, file, password=VALUE)
    assert touched(up(engine, file, word="two")) == {"container web"}
    assert values(engine) == {"password": VALUE}


def test_one_that_may_be_unset_goes_like_every_parameter(engine: FakeEngine, file: Path) -> None:
    up(engine, file, password=VALUE, token=OTHER)
    assert values(engine) == {"password": VALUE, "token": OTHER}
    assert "container db" in touched(up(engine, file))
    assert values(engine) == {"password": VALUE}


def test_without_a_value_nothing_is_begun(engine: FakeEngine, file: Path) -> None:
    with pytest.raises(UsageError, match="needs the secret password") as caught:
        up(engine, file)
    assert "--set password=@FILE" in caught.value.hint
    assert "LAB_SECRET_PASSWORD" in caught.value.hint
    assert engine.done == []


def test_images_are_built_without_a_value(engine: FakeEngine, file: Path) -> None:
    built = lifecycle.build(Lab(engine, SilentReporter()), wish(file))
    assert built.plan.steps == ()


def test_a_secret_that_was_removed_is_named_and_made_again(engine: FakeEngine, file: Path) -> None:
    up(engine, file, password=VALUE)
    (name,) = engine.secrets
    engine.secrets.clear()
    found = status(engine.observe("lab"))
    assert found.drift == (f"create secret {name}  because it does not exist",)
    with pytest.raises(UsageError, match="needs the secret password"):
        up(engine, file)
    up(engine, file, password=VALUE)
    assert values(engine) == {"password": VALUE}
    assert status(engine.observe("lab")).in_sync


def test_down_leaves_no_secret(engine: FakeEngine, file: Path) -> None:
    up(engine, file, password=VALUE)
    done = len(engine.done)
    down(engine)
    kinds = [step.split()[1] for step in engine.done[done:]]
    assert engine.secrets == {}
    assert kinds.index("secret") > max(i for i, kind in enumerate(kinds) if kind == "pod")
    assert kinds[-1] == "record"


def test_what_an_interrupted_command_left_goes_with_the_next(
    engine: FakeEngine, file: Path
) -> None:
    begun = prepared(engine, file, password=VALUE)
    for step in begun.plan.steps:
        if step.kind is Kind.SECRET and step.action is Action.CREATE:
            engine.create_secret(step, VALUE)
            break
        engine.execute(step)
    up(engine, file, password=OTHER)
    assert values(engine) == {"password": OTHER}
    (secret,) = engine.secrets.values()
    engine.secrets["lab-secret-password-left"] = replace(secret, name="lab-secret-password-left")
    down(engine)
    assert engine.secrets == {}


def test_another_lab_s_secrets_are_left_alone(engine: FakeEngine, file: Path) -> None:
    up(engine, file, password=VALUE)
    (secret,) = engine.secrets.values()
    secret.lab = "two"
    down(engine)
    assert list(engine.secrets.values()) == [secret]


def test_a_fingerprint_tells_values_apart_and_is_never_the_same() -> None:
    one, other = fingerprint(VALUE), fingerprint(VALUE)
    assert one != other
    assert matches(VALUE, one)
    assert matches(VALUE, other)
    assert not matches("another", one)
    assert not matches(VALUE, "")
    assert not matches(VALUE, "not hexadecimal:00")


def test_a_value_comes_from_a_file_or_standard_input_without_its_last_line_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "value"
    for text, value in {"a": "a", "b\n": "b", "c\r\n": "c", "d\n\n": "d\n", " e ": " e "}.items():
        source = file.with_name(value.strip() + "x")
        source.write_bytes(text.encode())
        assert secret_values.read("s", f"@{source}") == value
    given = io.TextIOWrapper(io.BytesIO(b"from a pipe\n"))
    monkeypatch.setattr(sys, "stdin", given)
    assert secret_values.read("s", "@-") == "from a pipe"
    assert secret_values.read("s", "@-") == "from a pipe"
    secret_values._content.cache_clear()  # noqa: SLF001 - it is the process' only standard input


def test_a_value_comes_from_the_environment_which_loses_it(
    engine: FakeEngine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_SECRET_PASSWORD", VALUE)
    monkeypatch.setenv("LAB_SECRET_OF_ANOTHER_SCENARIO", "x")
    up(engine, file)
    assert values(engine) == {"password": VALUE}
    assert "LAB_SECRET_PASSWORD" not in os.environ


BAD = {
    "missing": (None, "cannot be read: No such file"),
    "empty": (b"\n", "is empty"),
    "not text": (b"\xff\xfe", "is not UTF-8 text"),
    "a NUL": (b"a\0b", "has a NUL in it"),
    "too long": (b"x" * 512_000, "is longer than 511999 bytes"),
}


@pytest.mark.parametrize(("data", "fault"), BAD.values(), ids=BAD)
def test_a_value_that_cannot_be_is_refused_before_podman_is_asked(
    file: Path, tmp_path: Path, data: bytes | None, fault: str
) -> None:
    source = tmp_path / "value"
    if data is not None:
        source.write_bytes(data)
    asked = Wish(scenario=str(file), name="lab", given={"password": f"@{source}"})
    with pytest.raises(UsageError, match=fault) as caught:
        asked.check()
    assert "--set password=@FILE" in caught.value.hint


def test_a_value_on_the_command_line_is_refused_and_not_repeated(file: Path) -> None:
    with pytest.raises(UsageError, match=r"^password is secret") as caught:
        Wish(scenario=str(file), name="lab", given={"password": VALUE}).check()
    assert VALUE not in f"{caught.value.message}{caught.value.hint}{caught.value.details}"


def test_a_spec_with_secrets_is_read_back(engine: FakeEngine, file: Path) -> None:
    made = prepared(engine, file, password=VALUE).spec
    assert LabSpec.from_json(made.to_json()) == made


PORT = "parameters:\n  port: {type: integer, default: 8000}"
PUBLISHED = (
    SCENARIO.replace("parameters:", PORT)
    + """\
    ports: [{name: web, published: "${port}", target: 80}]
"""
)


def test_a_lab_that_is_kept_where_it_is_published_keeps_its_secrets_too(file: Path) -> None:
    file.write_text(PUBLISHED)
    secret_values._taken["token"] = VALUE  # noqa: SLF001 - as from the environment
    first = wish(file, password=VALUE)
    recorded = replace(first, given={**first.given, "port": 9000}).wanted
    kept = first.keeping(recorded)
    assert [port.published for port in kept.ports()] == [9000]
    assert kept.secrets == first.wanted.secrets
    assert [secret.parameter for secret in kept.secrets] == ["password", "token"]


def test_a_throw_away_lab_is_given_the_secrets_of_the_wish(engine: FakeEngine, file: Path) -> None:
    lab = Lab(engine, SilentReporter())
    with throwaway(lab, wish(file, password=VALUE), "sweep") as mine:
        lifecycle.up(lab, lifecycle.prepare(lab, mine), timeout=1)
        (secret,) = engine.secrets.values()
        assert (secret.lab, secret.value) == (mine.name, VALUE)
    assert engine.secrets == {}
