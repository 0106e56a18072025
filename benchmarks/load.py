"""How many questions a minute the service answers, how soon, and whether it grows: over HTTP.

    python -m benchmarks.load                                 1, 8, 32, 128 clients for 60 s each
    python -m benchmarks.load --seconds 10 --clients 1 32     a look
    python -m benchmarks.load --swaps 10                      and ten new indexes meanwhile
    python -m benchmarks.load --soak 1200                     20 minutes of 8 clients: memory

Starts ``app.py`` on a copy of the index, on loopback, in a process of its own; compares with what
encoding and searching cost without a service, measured in the same run. Each client keeps one
connection and asks its next question when the last is answered (a closed loop), so that the
throughput is what the service can do, and a time-out or a refusal counts as an error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle, pairwise
from pathlib import Path
from urllib.parse import urlsplit

from qa.config import ROOT, Settings

_PATIENCE = 60.0


@dataclass(slots=True)
class Load:
    """What happened to the questions of some clients; times in seconds."""

    face: str
    clients: int
    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    processor: float = 0.0

    def line(self) -> str:
        times = sorted(self.times) or [float("nan")]
        p50, p95, p99 = (1000 * times[min(len(times) - 1, int(q * len(times)))] for q in _SHARES)
        rate = len(self.times) / self.seconds
        return (
            f"| {self.face} | {self.clients} | {rate:.0f} | {p50:.0f} | {p95:.0f} | {p99:.0f} "
            f"| {1000 * self.processor / max(1, len(self.times)):.1f} | {len(self.errors)} |"
        )


_SHARES = (0.50, 0.95, 0.99)
_HEAD = "| face | clients | answers/s | p50 ms | p95 ms | p99 ms | CPU ms | errors |\n|---|---|---|---|---|---|---|---|"


class Service:
    """``app.py`` on an index that may be changed, with a journal of its own."""

    def __init__(self, folder: Path, settings: Settings, workers: int) -> None:
        self.index = folder / "index"
        shutil.copytree(settings.index, self.index)
        environment = os.environ | {
            "QA_JOURNAL": str(folder / "journal.sqlite"),
            "QA_API_KEYS": str(folder / "keys.json"),
            "PYTHONPATH": str(ROOT / "src"),
        }
        self._errors = (folder / "errors.txt").open("w")
        command = [sys.executable, "app.py", "--port", "0", "--index", str(self.index)]
        self.process = subprocess.Popen(
            [*command, "--workers", str(workers), "--model", settings.model],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=self._errors, text=True,
        )  # fmt: skip
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()

    def memory(self) -> float:
        """Megabytes in memory of the process and its workers, each shared page counted once."""
        import psutil

        parent = psutil.Process(self.process.pid)
        processes = [parent, *parent.children(recursive=True)]
        return float(sum(each.memory_full_info().pss for each in processes)) / 2**20

    def processor(self) -> float:
        """Seconds of processor time that the process and its workers have used: what a question
        costs, however much else the machine has to do."""
        import psutil

        parent = psutil.Process(self.process.pid)
        processes = [parent, *parent.children(recursive=True)]
        return sum(sum(each.cpu_times()[:2]) for each in processes)

    def swap(self) -> None:
        """Puts another build in use: the same one under another name."""
        from qa.builds import current_name, put_in_use

        name = f"{time.time_ns():016x}"[-16:]
        shutil.copytree(self.index / current_name(self.index), self.index / name)
        put_in_use(self.index, name)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self._errors.close()
        return code


class Client:
    """One connection that stays open (HTTP/1.1): a small client, so that the service and not the
    client is measured."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        reply = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), reply

    def close(self) -> None:
        if self._streams:
            self._streams[1].close()
            self._streams = None


_SERIAL = count()


def never_asked(question: str) -> str:
    """The question with punctuation that no other has: answers that are remembered do not help."""
    number = next(_SERIAL)
    return question + "".join("。？！…"[number >> 2 * digit & 3] for digit in range(10))


def requests(face: str, questions: Sequence[str], event: int) -> Iterator[tuple[str, bytes]]:
    """Path and body of each question, over and over."""
    for number, question in enumerate(map(never_asked, cycle(questions))):
        if face == "api":
            yield "/api/v1/answer", json.dumps({"question": question}).encode()
        else:
            asked = {"question": question, "language": "zh", "id": number}
            body = {
                "data": [],
                "event_data": asked,
                "fn_index": event,
                "session_hash": f"load{number % 50}",
            }
            yield "/gradio_api/run/predict", json.dumps(body).encode()


