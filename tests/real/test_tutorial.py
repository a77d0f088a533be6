"""The tutorial of docs/scenarios.md, step by step as it is written there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.real.accounts import Account
from tests.real.conftest import PROJECT
from tests.real.recording import Recorder, recorded_lab, verdicts
from tests.real.steps import step

pytestmark = pytest.mark.real

PAGE = PROJECT / "docs" / "scenarios.md"
BLOCK = re.compile(r"```\w+\n# (?P<file>\S+?)(?:, continued)?\n(?P<text>.*?)```", re.DOTALL)
SEEDED = '{SERVICE_NAME: bank, ERROR_SEED: 7, REPLICA: "${replica}", '
REFUTED = 4


def parts() -> list[tuple[str, str]]:
    """What the page has for each file, in its order."""
    return [(found["file"], found["text"]) for found in BLOCK.finditer(PAGE.read_text())]


@pytest.fixture(scope="module")
def run(
    account: Account, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recorder]:
    """A lab for the scenario of the page."""
    del images
    with recorded_lab(account, "tutorial", 27106, tmp_path_factory.mktemp("state")) as recorder:
        yield recorder


def test_the_tutorial_ends_with_a_measured_lab(run: Recorder, tmp_path: Path) -> None:
    found = parts()
    (tmp_path / "shop").mkdir()
    file = tmp_path / "shop.yaml"
    for name, text in [each for each in found if each[0] != "shop.yaml"]:
        (tmp_path / name).write_text(text)
    pods, path, *rest = (text for name, text in found if name == "shop.yaml")
    with step("its pods come up, and its path has laws"):
        file.write_text(pods.replace("{SERVICE_NAME: bank, ", SEEDED) + path)
        run("up", str(file), *run.ports())
        run("load", "-n", "50")
        outcomes = [check["outcome"] for check in run.records()[-1]["ledger"]["checks"]]
        assert f"ledger {len(outcomes)} of {len(outcomes)} laws hold" in PAGE.read_text()
        assert set(outcomes) == {"holds"}
        assert requests.get(run.lab.url, timeout=10).text in {"paid\n", "not paid\n"}
    with step("each further part is taken, and all claims are confirmed"):
        for text in rest:
            with file.open("a") as opened:
                opened.write(text)
            run("up", str(file), *run.ports())
        judged = run("verify", "-n", "300", "-o", "json").json
        assert set(verdicts(judged["claims"]).values()) == {"confirmed"}, judged
    with step("the change that it proposes is found out"):
        file.write_text(file.read_text().replace("250 *", "300 *"))
        run("up", str(file), *run.ports())
        judged = run("verify", "-n", "50", "-o", "json", status=REFUTED).json
        (paid,) = (claim for claim in judged["claims"] if claim["verdict"] != "confirmed")
        assert (paid["name"], paid["predicted"][0] * 250) == ("paid", paid["observed"][0] * 300)
