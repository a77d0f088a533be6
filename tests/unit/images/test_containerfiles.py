from __future__ import annotations

import json

import pytest

from lab.errors import UsageError
from lab.images import containerfiles, contexts

FROM = "ARG BASE\nFROM ${BASE}\n"


def normalized(text: str) -> list[str]:
    return containerfiles.normalized(text.encode(), "Containerfile").decode().splitlines()


def faults(content: bytes) -> tuple[str, ...]:
    with pytest.raises(UsageError) as caught:
        containerfiles.normalized(content, "Containerfile")
    return caught.value.details


@pytest.mark.parametrize("shipped", ["services", "envoy", "haproxy", "prometheus"])
def test_the_containerfiles_that_ship_with_lab_are_accepted(shipped: str) -> None:
    arguments = {"RETRIES": "2", "MAX_RETRIES": "3", "SCRAPE_CONFIGS": "[]", "SERVICE": "a"}
    files = contexts.load(shipped, arguments)
    assert files["Containerfile"].content.startswith(b"ARG BASE\nFROM ${BASE}\n")


def test_every_instruction_is_one_line_without_comments() -> None:
    text = (
        "# about it\r\narg BASE\r\nFrom $BASE as build\r\n\r\n"
        "ENV A=1 \\\n  # why\n\n    B='two words' \\\n    C=3\n"
        'RUN ["python3",  "-c", "print(\'é\')"]\n'
        "RUN\techo a\tb && \\  \n\ttrue\n"
        "FROM $BASE\nCOPY --chown=1:2 --from=build a.* /b/\n"
        'copy ["with space", "/"]\n'
    )
    assert normalized(text) == [
        "ARG BASE",
        "FROM ${BASE} AS build",
        "ENV A=1     B='two words'     C=3",
        'RUN ["python3", "-c", "print(\'\\u00e9\')"]',
        "RUN echo a\tb && \ttrue",
        "FROM ${BASE}",
        "COPY --chown=1:2 --from=build a.* /b/",
        'COPY ["with space", "/"]',
    ]


@pytest.mark.parametrize(
    "line",
    [
        "RUN --mount=type=bind,from=one,source=/l,target=/m,rw true",
        "RUN --mount=type=cache,id=../../x,target=/m true",
        "run\t--mount=type=secret,id=x true",
        'RUN --"mount=type=bind" true',
        "RUN \\\n  --mount=type=bind,target=/m true",
        "RUN \\\n# a comment between\n\n --mount=type=bind,target=/m true",
        "RUN --network=host true",
        "RUN --security=insecure true",
        "RUN -- true",
        "RUN <<EOF\ntrue\nEOF",
        "RUN cat <<'EOF' >/x\nFROM alpine\nEOF",
        'RUN ["true"] --mount=type=bind,target=/m',
        'RUN ["true", 1]',
        "RUN [",
        "RUN",
        "ADD https://example.org/x /x",
        'ADD "https://example.org/x" /x',
        'ADD ["https://example.org/x", "/x"]',
        'ADD ["\\u0068ttps://example.org/x", "/x"]',
        "ADD ht\\tps://example.org/x /x",
        "ADD ${URL} /x",
        "ADD $URL /x",
        "ADD git@example.org:me/x.git /x",
        "ADD --checksum=sha256:0 x /x",
        "ADD --keep-git-dir=true x /x",
        "ADD x",
        "COPY https://example.org/x /x",
        "COPY <<EOF /x\ntext\nEOF",
        "COPY a <<EOF\ntext\nEOF",
        "COPY --from=docker.io/library/alpine /etc /x",
        "COPY --from=alpine /etc /x",
        "COPY --from=${STAGE} /etc /x",
        "COPY --from=0 /etc /x",
        "COPY --from=1 /etc /x",
        "COPY --from=²  /etc /x",
        'COPY "--from=alpine" /etc /x',
        "COPY --fr\\om=alpine /etc /x",
        "COPY --FROM=alpine /etc /x",
        "COPY --parents a /x",
        "COPY --chown=$(id) a /x",
        "FROM alpine",
        "FROM docker.io/library/alpine",
        "FROM $OTHER",
        "FROM ${BASE:-alpine}",
        "FROM ${BASE}x",
        "FROM x${BASE}",
        'FROM "${BASE}"',
        "FROM --platform=linux/arm64 ${BASE}",
        "FROM ${BASE} AS",
        "FROM ${BASE} IS x",
        "FROM ${BASE} AS Stage",
        "FROM ${BASE} AS ${X}",
        "FROM scratch",
        "FROM oci-archive:/etc/x",
        "VOLUME /data",
        'VOLUME ["/data"]',
        "ONBUILD RUN --mount=type=bind,target=/m true",
        "INCLUDE /etc/passwd",
        "LABEL lab.name=x",
        "LABEL Lab.Name=x",
        'LABEL "lab.name"=x',
        'LABEL a=1 "lab.digest"=x',
        "LABEL lab.name x",
        "LABEL ${KEY}=x",
        "LABEL l\\ab.name=x",
        "LABEL 'lab.name'=x",
        'LABEL a="b lab.name=x',
        "CMD --x",
        "ENTRYPOINT --x",
        "SHELL /bin/sh",
        "HEALTHCHECK --mount=x CMD true",
        "HEALTHCHECK RUN true",
        "ARG 1=2",
        "COPY a\u00a0--from=alpine /x",
        "RUN \u0085--mount=type=bind,target=/m true",
        "RUN echo \x1b[2J",
        "RUN \x0b--mount=type=bind true",
        "RUN true\rRUN --mount=type=bind,target=/m true",
        "RUN echo \\\\",
        f"RUN {'x' * containerfiles.MAX_LINE}",
    ],
)  # fmt: skip
def test_what_could_reach_beyond_a_build_is_refused_with_its_line(line: str) -> None:
    (fault, *_) = faults(f"{FROM}{line}\n".encode())
    assert fault.startswith("line 3: ")