async def load(
    address: str, face: str, clients: int, seconds: float, questions: Sequence[str], event: int
) -> Load:
    """Has clients ask for some seconds."""
    result = Load(face, clients)
    began = time.perf_counter()

    async def one(number: int) -> None:
        client = Client(address)
        shifted = [*questions[number % len(questions) :], *questions[: number % len(questions)]]
        for path, body in requests(face, shifted, event):
            asked = time.perf_counter()
            if asked - began >= seconds:
                break
            try:
                status, reply = await asyncio.wait_for(client.post(path, body), _PATIENCE)
            except (OSError, EOFError, TimeoutError, asyncio.IncompleteReadError) as error:
                result.errors.append(type(error).__name__)
                client.close()
                continue
            if status == 200 and b'"error.' not in reply:
                result.times.append(time.perf_counter() - asked)
            else:
                result.errors.append(str(status))
        client.close()

    await asyncio.gather(*(one(number) for number in range(clients)))
    result.seconds = time.perf_counter() - began
    return result


def bare(
    settings: Settings, questions: Sequence[str], seconds: float
) -> tuple[float, float, float]:
    """Milliseconds a question costs in this process without a service: encoded, encoded and
    searched, answered (the median)."""
    from qa.assistant import Assistant
    from qa.encoder import load_encoder
    from qa.text import detect_language

    assistant = Assistant.open(settings.index, load_encoder, settings.model)
    encoder = load_encoder(settings.model)
    costs: list[list[float]] = [[], [], []]
    until = time.perf_counter() + seconds
    for number, question in enumerate(cycle(questions)):
        marks = [time.perf_counter()]
        encoder.encode([question])
        marks.append(time.perf_counter())
        assistant.search(question, detect_language(question))
        marks.append(time.perf_counter())
        assistant.ask(never_asked(question))
        marks.append(time.perf_counter())
        if number >= len(questions):  # what is loaded at first use is loaded
            for cost, (begin, end) in zip(costs, pairwise(marks), strict=True):
                cost.append(1000 * (end - begin))
        if marks[-1] > until and number > 2 * len(questions):
            break
    encoded, searched, answered = map(statistics.median, costs)
    return encoded, searched, answered


def questions_of(settings: Settings) -> list[str]:
    """Known questions of the index in each language, so that all parts of the service work."""
    from qa.index import open_index

    index = open_index(settings.index)
    places = index.wordings()[:: max(1, len(index.wordings()) // 200)]
    return [index.passages[place].text for place in places] or ["出口退税多久办结？", "refund?"]


async def until_ready(service: Service) -> int:
    """Waits until the chat answers, and gives the number of the event that asks."""
    import urllib.request

    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{service.address}/readyz"):
                break
        except OSError:
            await asyncio.sleep(0.2)
    with urllib.request.urlopen(f"{service.address}/config") as reply:
        dependencies = json.load(reply)["dependencies"]
    await asyncio.sleep(8)  # what the program loads once its page is open
    return int(next(d["id"] for d in dependencies if any(t[1] == "input" for t in d["targets"])))


async def measure(options: argparse.Namespace, settings: Settings, service: Service) -> int:
    questions = questions_of(settings)
    event = await until_ready(service)
    failed = 0
    print(_HEAD)
    for face in options.faces:
        await load(service.address, face, 4, 3.0, questions, event)  # warm
        for clients in options.clients:
            before = service.processor()
            result = await load(service.address, face, clients, options.seconds, questions, event)
            result.processor = service.processor() - before
            failed += len(result.errors)
            print(result.line(), flush=True)
    if options.swaps:
        asking = asyncio.create_task(
            load(service.address, "api", 8, 3.0 * options.swaps + 3, questions, event)
        )
        for _ in range(options.swaps):
            await asyncio.sleep(3)
            await asyncio.to_thread(service.swap)
        result = await asking
        failed += len(result.errors)
        print(f"\n{options.swaps} swaps:\n{_HEAD}\n{result.line()}")
    if options.soak:
        await soak(options.soak, service, questions, event)
    return failed


async def soak(seconds: float, service: Service, questions: Sequence[str], event: int) -> None:
    """Asks for a long time, and tells how much memory is in use every twentieth of it."""
    print("\n| s | MB |\n|---|---|")
    began, sizes = time.perf_counter(), []
    for _ in range(20):
        await load(service.address, "api", 4, seconds / 40, questions, event)
        await load(service.address, "chat", 4, seconds / 40, questions, event)
        sizes.append(service.memory())
        print(f"| {time.perf_counter() - began:.0f} | {sizes[-1]:.1f} |", flush=True)
    print(f"growth after the first fifth: {100 * (sizes[-1] / sizes[3] - 1):+.1f} %")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 8, 32, 128])
    parser.add_argument("--faces", nargs="*", choices=("api", "chat"), default=["api", "chat"])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--swaps", type=int, default=0)
    parser.add_argument("--soak", type=float, default=0.0, metavar="SECONDS")
    options = parser.parse_args()
    settings = Settings.from_environment()
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), settings, options.workers)
        try:
            failed = asyncio.run(measure(options, settings, service))
            print(f"\nmemory: {service.memory():.0f} MB")
        finally:
            code = service.stop()
    encoded, searched, answered = bare(settings, questions_of(settings), 3.0)
    print(
        f"bare, a question: encoded {encoded:.2f} ms, searched {searched:.2f} ms, "
        f"answered {answered:.2f} ms ({1000 / answered:.0f}/s); exit code of the service {code}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
