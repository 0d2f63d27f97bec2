"""CVTG-2K: two to five English texts in one picture (report section 5.2.2; TextCrafter, arXiv 2503.23461).

**Asked.** 2,000 prompts, half of them with size, colour and font of the letters ("CVTG-Style"), for 2, 3, 4, 5 regions
of text: 200, 301, 300, 201 plain and 200, 299, 302, 197 styled. The texts stand in single quotation marks. Nine
prompts quote one or two texts more than they have regions; they stay in the group of their file. One picture a prompt.

**Who judges.** OCR (PaddleOCR, English) reads the picture; CLIP ViT-L/14 compares it with the prompt.

**Figures.** Texts and readings are lower-cased and cut into words at white space; all words count alike, wherever they
stand (micro-average), all pictures alike for CLIP:

    word accuracy   share of the asked words that were read
    NED             mean of 1 - levenshtein / (longer length + 0.00001) to the nearest word read; HIGHER is better
    CLIPScore       mean of 2.5 max(cosine, 0) between the picture and "A photo depicts " + prompt

The published table has the word accuracy of each number of regions and over all words, which is not the mean of the
four. Published for Qwen-Image: 0.8288, 0.9116, 0.8017.

**Where the official script differs** (`official_compat=True`; read in zlab-princeton/i1, benchmark_eval/cvtg-2k):

1. It takes what stands between one apostrophe and the next for a text, so "the driver's sign" breaks a prompt. Here an
   apostrophe inside a word opens and closes nothing. On the official 2,000 both read the same texts.
2. A word that is asked for twice is found twice where it was read once (membership). Here once.
3. The nearest word is the one that Python's difflib thinks most alike, not the one at the least distance.
4. Full-width signs, curly apostrophes and long dashes are other characters than their plain forms, so that "Driver’s"
   (17 texts have such an apostrophe) is never found by a reader that knows only one. Here they are the same.

Where nothing is read, both compare with the empty word. VQAScore and the aesthetic score of the official script are not
in the report's table, and not here. This module does not know networks: the embedder shortens prompts beyond CLIP's
77 tokens, as the official script does.
"""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import DataFile
from hanmo.evaluate.benchmarks.text_scores import Finding, each_picture, weighted_mean
from hanmo.evaluate.files import checked
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.text import levenshtein
from hanmo.evaluate.types import Prompt, Result, Score

REGIONS = ("2", "3", "4", "5")
DEPICTS = "A photo depicts "

_HOME = (
    "https://raw.githubusercontent.com/zlab-princeton/i1/b58a62f4a301370f35c5873bcb453bf7eea9f0e4"
    "/benchmark_eval/cvtg-2k/prompts"
)
_LICENCE = "CVTG-2K by the authors of TextCrafter; no licence is stated: for your own use, not to be passed on"
_HASHES = {
    "CVTG/2": "e8aa98a4f5d609f8699131328876760fbbf33db8320770188fc3979f3fa345c8",
    "CVTG/3": "36fca11a221236643ed9595d5302884db01e832309a61b230fab3eefdeff1be0",
    "CVTG/4": "24fb02addf2caae050d2e67e29af98fe10d1e086093cf43d3592bcdac8557c2c",
    "CVTG/5": "24d5a3afc060477cdcf5b678018d81c78e18dc0054aafacf8b02a69ae24118b2",
    "CVTG-Style/2": "61324577c690c4383597fffe53614d87088be108a3e577288d8e8baf71381489",
    "CVTG-Style/3": "26a92b4a53e5dc497317fb3a219121790b7a7c9da10b87b8dd3633fcadff0f97",
    "CVTG-Style/4": "1d1fe6c367191fd8a3939687f70b3e8bda83c0539344977506e09e2732e4e3ff",
    "CVTG-Style/5": "da102c0239726d1fcdf3f4cfccacd34e71d4c0a588e5a893f4bc94b03fff353a",
}
_PLAIN = str.maketrans({"’": "'", "‘": "'", "–": "-", "—": "-"})


