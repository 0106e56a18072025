"""What is shipped to run the service elsewhere is well-formed and names what there is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from qa.config import ROOT, Settings

DEPLOY = ROOT / "deploy"


def known(variables: list[str]) -> None:
    fields = {f"QA_{name.upper()}" for name in Settings.model_fields} | {"QA_SECRETS_DIR"}
    assert variables
    assert set(variables) <= fields


def test_the_dockerfile_has_no_fault_that_a_linter_finds() -> None:
    linter = shutil.which("hadolint") or str(Path(sys.executable).with_name("hadolint"))
    if not Path(linter).exists():
        pytest.skip("hadolint is not installed")
    done = subprocess.run([linter, str(DEPLOY / "Dockerfile")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_sets_what_is_a_setting_and_copies_what_there_is() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    known(re.findall(r"\b(QA_[A-Z_]+)=", text))
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
    assert re.search(r"^USER \d+", text, re.MULTILINE)


def test_the_compose_file_runs_it_without_rights_and_with_a_secret() -> None:
    compose: Any = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    service = compose["services"]["qa"]
    known(list(service["environment"]))
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).exists()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert set(service["secrets"]) == set(compose["secrets"])
    named = {each.split(":")[0] for each in service["volumes"] if not each.startswith(".")}
    assert named == set(compose["volumes"])
    patience = Settings.model_fields["stop_seconds"].default
    assert float(service["stop_grace_period"].rstrip("s")) > patience


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    text = (DEPLOY / "qa-policy.service").read_text(encoding="utf-8")
    known(re.findall(r"\b(QA_[A-Z_]+)=", text))
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "qa-policy.service"
    unit.write_text(re.sub(r"^ExecStart=.*$", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Unknown" not in done.stderr
