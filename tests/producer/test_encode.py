"""What is stored is what the pipeline would have shown the transformer."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from PIL import Image
from producer_sets import SIZE, picture

from hanmo.data.buckets import RESOLUTIONS, buckets
from hanmo.errors import ConfigError
from hanmo.flow import ScheduleConfig
from hanmo.model.latents import image_to_tensor, pack
from hanmo.pipeline.conditions import generators_of, prepare
from hanmo.pipeline.pictures import open_sources
from hanmo.pipeline.request import Request
from hanmo.pipeline.work import plan_work
from hanmo.producer.config import EncodeConfig
from hanmo.producer.encode import Fitted, Networks, encode, fitted, grouped, identity_of, networks_of, words_of
from hanmo.producer.identity import digest
from hanmo.producer.items import Item, pixels_hash
from hanmo.producer.sample import Sample, Task
from hanmo.train.batches import Maker, MixConfig
from hanmo.train.samples import EmptyPrompts

CONFIG = EncodeConfig(sizes=(SIZE, (64, 64)))


def item(seed: int, words: str, sources: int = 0, task: Task = "t2i", size: tuple[int, int] = SIZE) -> Item:
    shown = tuple(picture(seed + 1 + n, size) for n in range(sources))
    target = picture(seed, size)
    return Item(task, target, shown, words, tuple(pixels_hash(one) for one in (target, *shown)), "tests")


def ready(networks: Networks, one: Item, config: EncodeConfig = CONFIG) -> Fitted:
    (found,) = fitted(one, networks, config, identity_of(networks, config))
    return found


def made(networks: Networks, *items: Item, config: EncodeConfig = CONFIG) -> list[Sample]:
    return encode([ready(networks, one, config) for one in items], networks, config)


@pytest.mark.parametrize("count", [1, 2])
def test_an_edit_is_encoded_as_the_pipeline_encodes_it(networks: Networks, count: int) -> None:
    one = item(1, "change the card to green", count, "ti2i")
    (stored,) = made(networks, one)
    request = Request(("change the card to green",), "edit", images=(one.sources,), seeds=(0,))
    works = plan_work(request, open_sources(request.images), networks.preferences)
    request = request.resolve(networks.preferences, [work.output for work in works])
    assert works[0].canvas.size == stored.size
    with torch.no_grad():
        wanted = prepare(
            request, works, networks.encoder, networks.vae, networks.preferences.max_text, generators_of(request)
        )
    assert wanted.pictures is not None
    torch.testing.assert_close(stored.hidden, wanted.positive.states[0], atol=1e-5, rtol=1e-5)
    latents = torch.cat([pack(networks.vae.normalise(mean[None])) for mean, _ in stored.sources], dim=1)
    torch.testing.assert_close(latents, wanted.pictures, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("count", [1, 2])
def test_a_dropped_caption_becomes_the_empty_prompt_with_the_same_pictures(networks: Networks, count: int) -> None:
    one, other = item(1, "change the card to green", count, "ti2i"), item(5, "paint it blue", count, "ti2i")
    asked = replace(CONFIG, empty_edits=True)
    found = made(networks, one, replace(one, caption="another wish"), other, config=asked)
    for each, stored in zip((one, one, other), found, strict=True):
        request = Request((each.caption,), "edit", images=(each.sources,), seeds=(0,), cfg_scale=4.0)
        works = plan_work(request, open_sources(request.images), networks.preferences)
        request = request.resolve(networks.preferences, [work.output for work in works])
        with torch.no_grad():
            wanted = prepare(
                request, works, networks.encoder, networks.vae, networks.preferences.max_text, generators_of(request)
            )
        assert stored.empty is not None
        assert wanted.negative is not None, "guidance moves away from it"
        torch.testing.assert_close(stored.empty, wanted.negative.states[0], atol=1e-5, rtol=1e-5)
    first, _, last = found
    assert first.empty is not None
    assert last.empty is not None
    assert float((first.empty - last.empty).abs().max()) > 1e-3, "the pictures are in it"
    (sample,) = made(networks, one, config=asked)
    dropping = Maker(MixConfig(edit_dropout=1.0), networks.vae.config, EmptyPrompts(), ScheduleConfig())
    batch = dropping.batch([sample], [torch.Generator().manual_seed(0)])
    assert sample.empty is not None
    assert torch.equal(batch.states[0], sample.empty)
    assert made(networks, item(1, "a card"), config=asked)[0].empty is None, "text alone has one for all"


def test_empty_prompts_are_part_of_the_identity_and_their_absence_leaves_older_stores_alone(networks: Networks) -> None:
    before = {"resolution": 256, "sizes": [[128, 64]], "enlarge": 1.0, "precision": "float32", "repaint": "x"}
    config = EncodeConfig(sizes=(SIZE,), repaint="x")
    assert identity_of(networks, config) == networks.identity.with_config(before)
    assert identity_of(networks, replace(config, empty_edits=True)) != identity_of(networks, config)


def test_a_store_of_one_resolution_keeps_the_identity_that_it_has() -> None:
    found = [digest(config.to_json()) for config in (EncodeConfig(), EncodeConfig(sizes=((128, 64),)))]
    assert found == ["9ccf78f9fe007686", "7e4301508a38ef49"], "stores of these are on people's disks"
    assert digest(EncodeConfig(resolutions=(256, 640)).to_json()) not in found


def test_a_picture_becomes_a_sample_of_each_resolution_that_it_is_large_enough_for(networks: Networks) -> None:
    config = EncodeConfig(resolutions=RESOLUTIONS)
    identity, ids = identity_of(networks, config), set()
    for place, largest in enumerate(buckets(1328)):
        one = Item("t2i", Image.new("RGB", largest.size), (), "x", (f"{place}",), "tests")
        found = fitted(one, networks, config, identity)
        assert [each.size for each in found] == [buckets(resolution)[place].size for resolution in RESOLUTIONS]
        assert all(each.target.size == each.size for each in found)
        ids |= {each.id for each in found}
    assert len(ids) == 27
    for size, count in (((1320, 1320), 2), ((640, 640), 2), ((500, 700), 1), ((140, 900), 0)):
        assert len(fitted(item(1, "x", size=size), networks, config, identity)) == count


def test_the_encoder_is_asked_once_for_all_resolutions(networks: Networks) -> None:
    config = EncodeConfig(resolutions=(45, 68, 90), sizes=((64, 32), (96, 48), (128, 64)), empty_edits=True)
    identity, words = identity_of(networks, config), words_of(networks)
    for one, asked in ((item(1, "a card"), 1), (item(1, "make it darker", 1, "ti2i"), 3)):
        found = [
            sample
            for each in fitted(one, networks, config, identity)
            for sample in encode([each], networks, config, words=words)
        ]
        assert [sample.size for sample in found] == [(64, 32), (96, 48), (128, 64)]
        assert all(torch.equal(sample.hidden, found[0].hidden) for sample in found)
        assert words.asked == asked, "a caption; then a wish and the empty prompt with its picture"


def test_words_are_stored_without_the_template_and_without_padding(networks: Networks) -> None:
    short, long = made(networks, item(1, "a card"), item(2, 'a red card with the text "HELLO"'))
    alone = networks.encoder.encode(["a card"], None, "t2i").states[0]
    torch.testing.assert_close(short.hidden, alone.detach(), atol=1e-5, rtol=1e-5)
    assert len(long.hidden) > len(short.hidden)


def test_the_posterior_is_kept_whole_and_unnormalised(networks: Networks) -> None:
    (stored,) = made(networks, item(1, "a card"))
    with torch.no_grad():
        wanted = networks.vae.encode(image_to_tensor(picture(1)))
    torch.testing.assert_close(stored.target[0], wanted.mean[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(stored.target[1], wanted.logvar[0], atol=1e-5, rtol=1e-5)
    assert stored.target[0].shape == (16, SIZE[1] // 8, SIZE[0] // 8)


def test_a_picture_goes_to_the_nearest_shape_and_a_small_one_nowhere(networks: Networks) -> None:
    identity = identity_of(networks, CONFIG)
    assert ready(networks, item(1, "x", size=(300, 290))).size == (64, 64)
    assert ready(networks, item(1, "x", size=(300, 150))).size == (128, 64)
    assert fitted(item(1, "x", size=(100, 50)), networks, CONFIG, identity) == ()
    assert ready(networks, item(1, "x", size=(100, 50)), replace(CONFIG, enlarge=1.3)).size == (128, 64)
    assert ready(networks, item(1, "x", size=(300, 310)), EncodeConfig()).size == (256, 256)


def test_a_source_is_cut_like_its_target_so_that_an_edit_stays_in_place(networks: Networks) -> None:
    target, other = picture(1, (300, 100)), picture(2, (90, 180))
    one = Item("ti2i", target, (target.copy(), other), "x", ("a", "b", "c"), "")
    found = ready(networks, one)
    assert found.sources[0].tobytes() == found.target.tobytes()
    assert found.sources[1].size == (64, 128), "its own shape, about as many pixels"


def test_reconstruction_says_what_the_configuration_says(networks: Networks) -> None:
    shown = picture(3)
    one = Item("i2i", shown, (shown,), "", ("a", "a"), "")
    (stored,) = made(networks, one)
    assert stored.caption == CONFIG.repaint
    assert torch.equal(stored.target[0], stored.sources[0][0])


def test_ids_do_not_depend_on_neighbours_and_change_with_the_configuration(networks: Networks) -> None:
    first = made(networks, item(1, "a card"), item(2, "another"))[0].id
    assert first == made(networks, item(1, "a card"))[0].id
    assert first != made(networks, item(1, "a card"), config=replace(CONFIG, precision="bfloat16"))[0].id


def test_a_change_of_one_weight_changes_the_identity(networks: Networks) -> None:
    vae = copy.deepcopy(networks.vae)
    with torch.no_grad():
        next(vae.parameters()).view(-1)[0] += 1e-3
    other = networks_of(networks.encoder, vae, networks.preferences).identity
    assert other.vae != networks.identity.vae
    assert other.encoder == networks.identity.encoder
    larger = replace(networks.preferences, vlm_area=64 * 64)
    assert networks_of(networks.encoder, networks.vae, larger).identity.encoder != other.encoder


def test_words_that_cannot_be_read_cost_only_their_own_sample(networks: Networks) -> None:
    items = [item(1, "a card"), item(2, "<|image_pad|>"), item(3, "words " * 400)]
    assert [one.caption for one in made(networks, *items)] == ["a card"]


def test_groups_are_of_one_task_size_and_number_of_sources(networks: Networks) -> None:
    items = [
        item(1, "a"),
        item(2, "b", 1, "ti2i"),
        item(3, "c"),
        item(4, "d", 2, "ti2i"),
        item(5, "e", size=(64, 64)),
        item(6, "f"),
    ]
    groups = list(grouped((ready(networks, one) for one in items), 2))
    assert [[one.caption for one in group] for group in groups] == [["a", "c"], ["b"], ["d"], ["e"], ["f"]]


def test_stored_numbers_have_the_precision_that_was_asked_for(networks: Networks) -> None:
    (stored,) = made(networks, item(1, "a card"), config=replace(CONFIG, precision="bfloat16"))
    assert {stored.hidden.dtype, stored.target[0].dtype, stored.target[1].dtype} == {torch.bfloat16}


def test_bad_sizes_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"encode\.sizes has \[100, 64\]"):
        EncodeConfig(sizes=((100, 64),))
    for wrong, said in (
        ({"resolutions": (640, 256)}, "name each once, the smallest first"),
        ({"resolution": 640, "resolutions": (256,)}, "give one of the two"),
        ({"resolutions": (64, 1328), "sizes": ((64, 64),)}, "one has no size"),
    ):
        with pytest.raises(ConfigError, match=said):
            EncodeConfig(**wrong)
    with pytest.raises(ConfigError, match=r"encode\.enlarge is 0\.5"):
        EncodeConfig(enlarge=0.5)
