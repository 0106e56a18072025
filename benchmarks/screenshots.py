"""The pictures of README: ``python benchmarks/screenshots.py [--index DIR]``.

Opens the program in headless Chromium and writes the main states of chat and desk to
``docs/screenshots`` as WebP, each below 150 KB.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from qa.config import ROOT, Settings

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]
FOLDER = ROOT / "docs" / "screenshots"
MOST_BYTES = 150_000
WIDE, PHONE = (1440, 900), (390, 844)


@dataclass(frozen=True, slots=True)
class Picture:
    """A state of a face: who looks at it on what, and what has been done before."""

    name: str
    path: str
    language: str
    size: tuple[int, int]
    scheme: Literal["light", "dark"]
    steps: Callable[[Any], None]


def main() -> None:
    """Takes all pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--index", type=Path, default=Settings.from_environment().index)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, str(ROOT / "app.py"), "--port", "0", "--index", str(options.index),
        ]  # fmt: skip
        environment = os.environ | {"QA_JOURNAL": str(Path(folder) / "journal.sqlite")}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        ) as app:
            try:
                assert app.stdout
                _take_all(app.stdout.readline().strip())
            finally:
                app.terminate()


def _take_all(address: str) -> None:
    from playwright.sync_api import sync_playwright

    _wait(address)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for picture in PICTURES:
            width, height = picture.size
            page = browser.new_context(
                locale=picture.language,
                color_scheme=picture.scheme,
                viewport={"width": width, "height": height},
            ).new_page()
            page.goto(address + picture.path)
            page.wait_for_selector(".qa:not([hidden])")
            picture.steps(page)
            page.wait_for_timeout(500)
            _save(page.screenshot(), FOLDER / f"{picture.name}.webp")
            page.context.close()
        browser.close()


def _wait(address: str) -> None:
    while True:
        try:
            urllib.request.urlopen(f"{address}/faces").close()
            return
        except urllib.error.HTTPError:
            time.sleep(0.5)


def _save(png: bytes, path: Path) -> None:
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in (88, 75, 60, 45):
        picture.save(path, "WEBP", quality=quality, method=6)
        if path.stat().st_size < MOST_BYTES:
            break
    print(f"{path.name}: {path.stat().st_size // 1000} KB")


# --- what is done


def _welcome(page: Any) -> None:
    page.wait_for_selector(".examples:not([data-waiting])")


def _asked(*questions: str) -> Callable[[Any], None]:
    def ask(page: Any) -> None:
        for question in questions:
            page.fill("textarea", question)
            page.press("textarea", "Enter")
            page.wait_for_selector(".qa:not([aria-busy])")

    return ask


def _duties(page: Any) -> None:
    _asked("出口退税多久能办好？")(page)
    page.locator(".chip").first.click()
    page.wait_for_selector(".duties .link")


def _looked_up(text: str, *keys: str) -> Callable[[Any], None]:
    def look_up(page: Any) -> None:
        page.fill(".search input", text)
        page.wait_for_function(
            "text => document.querySelector('.found').dataset.of === text", arg=text
        )
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(400)

    return look_up


PICTURES = (
    Picture("welcome-zh", "/", "zh-CN", WIDE, "light", _welcome),
    Picture("answer-zh", "/", "zh-CN", WIDE, "light", _duties),
    Picture(
        "follow-up-en", "/", "en-US", WIDE, "light",
        _asked("How long does an export tax refund take?", "Which department is responsible?"),
    ),
    Picture("answer-ko-dark", "/", "ko-KR", WIDE, "dark", _asked("수출 환급은 얼마나 걸리나요?")),
    Picture(
        "phone-number-check-zh", "/", "zh-CN", PHONE, "light",
        _asked("技术先进型服务企业所得税是按20%征收吗？"),
    ),
    Picture("phone-choice-ko-dark", "/", "ko-KR", PHONE, "dark", _asked("금융 지원")),
    Picture("desk-zh", "/desk", "zh-CN", WIDE, "light", _looked_up("保费谁出", "Enter")),
    Picture("desk-call-en", "/desk", "zh-CN", WIDE, "light", _looked_up("ckts", "Enter", "l", "h")),
    Picture("desk-phone-ko-dark", "/desk", "ko-KR", PHONE, "dark", _looked_up("수출 환급")),
)  # fmt: skip


if __name__ == "__main__":
    main()
