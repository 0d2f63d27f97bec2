"""Painting pages in a browser (report section 3.4, complex rendering: HTML and CSS).

One headless Chromium, driven by Playwright, paints many documents: in one tab, without network, with fonts that are
served from a folder of its own (a face of a collection is written out as a file, since browsers read only the first).
The letters shrink as in `page.draw_page`, and where a text is wider than its box, or a box than its parent, the browser
says so. Lines and their places come from the page itself; a line's box is that of its ink, as the font measures it.
This module does not know templates. The optional package `playwright` is imported when a browser is opened.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any

from fontTools.ttLib import TTFont
from PIL import Image, ImageFont

from hanmo.data.synthesize.coverage import FontFace
from hanmo.data.synthesize.pages.boxes import Letters, texts
from hanmo.data.synthesize.pages.captions import captions
from hanmo.data.synthesize.pages.compose import compose
from hanmo.data.synthesize.pages.document import Document
from hanmo.data.synthesize.pages.html import STYLE, page_html
from hanmo.data.synthesize.pages.page import Outcome, Page, lacks, units
from hanmo.data.synthesize.pages.result import NoRoom, PageLine, clash
from hanmo.errors import RequestError

VARIABLE = "HANMO_CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--font-render-hinting=none", "--force-color-profile=srgb"),
    *("--disable-lcd-text", "--hide-scrollbars"),
)
# Tries root sizes from the largest on; answers with the size that fits, or what does not. Then the lines: each
# character's rectangle, grouped by its top.
_SCRIPT = """
([html, units]) => {
  document.body.innerHTML = html;
  const page = document.getElementById('page');
  const out = (one, other, slack) => one.left < other.left - slack || one.right > other.right + slack ||
    one.top < other.top - slack || one.bottom > other.bottom + slack;
  const range = document.createRange();
  let reason = 'letters would be too small';
  for (const unit of units) {
    document.documentElement.style.fontSize = unit + 'px';
    let fault = null;
    for (const box of page.querySelectorAll('div')) {
      if (box.parentElement.offsetWidth === 0) continue;  // a spacer: it only lends its height
      if (out(box.getBoundingClientRect(), box.parentElement.getBoundingClientRect(), 0.75)) {
        fault = 'a box leaves its parent, at ' + JSON.stringify(box.textContent.slice(0, 24)); break;
      }
    }
    const texts = [];
    if (!fault) for (const text of page.querySelectorAll('.t')) {
      const node = text.firstChild, own = text.getBoundingClientRect();
      range.selectNodeContents(node);
      const all = range.getBoundingClientRect();
      if (all.left < own.left - 0.75 || all.right > own.right + 0.75) {
        fault = JSON.stringify(node.data.slice(0, 24)) + ' is wider than its box'; break;
      }
      const size = parseFloat(getComputedStyle(text).fontSize);
      const lines = [];
      let index = 0;
      for (const char of node.data) {
        range.setStart(node, index); range.setEnd(node, index += char.length);
        const rect = range.getClientRects()[0];
        if (!rect) continue;
        const last = lines[lines.length - 1];
        if (last && Math.abs(last.top - rect.top) < 0.5 * size && rect.left > last.left) {
          last.text += char; last.right = Math.max(last.right, rect.right);
        } else {
          lines.push({text: char, left: rect.left, right: rect.right, top: rect.top, bottom: rect.bottom});
        }
      }
      texts.push({number: Number(text.dataset.n), size, lines});
    }
    if (!fault) return {unit, texts};
    reason = fault;
  }
  return {reason};
}
"""


@dataclass(frozen=True)
class BrowserConfig:
    """Which browser, and how patient.

    Attributes:
        executable: Its file; empty: the environment variable HANMO_CHROMIUM, then the usual names on the path.
        seconds: How long one page may take.
    """

    executable: str = ""
    seconds: float = 30.0


def find_chromium(given: str = "") -> str | None:
    """The file of a Chromium: what is given, what HANMO_CHROMIUM says, or one on the path; None where there is none.

    Raises:
        RequestError: What was given is no file.
    """
    for origin, path in (("the given browser", given), (VARIABLE, os.environ.get(VARIABLE, ""))):
        if path:
            if not Path(path).is_file():
                raise RequestError(f"{origin} {path} is no file; name the executable of a Chromium")
            return path
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


class Browser:
    """A running browser; use it in a `with` statement.

    Raises:
        RequestError: Playwright or Chromium is not installed, or it does not start.
    """

    def __init__(self, config: BrowserConfig | None = None) -> None:
        self.config = config or BrowserConfig()
        try:
            from playwright.sync_api import Error, sync_playwright
        except ImportError as error:
            raise RequestError(
                "painting pages in a browser needs playwright: pip install playwright; or use draw_page"
            ) from error
        executable = find_chromium(self.config.executable)
        if executable is None:
            raise RequestError(
                f"no Chromium was found on the path; install one, set {VARIABLE} to its file, or use draw_page"
            )
        self._folder = tempfile.TemporaryDirectory(prefix="hanmo-pages-")
        self._fonts: dict[FontFace, str] = {}
        self._driver: Any = sync_playwright().start()
        try:
            self._browser: Any = self._driver.chromium.launch(executable_path=executable, args=list(_FLAGS))
            context = self._browser.new_context(offline=True, device_scale_factor=1)
            self._tab: Any = context.new_page()
            self._tab.set_default_timeout(1000 * self.config.seconds)
            shell = Path(self._folder.name) / "page.html"
            shell.write_text(f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><body>", encoding="utf-8")
            self._tab.goto(shell.as_uri())
        except Error as error:
            self.close()
            raise RequestError(
                f"{executable} does not start ({str(error).splitlines()[0]}); use another, or draw_page"
            ) from error

    def __enter__(self) -> Browser:
        """The browser itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the browser."""
        self.close()

    def close(self) -> None:
        """End the browser and remove its files; the second time nothing happens."""
        if hasattr(self, "_browser"):
            self._browser.close()
            del self._browser
        if self._driver is not None:
            self._driver.stop()
            self._driver = None
        self._folder.cleanup()

    def draw(self, document: Document, smallest: int = 12) -> Outcome:
        """The picture of `document`; see `page.draw_page`. The contrast is not measured.

        Raises:
            RequestError: The browser takes longer than `config.seconds`, or has died.
        """
        from playwright.sync_api import Error

        root = compose(document)
        lacking = lacks(root)
        if lacking is not None:
            return lacking
        letters = list(texts(root))
        width, height = document.width, document.height
        try:
            for face in dict.fromkeys(one.face for one in letters):
                self._serve(face)
            self._tab.set_viewport_size({"width": width, "height": height})
            markup = page_html(root, width, height, lambda face: self._fonts[face])
            tried = [round(unit, 4) for unit in units(document, root, smallest)]
            while tried:
                found = self._tab.evaluate(_SCRIPT, [markup, tried])
                if "reason" in found:
                    return NoRoom(document.template, width, height, found["reason"])
                lines = tuple(_lines(found["texts"], letters))
                wrong = clash(lines, width, height)
                if wrong is None:
                    picture = Image.open(BytesIO(self._tab.screenshot(type="png"))).convert("RGB")
                    return Page(picture, lines, captions(document), document, None, found["unit"])
                tried = [unit for unit in tried if unit < found["unit"] - 1e-6]
        except Error as error:
            raise RequestError(
                f"the browser failed on {document.template!r} ({str(error).splitlines()[0]}); open another"
            ) from error
        return NoRoom(document.template, width, height, wrong or "letters would be too small")

    def _serve(self, face: FontFace) -> None:
        """Load a face into the tab, once."""
        if face in self._fonts:
            return
        name = f"face{len(self._fonts)}"
        path = Path(self._folder.name) / f"{name}{face.path.suffix if face.path.suffix != '.ttc' else '.otf'}"
        if face.path.suffix.lower() in (".ttc", ".otc"):
            with TTFont(str(face.path), fontNumber=face.index, lazy=True) as font:
                font.save(str(path), reorderTables=None)
        else:
            shutil.copyfile(face.path, path)
        self._tab.evaluate(
            "async ([name, url]) => { const face = new FontFace(name, `url(${url})`);"
            " await face.load(); document.fonts.add(face); }",
            [name, path.as_uri()],
        )
        self._fonts[face] = name


def draw_pages(
    documents: Iterable[Document], config: BrowserConfig | None = None, smallest: int = 12
) -> Iterator[Outcome]:
    """The pictures of many documents, painted by one browser; see `Browser.draw`."""
    with Browser(config) as browser:
        for document in documents:
            yield browser.draw(document, smallest)


def _lines(found: list[dict[str, Any]], letters: list[Letters]) -> Iterator[PageLine]:
    """The lines that the browser set; a box is that of the ink: its place from the page, its extent from the font."""
    for text in found:
        own = letters[text["number"]]
        font = ImageFont.truetype(
            str(own.face.path), text["size"], index=own.face.index, layout_engine=ImageFont.Layout.RAQM
        )
        rise, fall = font.getmetrics()
        for index, line in enumerate(text["lines"]):
            words = line["text"].rstrip()
            # The rectangle of a line is as high as the font rises and falls; its baseline lies between.
            base = line["top"] + (line["bottom"] - line["top"]) * rise / (rise + fall)
            left, top, right, bottom = font.getbbox(words, anchor="ls")
            right += own.spacing * text["size"] * max(0, len(words) - 1)
            box = (line["left"] + left, base + top, line["left"] + right, base + bottom)
            yield PageLine(
                words,
                (math.floor(box[0]), math.floor(box[1]), math.ceil(box[2]), math.ceil(box[3])),
                own.role,
                index == 0,
            )
