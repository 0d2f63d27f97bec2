"""The benchmarks by name, without importing them: `hanmo eval list` is instant.

This module does not know what a benchmark asks; see `benchmarks/`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from typing import TYPE_CHECKING, cast

from hanmo.errors import RequestError

if TYPE_CHECKING:
    from hanmo.evaluate.benchmark import Benchmark


@dataclass(frozen=True)
class Entry:
    """Where a benchmark is, and what it is in one line.

    Attributes:
        place: `module:Class` under `hanmo.evaluate.benchmarks`.
        about: what is asked and what judges, for a list.
        fixed: fields of the class that the name decides, such as the language.
    """

    place: str
    about: str
    fixed: Mapping[str, str] = field(default_factory=dict)


CATALOG: Mapping[str, Entry] = {
    "textcraft": Entry("textcraft:TextCraft", "texts, colours, places and exact edits, for small models; OCR"),
    "geneval": Entry("geneval:GenEval", "553 prompts: objects, counts, colours, positions; detector and CLIP"),
    "dpg": Entry("dpg:DPG", "1,065 dense prompts, questions that depend on each other; VLM"),
    "oneig-en": Entry("oneig:OneIG", "1,120 prompts, five dimensions; VLM and embedders", {"language": "en"}),
    "oneig-zh": Entry("oneig:OneIG", "1,320 Chinese prompts, five dimensions; VLM and embedders", {"language": "zh"}),
    "tiif": Entry("tiif:TIIF", "2,538 instructions short and long (277 in the small set); VLM"),
    "cvtg2k": Entry("cvtg2k:CVTG2K", "2,000 prompts with 2 to 5 texts; OCR and CLIP"),
    "longtext-en": Entry("longtext:LongText", "160 long English texts; OCR", {"language": "en"}),
    "longtext-zh": Entry("longtext:LongText", "160 long Chinese texts; OCR", {"language": "zh"}),
    "chineseword": Entry("chineseword:ChineseWord", "8,105 characters in three tiers, one a picture; OCR"),
    "gedit-en": Entry("gedit:GEdit", "606 real edits with English instructions; VLM (VIEScore)", {"language": "en"}),
    "gedit-cn": Entry("gedit:GEdit", "606 real edits with Chinese instructions; VLM (VIEScore)", {"language": "cn"}),
    "imgedit": Entry("imgedit:ImgEdit", "737 edits of nine kinds; VLM"),
    "gso": Entry("gso:GSO", "other views of scanned objects; PSNR, SSIM, LPIPS"),
    "depth": Entry("depth:Depth", "depth maps on five data sets; AbsRel, delta1"),
    "vae": Entry("reconstruction:Reconstruction", "what the autoencoder keeps of texts and photographs; PSNR, SSIM"),
}
"""In the order of `hanmo eval list`."""


def benchmark(name: str, **options: object) -> Benchmark:
    """A benchmark of the catalog.

    Args:
        name: see `CATALOG`.
        options: fields of its class, such as `official_compat=True`.

    Raises:
        RequestError: a name that is not in the catalog, or an option that this benchmark does not have.
    """
    if name not in CATALOG:
        near = difflib.get_close_matches(name, CATALOG, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(CATALOG)}"
        raise RequestError(f"there is no benchmark {name!r}: {hint}")
    entry = CATALOG[name]
    module, _, kind = entry.place.partition(":")
    made = getattr(import_module(f"hanmo.evaluate.benchmarks.{module}"), kind)
    known = {field.name for field in fields(made)} - set(entry.fixed)
    unknown = sorted(set(options) - known)
    if unknown:
        raise RequestError(f"{name} has no option {unknown[0]!r}: it has {', '.join(sorted(known)) or 'none'}")
    return cast("Benchmark", made(**entry.fixed, **options))
