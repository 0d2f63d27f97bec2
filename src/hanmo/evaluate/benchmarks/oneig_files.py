"""The files of OneIG-Bench: their names, hashes and homes, by language and dimension.

They are fetched, never shipped: the authors' repository has no licence. The two files of style references are torch
archives of plain tensors; the others are CSV and JSON. This module does not know what is in them.
"""

from __future__ import annotations

from hanmo.evaluate.benchmark import DataFile

COMMIT = "41b49831e79e6dde5323618c164da1c4cf0f699d"
_HOME = f"https://raw.githubusercontent.com/OneIG-Bench/OneIG-Benchmark/{COMMIT}"
_LICENCE = (
    "OneIG-Bench/OneIG-Benchmark states no licence (the data set's card on its authors' hub says CC BY-NC 4.0): "
    "use it for evaluation, do not pass it on"
)

_SHA256 = {
    "OneIG-Bench.csv": "e06c65b32252d82406fb1a27f13022b38d432c899a2486eb49ab0c100f83b3e1",
    "OneIG-Bench-ZH.csv": "8fc4ae1403db32dbb1203cc457361c3215500b34e741194a53f5002c9d824700",
    "scripts/alignment/Q_D/anime.json": "21ea3d0360e69d72bc5f4cbb93b203d293d16f5c2f626634a52b990119e0a6e3",
    "scripts/alignment/Q_D/human.json": "0e92b25c6bc4091cac05fa0f4269b3b37465a7cd43ca2768f55f56149cdbf13b",
    "scripts/alignment/Q_D/object.json": "350dfdf72c2da143c78a7544d4c554faf6698c1ba4fcd27c7a9cc9199d487e0e",
    "scripts/alignment/Q_D/anime_zh.json": "171740d2d7158f0da2d907481b5cd97380398e4a45b53f0976ad4d91e01151d4",
    "scripts/alignment/Q_D/human_zh.json": "819f13b1efab67bdfba9ca633a37e009013350d148323f5d65b2a467f1789c64",
    "scripts/alignment/Q_D/object_zh.json": "19f69cfdf17119ff5400919341c930468a0de5ee06b9c91d8f16ba2365f51498",
    "scripts/alignment/Q_D/multilingualism_zh.json": "63614e72dbd86f1e56ed625a55f73d509323d34b68fb27d8fed0f87a49f69db9",
    "scripts/text/text_content.csv": "ffbf0b588c617b77caf1e9a733496ff5b4704b6534df5fba13201a83f21e0512",
    "scripts/text/text_content_zh.csv": "6250b3be96e9c4fd4c9cb858dd36b5b2dc4fc8fccb8e4ed0317f5da392db9a1a",
    "scripts/reasoning/gt_answer.json": "e46733770fc0b99632e77e54f59316bcc7f170752680dd0c24d43c722bae402b",
    "scripts/reasoning/gt_answer_zh.json": "faaf0849de1fb62829ed49ec5de7f582562847fb01f390b7a4bb106e48f0c116",
    "scripts/style/CSD_embed.pt": "cab217036607911e4273003cda5c8dfb69528e4a0421ec6006af8ddc6525e56e",
    "scripts/style/SE_embed.pt": "c53719b72b40ea997547fad1a001150350337bf69039965c6ff731ff2a17dd83",
}


def _file(path: str) -> DataFile:
    return DataFile(f"oneig/{path}", f"{_HOME}/{path}", _SHA256[path], _LICENCE)


def _both(english: str) -> dict[str, DataFile]:
    stem, _, ending = english.rpartition(".")
    return {"en": _file(english), "zh": _file(f"{stem}_zh.{ending}")}


PROMPTS = {"en": _file("OneIG-Bench.csv"), "zh": _file("OneIG-Bench-ZH.csv")}
"""All prompts, by language."""

TEXTS = _both("scripts/text/text_content.csv")
"""The texts that pictures of the set `text` must show."""

ANSWERS = _both("scripts/reasoning/gt_answer.json")
"""The answers that pictures of the set `reasoning` must show."""

QUESTIONS: dict[str, dict[str, DataFile]] = {
    "en": {name: _both(f"scripts/alignment/Q_D/{name}.json")["en"] for name in ("anime", "human", "object")},
    "zh": {name: _file(f"scripts/alignment/Q_D/{name}_zh.json") for name in ("anime", "human", "object")}
    | {"multilingualism": _file("scripts/alignment/Q_D/multilingualism_zh.json")},
}
"""Questions and the questions on which they depend, by language and set."""

STYLES = {"csd": _file("scripts/style/CSD_embed.pt"), "style": _file("scripts/style/SE_embed.pt")}
"""Rows of reference pictures for each of 29 styles, by the embedder that made them."""
