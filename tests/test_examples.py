"""The examples run against a running service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from serving import served

from qa.api.mount import mount_api
from qa.assistant import Assistant
from qa.config import ROOT
from qa.web.chat import Chat

QUESTIONS = ("出口退税几天办结？", "哪个部门负责？")


@pytest.fixture(scope="module")
def address(assistant: Assistant) -> Iterator[str]:
    app = FastAPI()
    mount_api(app, Chat(assistant))
    with served(app) as address:
        yield address


def run(address: str, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "QA_ADDRESS": address},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


@pytest.mark.parametrize(
    ("needed", "command"),
    [
        (("jq", "curl"), ("sh", "examples/ask.sh", *QUESTIONS)),
        ((), (sys.executable, "examples/ask.py", *QUESTIONS)),
        (("node",), ("node", "examples/ask.mjs", *QUESTIONS)),
        ((), (sys.executable, "examples/chat_completions.py", *QUESTIONS)),
        ((), (sys.executable, "examples/tools.py", QUESTIONS[0])),
    ],
    ids=["curl", "python", "javascript", "chat completions", "tools"],
)
def test_an_example_prints_the_answer(
    address: str, needed: tuple[str, ...], command: tuple[str, ...]
) -> None:
    for program in needed:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    done = run(address, *command)
    assert done.returncode == 0, done.stderr
    assert "自申报之日起3个工作日内办结出口退税" in done.stdout
    assert done.stdout.count("市税务局") >= (1 if "completions" in command[1] else len(command) - 2)


def test_every_example_is_run_and_named() -> None:
    names = {path.name for path in (ROOT / "examples").iterdir() if path.suffix != ".md"}
    assert names == {"ask.sh", "ask.py", "ask.mjs", "chat_completions.py", "tools.py"}
    readme = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert all(f"examples/{name}" in readme for name in names)


def test_an_example_tells_what_is_wrong(address: str) -> None:
    done = run(address, sys.executable, "examples/ask.py", "a" * 20_000)
    assert done.returncode != 0
    assert "errors" in done.stderr


def test_what_the_documentation_shows_is_what_the_interface_gives(assistant: Assistant) -> None:
    """Every path of the description stands in docs/api.md, and none that there is not."""
    import re

    from qa.api.routes import MOUNT, api

    described = {f"{MOUNT}{path}" for path in api(Chat(assistant)).openapi()["paths"]}
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:GET|POST) (/api/v1/[^`?]*)`", text))
    assert named == described
    for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        json.loads(block)
