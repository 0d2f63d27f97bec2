"""Small arenas for the tests: folders of pictures that say who painted them, databases, a server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hanmo.evaluate.arena.sources import Question, folder_model, questions_of
from hanmo.evaluate.arena.tables import open_database
from hanmo.evaluate.arena.votes import Ballots

NAMES = ("secret-red", "secret-green", "secret-blue")
COLOURS = {"secret-red": (200, 30, 30), "secret-green": (30, 160, 60), "secret-blue": (40, 60, 200)}
TEXTS = {"cat": "a cat", "sign-1": "a sign", "tea": "一壶茶", "two-3": "two cups"}


def write_models(folder: Path, names: Sequence[str] = NAMES) -> list[Path]:
    """A folder for each model, as runs leave them; each picture names its model in its metadata."""
    for shade, name in enumerate(names):
        (folder / name / "pictures").mkdir(parents=True)
        for number, prompt in enumerate(TEXTS):
            said = PngInfo()
            said.add_text("parameters", f"model: {name}")
            picture = Image.new("RGB", (48, 40), COLOURS.get(name, (9 * shade, 90, 30)))
            picture.putpixel((number, 0), (255, 255, 255))
            picture.save(folder / name / "pictures" / f"{prompt}-7.png", pnginfo=said)
        lines = [
            json.dumps({"id": one, "text": text, "group": "text" if number % 2 else "scene"}, ensure_ascii=False)
            for number, (one, text) in enumerate(TEXTS.items())
        ]
        (folder / name / "prompts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return [folder / name for name in names]


def models_of(folders: Sequence[Path]) -> tuple[list[Any], list[Question]]:
    questions = questions_of(folders)
    return [folder_model(folder.name, folder, questions) for folder in folders], questions


@dataclass
class Clock:
    """Time that a test moves."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Visitor:
    """A browser without a screen: cookies, JSON, and everything that was answered."""

    root: str
    jar: CookieJar = field(default_factory=CookieJar)
    answers: list[bytes] = field(default_factory=list)

    def ask(self, path: str, body: object = None, headers: dict[str, str] | None = None) -> tuple[int, Any, bytes]:
        """Status, headers and bytes of an answer."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json"} | (headers or {})
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        try:
            with opener.open(urllib.request.Request(self.root + path, data, sent), timeout=30) as answer:
                status, found, content = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, found, content = error.code, error.headers, error.read()
        self.answers.append(str(found).encode() + content)
        return status, found, content

    def post(self, path: str, body: object) -> tuple[int, Any]:
        status, _, content = self.ask(path, body)
        return status, json.loads(content)


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The application on a free port of this machine."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", server_header=False, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def ballots_at(where: str | Path, clock: Any = time.time) -> Iterator[Ballots]:
    ballots = Ballots(open_database(where), clock)
    try:
        yield ballots
    finally:
        ballots.close()


@contextmanager
def postgres() -> Iterator[str]:
    """A private PostgreSQL of this test's own, on a socket in a folder of its own; skipped where there is none."""
    initdb, server = shutil.which("initdb"), shutil.which("postgres")
    if initdb is None or server is None:
        pytest.skip("needs PostgreSQL's initdb and postgres on the path")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path must be short
    who: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    if who:
        os.chown(folder, 65534, 65534)  # PostgreSQL refuses to run as root
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    try:
        subprocess.run(
            [initdb, "-D", folder / "data", "-U", "hanmo", "-A", "trust", "--no-sync", "-E", "UTF8"],
            check=True,
            capture_output=True,
            env=environment,
            cwd=folder,
            **who,
        )
        with subprocess.Popen(
            [server, "-D", folder / "data", "-k", folder, "-c", "listen_addresses=", "-F"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=folder,
            **who,
        ) as running:
            try:
                _wait(folder, running)
                yield f"postgresql+psycopg://hanmo@/postgres?host={folder}"
            finally:
                running.terminate()
                running.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(folder: Path, running: subprocess.Popen[bytes]) -> None:
    import psycopg

    for _ in range(300):
        assert running.poll() is None, "postgres did not start"
        try:
            psycopg.connect(f"host={folder} user=hanmo dbname=postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("postgres did not answer")
