"""The command line, as a program among programs."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import SMALL, build_quickly

from qa.cli import main
from qa.encoder import load_encoder

CERAMICS = SMALL / "tangxi_ceramics.txt"


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> list[str]:
    """The options that name an index of the small corpus by the shipped encoder."""
    folder = tmp_path_factory.mktemp("cli")
    build_quickly(SMALL, folder, load_encoder(str(model_folder)))
    return ["--index", str(folder), "--model", str(model_folder)]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QA_CORPUS", "QA_INDEX", "QA_MODEL"):
        monkeypatch.delenv(name, raising=False)


def records(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


# --- within this process


def test_a_question_as_an_argument(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "禁止燃放烟花", *options]) == 0
    output = capsys.readouterr().out
    assert "「夜市内禁止燃放烟花。」" in output
    assert "市城市管理局" in output
    assert "棠溪市夜市管理办法" in output


def test_questions_give_a_record_each_in_order(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "--json", "禁止燃放烟花", "你好", "展位费补贴", *options]) == 0
    first, second, third = records(capsys.readouterr().out)
    assert (first["question"], second["question"], third["question"]) == (
        "禁止燃放烟花",
        "你好",
        "展位费补贴",
    )
    assert set(first) == {"question", "language", "outcome", "hits", "citations"}
    assert first["outcome"] == "answered"
    assert second == {
        "question": "你好",
        "language": "zh",
        "outcome": "small_talk",
        "hits": [],
        "citations": [],
    }
    hit = first["hits"][0]
    text = (SMALL / "tangxi_market.txt").read_text(encoding="utf-8")
    assert (hit["document"], hit["number"], hit["title"]) == ("tangxi_market", "第四条", "烟花")
    assert text[hit["start"] : hit["end"]] == hit["text"]
    assert hit["departments"] == ["市城市管理局"]
    assert hit["status"] == "unknown"
    assert 0 <= hit["probability"] <= 1
    assert first["citations"][0] == {
        "document": "tangxi_market", "number": "第四条", "quote": "夜市内禁止燃放烟花。", "translation": "", "status": "unknown",
    }  # fmt: skip


def ask_lines(lines: list[str], options: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Asks the lines on standard input."""
    data = io.BytesIO("".join(f"{line}\n" for line in lines).encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data, encoding="utf-8"))
    return main(["ask", "--json", *options])


def test_a_line_may_be_an_object_that_names_documents(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        json.dumps({"question": "第三条", "documents": ["tangxi_market"]}),
        json.dumps({"question": "第三条", "documents": ["tangxi_ceramics"]}),
        json.dumps({"question": "第三条", "documents": None}),
        json.dumps({"question": "第三条", "id": 7}),
    ]
    assert ask_lines(lines, options, monkeypatch) == 0
    found = [
        [hit["number"] for hit in record["hits"]] for record in records(capsys.readouterr().out)
    ]
    assert found == [["第三条"], ["三"], ["三", "第三条"], ["三", "第三条"]]


def test_an_unknown_document_is_named_and_nothing_found(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps({"question": "展位费补贴", "documents": ["absent"]}), "禁止燃放烟花"]
    assert ask_lines(lines, options, monkeypatch) == 0
    output = capsys.readouterr()
    assert output.err == "qa: the index has no document 'absent'\n"
    first, second = records(output.out)
    assert (first["outcome"], first["hits"]) == ("no_clause", [])
    assert second["outcome"] == "answered"


def test_of_several_questions_each_stands_before_its_answer(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "禁止燃放烟花", "展位费补贴多少", *options]) == 0
    output = capsys.readouterr().out
    places = [
        output.index(text)
        for text in ("? 禁止燃放烟花", "「夜市内", "? 展位费补贴多少", "「对参加")
    ]
    assert places == sorted(places)
    assert main(["ask", "禁止燃放烟花", *options]) == 0
    assert "?" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("limits", "documents"),
    [
        (["--document", "tangxi_market"], {"tangxi_market"}),
        (["--document", "tangxi_market", "--document", "tangxi_ceramics"], {"tangxi_market", "tangxi_ceramics"}),
        (["--department", "市税务局"], {"tangxi_ceramics"}),
        (["--since", "2030-01-01"], set()),
        (["--issuer", "棠溪市人民政府"], set()),
        (["--region", "威海"], set()),
        (["--on", "2031-01-01"], set()),
    ],
)  # fmt: skip
def test_a_search_can_be_limited(
    limits: list[str], documents: set[str], options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "--json", "窑厂的补贴和出口退税", *limits, *options]) == 0
    (record,) = records(capsys.readouterr().out)
    assert {hit["document"] for hit in record["hits"]} == documents


