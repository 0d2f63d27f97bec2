"""What every page of a run has: one file, one look, and a policy that lets nothing run but the page's own few lines.

Reports of data, of training and of evaluation are such pages. Nothing comes from a network; pictures are data URIs,
or lie beside the page where it says so. It does not know what a page is about.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from string import Template

from hanmo.data.report.markup import Html, join, tag, trusted


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        name: its heading.
        about: what is said of it behind its name in a list of windows.
        brand: what kind of page it is.
        top: what stands under the heading.
        links: (anchor, words) of the list of contents; a reader is skipped to the first.
        sections: see `section`.
        style: more looks, as CSS.
        script: the only lines that may run, as JavaScript; "" for none.
        between: stands before the list of contents.
        numbers: JSON for programs, as the element `#numbers`; "" for none.
        beside: whether pictures may also lie beside the page.
    """

    name: str
    about: str
    brand: str
    top: Html
    links: Sequence[tuple[str, str]]
    sections: Sequence[Html]
    style: str = ""
    script: str = ""
    between: Html = field(default_factory=lambda: Html(""))
    numbers: str = ""
    beside: bool = False

    def text(self) -> str:
        """The file."""
        scripts = []
        if self.numbers:
            safe = self.numbers.replace("<", "\\u003c").replace("&", "\\u0026")
            scripts.append(tag("script", trusted(safe), type="application/json", id="numbers"))
        if self.script:
            scripts.append(tag("script", trusted(self.script)))
        first, words = self.links[0]
        parts = {
            "policy": self._policy(),
            "title": join([f"{self.name}: {self.about}"]),
            "style": trusted(own(__package__, "page.css") + self.style),
            "skip": tag("a", f"Skip to the {words.lower()}", class_="skip", href=f"#{first}"),
            "brand": join([self.brand]),
            "name": join([self.name]),
            "top": self.top,
            "between": self.between,
            "nav": join(tag("a", words, href=f"#{anchor}") for anchor, words in self.links),
            "main": trusted("\n".join(self.sections)),
            "script": trusted("\n".join(scripts)),
        }
        return Template(own(__package__, "frame.html")).substitute(parts)

    def _policy(self) -> str:
        pictures = "'self' file: data:" if self.beside else "data:"
        rules = ["default-src 'none'", f"img-src {pictures}", "style-src 'unsafe-inline'"]
        if self.script:
            digest = base64.b64encode(hashlib.sha256(self.script.encode()).digest()).decode()
            rules.append(f"script-src 'sha256-{digest}'")
        return "; ".join([*rules, "base-uri 'none'", "form-action 'none'"])


def section(anchor: str, heading: str, *inside: object, lead: object = "") -> Html:
    """A part of a page that a link leads to.

    Args:
        anchor: its id.
        heading: what it is called.
        inside: text or `Html`.
        lead: one sentence before it.
    """
    said = [tag("p", lead, class_="lead")] if lead else []
    return tag("section", tag("h2", heading), *said, *inside, id=anchor)


def own(package: str, name: str) -> str:
    """A text file that lies beside a package's code."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")
