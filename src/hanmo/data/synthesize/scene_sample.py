"""Random scenes and edits of them (report section 3.4): ten kinds, each with words in English and Chinese.

    text  text_color  background  add  remove  replace  move  color  style  style_all

Things are shapes of our own, or emoji out of `sources.emoji_art` where their records are given. A scene is of one hand:
only "style" mixes two. What is asked for is always visible: new colours stand out against the ground, a
new place is free, a new thing is another one. All randomness comes from the generator that is given.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np

from hanmo.data.pairs import Pair
from hanmo.data.synthesize.colors import COLORS
from hanmo.data.synthesize.edit_scenes import LAYOUTS, Lettering, Look, Scene, Slot, Thing, changed, draw_scene
from hanmo.data.synthesize.grounds import RGB, contrast
from hanmo.data.synthesize.scene_grounds import GROUNDS, Ground
from hanmo.data.synthesize.scene_looks import EmojiLooks, shape_look
from hanmo.data.synthesize.scene_words import COLORS_ZH, PLACES, STYLES, describe, instruct, named, reference
from hanmo.data.synthesize.shapes import HANDS, OUTLINES
from hanmo.errors import ConfigError

KINDS = ("text", "text_color", "background", "add", "remove", "replace", "move", "color", "style", "style_all")
_READABLE, _VISIBLE = 3.0, 90.0
_EN = (
    "HELLO", "SALE", "OPEN", "Welcome", "Summer", "Spring", "MUSIC", "Coffee",
    "DREAM", "Thanks", "Party", "Weekend", "FRESH", "Picnic", "Holiday",
)  # fmt: skip
_ZH = (
    "你好", "欢迎", "春天", "夏日", "生日快乐", "谢谢", "周末", "音乐会",
    "好吃", "晚安", "新年快乐", "开业", "早上好", "去旅行", "加油",
)  # fmt: skip


@dataclass(frozen=True)
class SceneConfig:
    """What scenes look like.

    Raises:
        ConfigError: a value outside its range; the message names it.
    """

    width: int = 512
    height: int = 512
    lettering: float = 0.45
    """Share of scenes with a text, besides those whose text is edited."""
    chinese: float = 0.5
    """Share of Chinese texts."""
    emoji: float = 0.65
    """Share of scenes of emoji, where there are any."""
    words_en: tuple[str, ...] = _EN
    words_zh: tuple[str, ...] = _ZH

    def __post_init__(self) -> None:
        """See the class."""
        for key in ("lettering", "chinese", "emoji"):
            if not 0.0 <= getattr(self, key) <= 1.0:
                raise ConfigError(f"scenes.{key} is {getattr(self, key)}; it must lie between 0 and 1")
        for key in ("width", "height"):
            if not 64 <= getattr(self, key) <= 4096:
                raise ConfigError(f"scenes.{key} is {getattr(self, key)}; it must lie between 64 and 4096 pixels")
        for key in ("words_en", "words_zh"):
            if len(set(getattr(self, key))) < 2:
                raise ConfigError(f"scenes.{key} has fewer than two different texts: there is nothing to change to")


def scene_pair(
    rng: random.Random, config: SceneConfig | None = None, emoji: EmojiLooks | None = None, kind: str | None = None
) -> Pair:
    """A random scene before and after an edit.

    Args:
        rng: the same state, the same pair.
        config: see `SceneConfig`.
        emoji: what may be shown besides shapes.
        kind: one of `KINDS`; None for any.

    Raises:
        ConfigError: an unknown kind.
        RequestError: the fonts are missing (see `fonts`).
    """
    config, emoji = config or SceneConfig(), emoji or EmojiLooks()
    if kind is not None and kind not in KINDS:
        raise ConfigError(f"there is no edit {kind!r}; choose from {', '.join(KINDS)}")
    kind = kind or rng.choice(KINDS)
    styles = {STYLES[art] for art in emoji.arts}
    usable = bool(styles) and kind != "color" and (len(styles) > 1 or not kind.startswith("style"))
    art = rng.choice(sorted(emoji.arts)) if usable and rng.random() < config.emoji else ""
    makers = _Makers(rng, config, emoji, art)
    source = makers.scene(kind)
    target, words = makers.edited(kind, source)
    looks = [thing.look for scene in (source, target) for thing in scene.things]
    details = {"attribution": sorted({look.attribution for look in looks if look.attribution})}
    return Pair(
        kind,
        (draw_scene(source),),
        draw_scene(target),
        instruct("style" if kind == "style_all" else kind, words[0], rng, words[1], words[2]),
        describe(target),
        (describe(source),),
        changed(source, target),
        " AND ".join(sorted({look.licence for look in looks})),
        details,
    )


Words = tuple[dict[str, tuple[str, str]], str, str]
"""What instructions' patterns ask for, the new text, the old text."""