def test_a_line_may_limit_its_own_question(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        json.dumps({"question": "窑厂补贴", "department": "市税务局"}),
        json.dumps({"question": "窑厂补贴", "since": "soon"}),
        json.dumps({"question": "窑厂补贴", "issuer": 7}),
        "窑厂补贴",
    ]
    assert ask_lines(lines, options, monkeypatch) == 0
    output = capsys.readouterr()
    numbers = [[hit["number"] for hit in record["hits"]] for record in records(output.out)]
    assert numbers[:3] == [["二"], [], []]
    assert len(numbers[3]) > 1
    assert "soon" in output.err
    assert "issuer is 7" in output.err


def test_a_day_that_is_none_is_a_wrong_command(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["ask", "x", "--since", "2031-13-01", *options])
    assert caught.value.code == 2
    assert "'2031-13-01' is no day: write 2020-03-05" in capsys.readouterr().err


# --- quotations and versions


def test_a_quotation_is_checked(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    pasted = "夜市内禁止燃放烟花。摊位费每月300元。火星居民每人领取五只羊。"
    assert main(["check", "--json", pasted, *options]) == 0
    first, second, third = records(capsys.readouterr().out)
    assert (first["verdict"], first["document"], first["number"]) == (
        "verbatim",
        "tangxi_market",
        "第四条",
    )
    assert (second["verdict"], second["added_numbers"], second["missing_numbers"]) == (
        "altered",
        ["300"],
        ["200"],
    )
    assert second["changes"] == [
        {"original": "摊位费每月", "pasted": "摊位费每月", "same": True},
        {"original": "2", "pasted": "3", "same": False},
        {"original": "00元。", "pasted": "00元。", "same": True},
    ]
    assert (third["verdict"], third["document"], third["changes"]) == ("absent", "", [])
    assert main(["check", pasted, "--language", "en", *options]) == 0
    output = capsys.readouterr().out
    assert "摊位费每月[-2-]{+3+}00元。" in output
    assert "Numbers that the text does not have: 300" in output
    assert "Validity not stated" in output


def test_a_quotation_comes_from_standard_input_too(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = io.BytesIO("残疾人免收\n摊位费。\n".encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data, encoding="utf-8"))
    assert main(["check", *options]) == 0
    assert capsys.readouterr().out.startswith("■ 原文一致\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n"), encoding="utf-8"))
    assert main(["check", *options]) == 0
    assert capsys.readouterr().out == "没有可核对的文字。\n"


