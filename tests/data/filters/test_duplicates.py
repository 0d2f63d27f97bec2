"""Copies of procedurally made pictures are found, other pictures are not, and the index agrees with brute force."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from procedural import file_of, pixels, scene

from hanmo.data.decode import Decoded, decode
from hanmo.data.filters.duplicates import COLOR, REACH, Look, LookIndex, Near, distance, look
from hanmo.errors import OutputError, RequestError

SCENES = [scene(seed) for seed in range(60)]


def again(picture: Image.Image, kind: str, size: tuple[int, int], **options: object) -> Image.Image:
    """The picture after another hand has resized it and saved it."""
    answer = decode(file_of(picture.resize(size, Image.Resampling.LANCZOS), kind, **options))
    assert isinstance(answer, Decoded)
    return answer.image


def brute(looks: list[Look], ids: list[str], wanted: Look) -> Near | None:
    best = None
    for held, name in zip(looks, ids, strict=True):
        levels = max(abs(a - b) for a, b in zip(held.color, wanted.color, strict=True))
        bits = distance(held, wanted)
        if bits <= REACH and levels <= COLOR and (best is None or (bits, levels) < best[0]):
            best = ((bits, levels), Near(name, bits))
    return None if best is None else best[1]


def random_looks(count: int, seed: int) -> list[Look]:
    """Half are altered copies of earlier ones, by up to 9 bits and 9 levels."""
    rng = np.random.default_rng(seed)
    looks: list[Look] = []
    for _ in range(count):
        if looks and rng.random() < 0.5:
            old = looks[int(rng.integers(len(looks)))]
            flips = sum(1 << int(bit) for bit in rng.choice(64, int(rng.integers(10)), replace=False))
            shift = int(rng.integers(-9, 10)) if rng.random() < 0.5 else 0
            looks.append(Look(old.bits ^ flips, (min(max(old.color[0] + shift, 0), 255), *old.color[1:])))
        else:
            looks.append(Look(int(rng.integers(1 << 64, dtype=np.uint64)), tuple(rng.integers(0, 256, 3).tolist())))
    return looks


@cache
def many() -> tuple[list[Look], list[str], list[Near | None]]:
    """Enough looks for two sizes of tables and a tail, their ids, and what an index said of each."""
    looks, ids = random_looks(6500, 1), [f"{number:064x}" for number in range(6500)]
    return looks, ids, LookIndex().add(looks, ids)


def names(count: int) -> list[str]:
    return [f"picture-{number}" for number in range(count)]


@pytest.mark.parametrize(
    ("kind", "size", "options"),
    [
        ("jpeg", (160, 120), {"quality": 95}),
        ("jpeg", (160, 120), {"quality": 40}),
        ("jpeg", (152, 114), {"quality": 70}),
        ("jpeg", (170, 127), {"quality": 70}),
        ("webp", (320, 240), {"quality": 60}),
    ],
)
def test_a_copy_in_another_quality_and_size_is_found(kind: str, size: tuple[int, int], options: dict) -> None:
    index = LookIndex()
    index.add([look(pixels(picture)) for picture in SCENES], names(60))
    for name, picture in list(zip(names(60), SCENES, strict=True))[::5]:
        found = index.nearest(look(pixels(again(picture, kind, size, **options))))
        assert found is not None
        assert found.id == name
        assert found.distance <= 6


def strokes(seed: int) -> Image.Image:
    """Thin bars on a plain ground, like a word on a card: most of its coefficients are nearly zero."""
    rng = np.random.default_rng(seed)
    card = Image.new("RGB", (128, 64), (214, 40, 40))
    pen = ImageDraw.Draw(card)
    for _ in range(12):
        x, y = int(rng.integers(30, 96)), int(rng.integers(22, 40))
        wide, high = (2, 10) if rng.random() < 0.5 else (10, 2)
        pen.rectangle((x, y, x + wide, y + high), fill="white")
    return card


def test_a_copy_of_thin_strokes_on_a_plain_ground_is_found() -> None:
    cards = [strokes(seed) for seed in range(40)]
    looks = [look(pixels(card)) for card in cards]
    copies = [look(pixels(again(card, "jpeg", (144, 72), quality=60))) for card in cards]
    assert max(map(distance, looks, copies)) <= 6
    assert min(distance(a, b) for number, a in enumerate(looks) for b in looks[:number]) > REACH


@pytest.mark.parametrize("scale", [0.95, 0.7, 0.3])
def test_a_copy_of_a_large_picture_is_found(scale: float) -> None:
    """Large ones are reduced by plain means first; a copy that is small enough is not."""
    for seed in range(4):
        picture = scene(seed, 900, 700)
        small = picture.resize((round(900 * scale), round(700 * scale)), Image.Resampling.LANCZOS)
        assert distance(look(pixels(picture)), look(pixels(small))) <= 2


def test_other_pictures_are_far_apart() -> None:
    looks = [look(pixels(picture)) for picture in SCENES]
    apart = [distance(a, b) for number, a in enumerate(looks) for b in looks[:number]]
    assert min(apart) > REACH
    assert 24 < np.mean(apart) < 40


def test_one_drawing_in_two_colours_is_two_pictures() -> None:
    cards = []
    for ground in ("red", "blue"):
        card = Image.new("RGB", (128, 64), ground)
        ImageDraw.Draw(card).rectangle((30, 20, 90, 40), fill="white")
        cards += [look(pixels(card)), look(pixels(Image.new("RGB", (50, 50), ground)))]
    assert LookIndex().add(cards, names(4)) == [None] * 4
    assert look(pixels(Image.new("RGB", (50, 50), "red"))) == Look(0, (255, 0, 0))


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (31, 33)])
def test_a_tiny_picture_has_a_look(size: tuple[int, int]) -> None:
    first = look(pixels(scene(1, 64, 64).resize(size)))
    assert 0 <= first.bits < 1 << 64


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60))
def test_the_index_says_what_brute_force_says(seed: int, size: int) -> None:
    looks, ids = random_looks(size, seed), names(size)
    answers = LookIndex().add(looks, ids)
    assert answers == [brute(looks[:n], ids[:n], looks[n]) for n in range(size)]


def test_tables_say_what_brute_force_says() -> None:
    looks, ids, answers = many()
    bits = np.array([one.bits for one in looks], dtype=np.uint64)
    color = np.array([one.color for one in looks], dtype=np.int64)
    found = 0
    for n in range(1, 6500, 23):
        apart = np.bitwise_count(bits[:n] ^ bits[n]).astype(np.int64)
        levels = np.abs(color[:n] - color[n]).max(axis=1)
        order = np.where((apart <= REACH) & (levels <= COLOR), apart * 256 + levels, 1 << 30)
        best = int(order.argmin())
        expected = Near(ids[best], int(apart[best])) if order[best] < 1 << 30 else None
        assert answers[n] == expected
        found += expected is not None
    assert found > 50


def test_batches_do_not_matter() -> None:
    looks, ids = random_looks(900, 2), names(900)
    index, answers = LookIndex(), []
    for start in range(0, 900, 7):
        answers += index.add(looks[start : start + 7], ids[start : start + 7])
    assert answers == LookIndex().add(looks, ids)


def test_equal_looks_are_held_once_and_answered_by_the_first() -> None:
    same = Look(5, (1, 2, 3))
    index = LookIndex()
    assert index.add([same] * 3, names(3)) == [None, Near("picture-0", 0), Near("picture-0", 0)]
    assert index.add([same], ["later"]) == [Near("picture-0", 0)]
    assert len(index) == 1


def test_a_saved_index_goes_on_as_if_there_had_been_no_break(tmp_path: Path) -> None:
    looks, ids, answers = many()
    first = LookIndex()
    first.add(looks[:6300], ids[:6300])
    first.save(tmp_path / "looks.npz")
    second = LookIndex.load(tmp_path / "looks.npz")
    assert len(second) == len(first)
    assert second.add(looks[6300:], ids[6300:]) == answers[6300:]
    assert [path.name for path in tmp_path.iterdir()] == ["looks.npz"]


def test_an_empty_index_is_saved_too(tmp_path: Path) -> None:
    LookIndex().save(tmp_path / "looks.npz")
    assert LookIndex.load(tmp_path / "looks.npz").nearest(Look(0, (0, 0, 0))) is None


def test_what_is_no_index_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "looks.npz"
    with pytest.raises(RequestError, match="no index of looks"):
        LookIndex.load(path)
    index = LookIndex()
    index.add(random_looks(50, 4), names(50))
    index.save(path)
    whole = path.read_bytes()
    for spoiled in (b"", b"text", whole[:-30], whole[: len(whole) // 2]):
        path.write_bytes(spoiled)
        with pytest.raises(RequestError, match="no index of looks"):
            LookIndex.load(path)
    np.savez(path, bits=np.zeros(2, np.uint64), color=np.zeros((3, 3), np.uint8), ids=np.array([b"a", b"b"]))
    with pytest.raises(RequestError, match="no index of looks"):
        LookIndex.load(path)
    with pytest.raises(OutputError, match="does not exist"):
        index.save(tmp_path / "missing" / "looks.npz")


@pytest.mark.parametrize("name", ["", "汉", "a\0", "x" * 257])
def test_an_id_that_cannot_be_kept_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match="cannot be kept"):
        LookIndex().add([Look(0, (0, 0, 0))], [name])


def test_each_look_needs_its_id() -> None:
    with pytest.raises(RequestError, match="2 looks came with 1 ids"):
        LookIndex().add([Look(0, (0, 0, 0))] * 2, ["a"])
