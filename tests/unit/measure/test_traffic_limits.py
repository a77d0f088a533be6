"""What this machine cannot send is its own matter: limits are raised, or said, and never judged."""

import json
import subprocess
import sys

import pytest

from tests.unit.measure.scripted_server import Reply, Server

FILES = 64
"""A limit of open files that is enough for Python, and not for a hundred connections."""
UNCHECKED = """
from lab.measure.traffic import files
files.check = files.allow = lambda connections: None
from lab.cli import app
app()
"""
"""The command when it does not see that files run out: another process may take the last ones."""


@pytest.fixture
def server() -> Server:
    return Server(lambda _: Reply())


def lab_load(
    server: Server, limits: str, *options: str, program: tuple[str, ...] = ("-m", "lab")
) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, *program, "load", "--url", server.url, "-o", "json", *options]
    return subprocess.run(
        ["/bin/sh", "-c", f'ulimit {limits}; exec "$@"', "sh", *words],
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_soft_limit_of_open_files_is_raised(server: Server) -> None:
    with server:
        done = lab_load(server, f"-S -n {FILES}", "-n", "500", "-c", "100")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["sent"], found["succeeded"], found["unsent"]) == (500, 500, 0)


def test_a_hard_limit_that_is_too_low_is_said_before_anything_is_sent(server: Server) -> None:
    with server:
        done = lab_load(server, f"-n {FILES}", "-n", "500", "-c", "100")
    assert done.returncode == 1
    assert "100 requests at a time need" in done.stderr
    assert f"this process may have {FILES} at most" in done.stderr
    assert "-c " in done.stderr.split("hint:")[1]
    assert server.connected == 0


def test_what_the_hint_says_works(server: Server) -> None:
    with server:
        refused = lab_load(server, f"-n {FILES}", "-n", "500", "-c", "100")
        most = refused.stderr.split("(-c ")[1].split(")")[0]
        done = lab_load(server, f"-n {FILES}", "-n", "500", "-c", most)
    assert done.returncode == 0, done.stderr


def test_requests_that_could_not_be_sent_do_not_count_against_the_service(server: Server) -> None:
    with server:
        done = lab_load(server, f"-n {FILES}", "-n", "500", "-c", "100", program=("-c", UNCHECKED))
    found = json.loads(done.stdout)
    assert found["unsent"] > 0
    assert found["sent"] + found["unsent"] == 500
    assert (found["failed"], found["errors"], found["success_rate"]) == (0, {}, 1.0)
    assert server.received == found["sent"] == found["succeeded"]
    assert done.returncode == 5