@dataclass(frozen=True)
class CVTG2K:
    """CVTG-2K, see the head of this file.

    Attributes:
        official_compat: judge as the official script does.
    """

    official_compat: bool = False

    name: ClassVar[str] = "cvtg2k"
    title: ClassVar[str] = "CVTG-2K"
    images: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("ocr", "embedder:clip")
    files: ClassVar[tuple[DataFile, ...]] = tuple(
        DataFile(f"cvtg2k/prompts/{part}.json", f"{_HOME}/{part}.json", sha256, _LICENCE)
        for part, sha256 in _HASHES.items()
    )
    questions: ClassVar[Mapping[str, str]] = {"clip": DEPICTS}
    percent: ClassVar[bool] = False
    lower_is_better: ClassVar[frozenset[str]] = frozenset()

    def load(self, data: Path) -> list[Prompt]:
        """The 2,000 prompts: plain, then styled, each by number of regions."""
        prompts = []
        for part, file in zip(_HASHES, self.files, strict=True):
            prompts += self.prompts(checked(data, file, self.name).read_text(encoding="utf-8"), part)
        return prompts

    def prompts(self, text: str, part: str) -> list[Prompt]:
        """The prompts of one official file.

        Args:
            text: what it says.
            part: which: "CVTG/2" to "CVTG-Style/5".

        Raises:
            RequestError: it has another schema, or a prompt that quotes no text.
        """
        kind, regions = part.split("/")
        try:
            entries = [(int(entry["index"]), str(entry["prompt"])) for entry in json.loads(text)["data_list"]]
        except (ValueError, KeyError, TypeError) as error:
            raise RequestError(
                f"cvtg2k/prompts/{part}.json is not as CVTG-2K has it (data_list of index and prompt): {error!r}"
            ) from error
        prompts = []
        for index, prompt in entries:
            texts = quoted(prompt, self.official_compat)
            if not texts:
                raise RequestError(f"prompt {index} of cvtg2k/prompts/{part}.json quotes no text: {prompt[:80]!r}")
            prompts.append(
                Prompt(
                    id=f"{kind.lower()}-{regions}-{index:03d}",
                    text=prompt,
                    truth={"texts": texts},
                    groups={"regions": regions, "set": kind},
                )
            )
        return prompts

    def sources(self, prompt: Prompt, data: Path) -> list[Image.Image]:
        """None: pictures are generated."""
        return []

    def judge(self, prompt: Prompt, pictures: Sequence[Image.Image], judges: Judges, data: Path) -> list[Score]:
        """For each picture: its number of `words`, their `accuracy` and `ned`, and `clip`."""
        ocr, embedder = judges.the_ocr(), judges.the_embedder("clip")
        described = embedder.text([DEPICTS + prompt.text])[0]

        def find(picture: Image.Image) -> Finding:
            lines = [line.text for line in ocr.read(picture)]
            values = compared(prompt.truth["texts"], lines, self.official_compat)
            cosine = float(embedder.image([picture])[0] @ described)
            return values | {"clip": 2.5 * max(cosine, 0.0)}, {"wanted": prompt.truth["texts"], "read": lines}

        return each_picture(pictures, find)

    def summary(self, results: Sequence[Result]) -> dict[str, float]:
        """Word accuracy over all and for each number of regions, NED, CLIPScore."""
        found = [
            (result.prompt.groups["regions"], score.values)
            for result in results
            for score in result.scores
            if score.unjudged is None
        ]
        figures = {"word accuracy": weighted_mean((values["accuracy"], values["words"]) for _, values in found)}
        for number in REGIONS:
            figures[f"{number} regions"] = weighted_mean(
                (values["accuracy"], values["words"]) for regions, values in found if regions == number
            )
        figures["NED"] = weighted_mean((values["ned"], values["words"]) for _, values in found)
        figures["CLIPScore"] = weighted_mean((values["clip"], 1.0) for _, values in found)
        return figures


def quoted(prompt: str, official_compat: bool = False) -> list[str]:
    """The texts between single quotation marks, in their order.

    A mark opens where no letter or digit is before it, and closes where none is after it. A text that ends a word with
    an apostrophe ('Students' Union') cannot be told from two texts; the official file has none.

    Args:
        prompt: of CVTG-2K.
        official_compat: take every apostrophe for a mark, as the official script does.
    """
    pattern = r"'(.*?)'" if official_compat else r"(?<!\w)'(.+?)'(?!\w)"
    return re.findall(pattern, prompt)


def compared(texts: Sequence[str], lines: Sequence[str], official_compat: bool = False) -> dict[str, float]:
    """How many words were asked for (`words`), which share was read (`accuracy`), how near the rest came (`ned`).

    Args:
        texts: what was asked for, one word at least.
        lines: what was read.
        official_compat: compare as the official script does, see the head of this file.
    """
    wanted, read = _words(texts, official_compat), _words(lines, official_compat)
    hits = sum(word in read for word in wanted) if official_compat else (Counter(wanted) & Counter(read)).total()
    near = [_nearness(word, read or [""], official_compat) for word in wanted]
    return {"words": float(len(wanted)), "accuracy": hits / len(wanted), "ned": sum(near) / len(wanted)}


def similarity(a: str, b: str) -> float:
    """1 - edit distance / (length of the longer word + 0.00001), the official "NED": hello and helo have 0.8000004."""
    return 1.0 - levenshtein(a, b) / (max(len(a), len(b)) + 1e-5)


def _nearness(word: str, read: list[str], official_compat: bool) -> float:
    if official_compat:
        return similarity(word, difflib.get_close_matches(word, read, n=1, cutoff=0.0)[0])
    return max(similarity(word, other) for other in read)


def _words(texts: Sequence[str], official_compat: bool) -> list[str]:
    if not official_compat:
        texts = [unicodedata.normalize("NFKC", text).translate(_PLAIN) for text in texts]
    return [word for text in texts for word in text.lower().split()]
