from __future__ import annotations

import pytest

from lab.errors import UsageError
from lab.images import contexts, requirements

HASH = f"--hash=sha256:{'ab' * 32}"


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(UsageError) as caught:
        requirements.parse(text.encode(), "requirements.txt")
    return caught.value.details


def test_pins_are_written_anew_one_a_line() -> None:
    text = (
        f"# by uv\r\naiohttp[speedups]==3.14.5 ; python_version >= '3.11' \\\n    {HASH} \\\n"
        f"    {HASH}  # twice\n\n  Under_score == 1.0.post1 {HASH}\n"
    )
    assert requirements.parse(text.encode(), "x").splitlines() == [
        f'aiohttp[speedups]==3.14.5; python_version >= "3.11" {HASH} {HASH}',
        f"Under_score==1.0.post1 {HASH}",
    ]


def test_what_ships_with_lab_is_accepted() -> None:
    content = (contexts.locate("services") / requirements.FILE).read_bytes()
    assert "aiohttp==" in requirements.parse(content, "x")


@pytest.mark.parametrize(
    "line",
    [
        "--index-url http://example.org/${TOKEN}/",
        "--extra-index-url=http://example.org/",
        "-i http://example.org/",
        "-r /etc/passwd",
        "-c constraints.txt",
        "-e .",
        "--find-links /tmp",
        "--no-binary :all:",
        "--config-settings x=y",
        f"a @ http://example.org/a.tar.gz {HASH}",
        f"a @ file:///tmp/a {HASH}",
        f"http://example.org/a.whl#sha256={'ab' * 32}",
        f"./a.whl {HASH}",
        f"/srv/a {HASH}",
        f"git+https://example.org/a {HASH}",
        "a==1",
        f"a {HASH}",
        f"a>=1 {HASH}",
        f"a==1,!=2 {HASH}",
        f"a==1.* {HASH}",
        f"a===1 {HASH}",
        "a==1 --hash=md5:" + "0" * 32,
        "a==1 --hash=sha256:" + "0" * 63,
        f"a==1 {HASH} --index-url=http://example.org/",
        f"a==1 --global-option=x {HASH}",
        f"a==1 {HASH} -r x",
        f"a==${{VERSION}} {HASH}",
        f'a==1; python_version == "${{TOKEN}}" {HASH}',
        f"a==1 \\\n--index-url=http://example.org/ {HASH}",
        f"a==1 {HASH}\x0b--index-url=http://example.org/",
        f"a==1 {HASH}\u2028-r x",
        f"a==1; {'(' * 20000} {HASH}",
        "a==1 \\\\\n" + HASH,
        "{% include %}",
    ],
)
def test_what_is_no_pin_is_refused_with_its_line(line: str) -> None:
    (fault,) = faults(f"# above\n{line}\n")
    assert fault.startswith("line 2: ")


def test_every_wrong_line_is_said_at_once() -> None:
    assert [fault[:7] for fault in faults(f"-r x\nb==1 {HASH}\nc\n")] == ["line 1:", "line 3:"]


def test_no_text_and_too_many_are_refused() -> None:
    with pytest.raises(UsageError):
        requirements.parse(b"\xff", "x")
    assert "more than" in faults(f"a==1 {HASH}\n" * (requirements.MAX_PINS + 1))[0]