@pytest.mark.parametrize("key", ["escape", "syntax", "check", "platform"])
@pytest.mark.parametrize("before", ["", "\n", "# about it\n", " "])
def test_parser_directives_are_refused(key: str, before: str) -> None:
    (fault,) = faults(f"{before}# {key.title()} = `\n{FROM}".encode())
    assert "a parser directive changes how the file is read" in fault


def test_a_comment_further_down_is_no_directive() -> None:
    assert normalized(f"{FROM}# escape=`\nUSER 1\n")[-1] == "USER 1"


@pytest.mark.parametrize("early", ["RUN true", "ENV BASE=alpine", "COPY a b", "USER 1"])
def test_only_arg_may_come_before_from(early: str) -> None:
    (fault,) = faults(f"{early}\n{FROM}".encode())
    assert fault == f"line 1: {early.split(maxsplit=1)[0]} comes before FROM"


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"ARG BASE\n", b"FROM ${BASE}\n\xff"])
def test_what_is_no_containerfile_is_refused(content: bytes) -> None:
    assert faults(content)


def test_all_faults_are_said_at_once_by_the_line_where_each_begins() -> None:
    found = faults(f"{FROM}RUN \\\n \\\n --mount=x true\nUSER 1\nVOLUME /x\n".encode())
    assert [fault.partition(":")[0] for fault in found] == ["line 3", "line 7"]


def test_a_continuation_at_the_end_cannot_swallow_what_lab_adds() -> None:
    assert normalized(f"{FROM}USER 1 \\\n") == ["ARG BASE", "FROM ${BASE}", "USER 1"]


def test_a_stage_has_a_name_of_its_own() -> None:
    assert normalized("FROM ${BASE} AS one\nFROM ${BASE}\nCOPY --from=0 a b\n")[2:] == [
        "COPY --from=0 a b"
    ]
    assert faults(b"FROM ${BASE} AS one\nFROM one\n") == ("line 2: FROM one is not ${BASE}",)
    (fault,) = faults(b"FROM ${BASE} AS one\nFROM ${BASE} AS one\n")
    assert fault.startswith("line 2: one cannot name a stage")


def test_every_stage_stands_on_the_base_itself_whatever_arguments_say() -> None:
    content = containerfiles.normalized(
        b"ARG BASE=alpine\nFROM $BASE AS one\nARG BASE=alpine\nFROM ${BASE}\n", "Containerfile"
    )
    based = containerfiles.based_on(content, "localhost/base:1").decode().splitlines()
    assert [line for line in based if line.startswith("FROM")] == [
        "FROM localhost/base:1 AS one",
        "FROM localhost/base:1",
    ]


def test_an_escaped_word_of_a_list_is_judged_by_what_it_means() -> None:
    listed = json.dumps(["\ud800", "/x"])
    assert faults(f"{FROM}COPY {listed}\n".encode())
