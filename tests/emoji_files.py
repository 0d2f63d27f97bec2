"""Folders as the packages of emoji unpack to, with a few emoji in them."""

from __future__ import annotations

import json
from pathlib import Path

from hanmo.data.sources.emoji_art import ART
from hanmo.data.sources.emoji_names import NAMES

PICTURES = Path(__file__).parent / "data" / "sources" / "emoji"
DOG, APPLE, WAVE, DARK_WAVE, COUPLE = "1F436", "1F34E", "1F44B", "1F44B-1F3FF", "1F468-200D-2764-FE0F-200D-1F468"
ENGLISH = {DOG: "dog face", APPLE: "red apple", WAVE: "waving hand", DARK_WAVE: "waving hand: dark", COUPLE: "couple"}
CHINESE = {DOG: "狗脸", APPLE: "红苹果", WAVE: "挥手", DARK_WAVE: "挥手: 较深", COUPLE: ""}


def write_names(folder: Path) -> Path:
    def entry(code: str, labels: dict[str, str]) -> dict[str, object]:
        return {"hexcode": code, "label": labels[code], "tags": [f"tag of {labels[code]}"], "group": 3, "subgroup": 34}

    for language, labels in (("en", ENGLISH), ("zh", CHINESE)):
        entries = [{"hexcode": "1F1E6", "label": "letter A"}]
        entries += [entry(code, labels) for code in (DOG, APPLE, WAVE, COUPLE)]
        entries[3]["skins"] = [{"hexcode": DARK_WAVE, "label": labels[DARK_WAVE]}]  # type: ignore[assignment]
        (folder / language).mkdir(parents=True)
        (folder / language / "data.json").write_text(json.dumps(entries), encoding="utf-8")
    (folder / "meta").mkdir()
    groups = {"groups": {"3": "animals-nature"}, "subgroups": {"34": "animal-mammal"}}
    (folder / "meta" / "groups.json").write_text(json.dumps(groups), encoding="utf-8")
    return folder


def write_packages(folder: Path) -> Path:
    """What `hanmo data fetch emoji-art FOLDER --sets fluent-3d` leaves below FOLDER/packages, two emoji of it."""
    write_names(folder / "packages" / NAMES.folder)
    package = ART["fluent-3d"].package
    assert package is not None
    assets = folder / "packages" / package.folder / "assets"
    assets.mkdir(parents=True)
    for path in PICTURES.glob("*.webp"):
        (assets / path.name).write_bytes(path.read_bytes())
    return folder