@dataclass(frozen=True, eq=False)
class _Makers:
    rng: random.Random
    config: SceneConfig
    emoji: EmojiLooks
    art: str
    """The art set of the scene; "" for shapes."""

    def scene(self, kind: str) -> Scene:
        rng = self.rng
        layout = rng.choice(("three", "four", "six", "six") if kind in ("add", "move") else tuple(LAYOUTS))
        slots = LAYOUTS[layout].slots
        free = (
            rng.randint(1, len(slots) - 2)
            if kind in ("add", "move")
            else rng.choice((0, 0, 1, 2))
            if layout == "six"
            else 0
        )
        taken = sorted(rng.sample(range(len(slots)), len(slots) - free))
        ground = rng.choice(GROUNDS)
        hand = self.art or rng.choice(HANDS)
        looks: list[Look] = []
        for _ in taken:
            twin = bool(looks) and rng.random() < 0.3
            looks.append(self._alike(rng.choice(looks), ground) if twin else self._look(hand, ground, looks))
        scale = rng.uniform(0.86, 1.0)
        things = tuple(self._thing(look, slots[n], scale) for look, n in zip(looks, taken, strict=True))
        lettering = None
        if kind in ("text", "text_color") or rng.random() < self.config.lettering:
            lettering = self._lettering(ground)
        return Scene(self.config.width, self.config.height, ground, layout, things, lettering)

    def edited(self, kind: str, scene: Scene) -> tuple[Scene, Words]:
        rng, lettering = self.rng, scene.lettering
        thing = rng.choice(scene.things)
        ref = reference(thing, scene.things, rng)
        match kind:
            case "text" | "text_color" if lettering is not None:
                return self._text_edit(kind, scene, lettering)
            case "background":
                ground = self._other_ground(scene)
                names = {"new": (ground.en, ground.zh), "old": (scene.ground.en, scene.ground.zh)}
                return replace(scene, ground=ground), (names, "", "")
            case "add":
                slot = rng.choice(self._free(scene))
                look = self._look(thing.look.style, scene.ground, [each.look for each in scene.things])
                things = (*scene.things, self._thing(look, slot, thing.scale))
                where, _, zh = PLACES[slot.name]
                return replace(scene, things=things), ({"thing": named(look), "at": (where, zh)}, "", "")
            case "remove":
                return replace(scene, things=_without(scene, thing)), ({"ref": ref}, "", "")
            case "replace":
                look = self._look(thing.look.style, scene.ground, [*(each.look for each in scene.things), thing.look])
                return _put(scene, thing, replace(thing, look=look)), ({"ref": ref, "thing": named(look)}, "", "")
            case "move":
                slot = rng.choice(self._free(scene))
                where, to, zh = PLACES[slot.name]
                moved = _put(scene, thing, replace(thing, slot=slot))
                return moved, ({"ref": ref, "at": (where, zh), "to": (to, zh)}, "", "")
            case "color":
                color = rng.choice([c for c in self._colors(scene.ground) if c != thing.look.color])
                look = shape_look(thing.look.key, color, thing.look.style)
                new = {"ref": ref, "new": (color, COLORS_ZH[color])}
                return _put(scene, thing, replace(thing, look=look)), (new, "", "")
            case _:
                return self._style_edit(kind, scene, thing, ref)

    # --- parts of scenes ---

    def _look(self, style: str, ground: Ground, others: list[Look]) -> Look:
        """A look of another kind than those."""
        known = {look.key for look in others}
        if self.art:
            every = list(self.emoji.arts[style].values())
            seen = [look for look in every if _far(look.tone, ground) >= _VISIBLE]
            choice = [look for look in seen or every if look.key not in known]
            return self.rng.choice(choice or [look for look in every if look.key != others[-1].key])
        kind = self.rng.choice([kind for kind in OUTLINES if kind not in known])
        return shape_look(kind, self.rng.choice(self._colors(ground)), style)

    def _alike(self, look: Look, ground: Ground) -> Look:
        """The same thing again; of a shape often in another colour."""
        if not look.color or self.rng.random() < 0.35:
            return look
        return shape_look(look.key, self.rng.choice(self._colors(ground)), look.style)

    def _thing(self, look: Look, slot: Slot, scale: float) -> Thing:
        shift = self.rng.uniform(-0.03, 0.03), self.rng.uniform(-0.03, 0.03)
        return Thing(look, slot, scale * self.rng.uniform(0.94, 1.0), shift)

    def _colors(self, ground: Ground) -> list[str]:
        """Colours of shapes that stand out."""
        return [name for name, rgb in COLORS.items() if _far(rgb, ground) >= _VISIBLE]

    def _lettering(self, ground: Ground) -> Lettering:
        chinese = self.rng.random() < self.config.chinese
        text = self.rng.choice(self.config.words_zh if chinese else self.config.words_en)
        color = self.rng.choice(_inks(ground))
        return Lettering(
            text, color, COLORS[color], self.rng.choice(("sans", "sans", "serif")), self.rng.random() < 0.6
        )

    def _free(self, scene: Scene) -> list[Slot]:
        taken = {thing.slot for thing in scene.things}
        return [slot for slot in LAYOUTS[scene.layout].slots if slot not in taken]

    # --- edits of several steps ---

    def _text_edit(self, kind: str, scene: Scene, lettering: Lettering) -> tuple[Scene, Words]:
        if kind == "text":
            own = self.config.words_zh if lettering.text in self.config.words_zh else self.config.words_en
            text = self.rng.choice([word for word in own if word != lettering.text])
            return replace(scene, lettering=replace(lettering, text=text)), ({}, text, lettering.text)
        color = self.rng.choice([name for name in _inks(scene.ground) if name != lettering.color])
        names = {"new": (color, COLORS_ZH[color]), "old": (lettering.color, COLORS_ZH[lettering.color])}
        edited = replace(lettering, color=color, rgb=COLORS[color])
        return replace(scene, lettering=edited), (names, lettering.text, "")

    def _other_ground(self, scene: Scene) -> Ground:
        def fits(ground: Ground) -> bool:
            return ground.en != scene.ground.en and (scene.lettering is None or scene.lettering.color in _inks(ground))

        def stands_out(ground: Ground) -> bool:
            return all(_far(thing.look.tone, ground) >= _VISIBLE for thing in scene.things)

        fitting = [ground for ground in GROUNDS if fits(ground)]
        return self.rng.choice([ground for ground in fitting if stands_out(ground)] or fitting)

    def _style_edit(self, kind: str, scene: Scene, thing: Thing, ref: tuple[str, str]) -> tuple[Scene, Words]:
        old = thing.look.style
        chosen = scene.things if kind == "style_all" else (thing,)
        styles = [style for style in (sorted(self.emoji.arts) if self.art else HANDS) if STYLES[style] != STYLES[old]]
        style = self.rng.choice(styles)

        def restyled(each: Thing) -> Thing:
            key = each.look.key
            look = self.emoji.arts[style][key] if self.art else shape_look(key, each.look.color, style)
            return replace(each, look=look)

        things = tuple(restyled(each) if any(each is one for one in chosen) else each for each in scene.things)
        who = ("all the objects", "所有物体") if kind == "style_all" else ref
        return replace(scene, things=things), ({"ref": who, "style": STYLES[style]}, "", "")


def _put(scene: Scene, old: Thing, new: Thing) -> Scene:
    """The scene with another thing instead of one."""
    return replace(scene, things=tuple(new if each is old else each for each in scene.things))


def _without(scene: Scene, gone: Thing) -> tuple[Thing, ...]:
    return tuple(each for each in scene.things if each is not gone)


def _inks(ground: Ground) -> list[str]:
    """Colours in which a text can be read on all of a ground."""
    return [name for name, rgb in COLORS.items() if contrast(rgb, ground.tones) >= _READABLE]


def _far(rgb: RGB, ground: Ground) -> float:
    """How far a colour is from the nearest of a ground, as a distance in RGB."""
    return float(np.linalg.norm(ground.tones.astype(np.float64) - np.array(rgb), axis=-1).min())