def test_versions_are_compared_as_files_and_as_documents(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new.txt"
    text = (SMALL / "tangxi_market.txt").read_text("utf-8")
    new.write_text(text.replace("每月200元", "每月300元"), "utf-8")
    command = ["changes", "tangxi_market", str(new), "--index", options[1]]
    assert main([*command, "--json"]) == 0
    changed = [
        record for record in records(capsys.readouterr().out) if record["kind"] != "unchanged"
    ]
    assert [(record["old"]["number"], record["new"]["number"]) for record in changed] == [
        ("第二条", "第二条")
    ]
    assert {"old": "2", "new": "3", "same": False} in changed[0]["changes"]
    assert main(command) == 0
    output = capsys.readouterr().out
    assert "~ 修改: 第二条 摊位" in output
    assert "摊位费每月[-2-]{+3+}00元" in output
    assert "修改 1 条，未变 4 条" in output


def test_what_is_no_version_is_named(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["changes", "absent", "tangxi_market", "--index", options[1]]) == 1
    assert capsys.readouterr().err == (
        "qa: absent is no file and no document of the index; give the path of a file, or an id\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "{}",
        '{"question": 3}',
        "[1]",
        '{"question": null}',
        '{"questions": "x"}',
        "\0",
        '{"a": ' * 2000,
    ],
)
def test_any_other_line_is_itself_the_question(
    line: str,
    options: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ask_lines([line], options, monkeypatch) == 0
    (record,) = records(capsys.readouterr().out)
    assert record["question"] == line


def test_one_document_needs_no_list(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = json.dumps({"question": "禁止燃放烟花", "documents": "tangxi_ceramics"})
    assert ask_lines([line], options, monkeypatch) == 0
    (record,) = records(capsys.readouterr().out)
    assert {hit["document"] for hit in record["hits"]} == {"tangxi_ceramics"}


def test_documents_that_are_no_list_of_names_are_not_regarded(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps({"question": "禁止燃放烟花", "documents": odd}) for odd in (3, [3], {})]
    assert ask_lines(lines, options, monkeypatch) == 0
    assert [record["outcome"] for record in records(capsys.readouterr().out)] == ["answered"] * 3


@pytest.mark.parametrize("rendering", ["docx", "pdf", "html"])
def test_clauses_of_a_file_of_another_format(
    rendering: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from benchmarks.renderings import RENDERINGS

    ending, render = RENDERINGS[rendering]
    path = tmp_path / f"ceramics{ending}"
    path.write_bytes(render(CERAMICS.read_text(encoding="utf-8")))
    assert main(["clauses", str(path), "--json"]) == 0
    numbers = [clause["number"] for clause in records(capsys.readouterr().out)]
    assert numbers == ["一", "二", "三", "四", "五"]


def test_clauses_of_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clauses", str(CERAMICS), "--json"]) == 0
    clauses = records(capsys.readouterr().out)
    assert [clause["number"] for clause in clauses] == ["一", "二", "三", "四", "五"]
    text = CERAMICS.read_text(encoding="utf-8")
    assert all(text[clause["start"] : clause["end"]] == clause["text"] for clause in clauses)
    assert (clauses[4]["departments"], clauses[4]["lead"]) == (
        ["市工业和信息化局", "市财政局"],
        ["市工业和信息化局"],
    )
    assert (clauses[0]["title"], clauses[0]["path"]) == ("补贴参展费用", [])
    assert main(["clauses", str(CERAMICS)]) == 0
    assert "五  奖励新窑炉\n    市工业和信息化局、市财政局\n" in capsys.readouterr().out


def test_evaluate_prints_the_measures(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text(
        '{"question": "禁止燃放烟花", "clauses": ["第四条"], "split": "report"}\n'
        '{"question": "展位费补贴", "clauses": ["五"], "split": "tune"}\n',
        encoding="utf-8",
    )
    assert main(["evaluate", str(questions), "--split", "report", *options]) == 0
    output = capsys.readouterr().out
    assert "questions                          1 (1 answerable)" in output
    assert "right clause first                 1.000" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["ask", "x", "--index", "absent"],
            "qa: absent holds no index; run: python build_index.py",
        ),
        (["clauses", "absent.txt"], "qa: absent.txt cannot be read"),
        (["evaluate", "absent.jsonl"], "qa: absent.jsonl cannot be read"),
    ],
)
def test_what_is_wrong_with_files_is_exit_1_and_said_on_stderr(
    arguments: list[str], message: str, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if arguments[0] == "evaluate":
        arguments = [*arguments, *options]
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(message)
    assert "Traceback" not in output.err


@pytest.mark.parametrize("arguments", [[], ["sing"], ["ask", "--bad"], ["clauses"]])
def test_a_wrong_command_is_exit_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: qa" in capsys.readouterr().err


def test_interrupted_is_exit_130(options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("qa.assistant.Assistant.ask", interrupt)
    assert main(["ask", "x", *options]) == 130


# --- as a process of its own


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-m", "qa", *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        yield process
        if process.poll() is None:
            process.kill()


def test_each_answer_comes_before_the_next_question_whatever_the_locale(options: list[str]) -> None:
    environment = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    with running("ask", "--json", *options, **environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for question in ("禁止燃放烟花", "수출 환급", "plain"):
            process.stdin.write(f"{question}\n".encode())
            process.stdin.flush()
            assert json.loads(process.stdout.readline().decode())["question"] == question
        process.stdin.write(b"\xff\xfe not UTF-8\r\n")
        rest, errors = process.communicate(timeout=60)
        assert json.loads(rest.decode())["question"] == "�� not UTF-8"
        assert process.returncode == 0
        assert errors == b""


def test_a_reader_that_leaves_is_no_error(options: list[str]) -> None:
    with running("ask", "--json", *options) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("禁止燃放烟花\n".encode())
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        with suppress(BrokenPipeError):  # it may have ended already
            process.stdin.write("展位费补贴\n".encode() * 50)
            process.stdin.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


def test_without_an_index_the_process_says_what_to_do(tmp_path: Path) -> None:
    with running("ask", "x", "--index", str(tmp_path)) as process:
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert output == b""
        assert errors.decode().endswith("holds no index; run: python build_index.py\n")
