from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hanmo.errors import ConfigError
from hanmo.model.config import TransformerConfig, VAEConfig
from hanmo.producer.config import ChooseConfig, EncodeConfig
from hanmo.train.adapters import AdapterConfig
from hanmo.train.curriculum import CurriculumConfig, Plateau, Stage, Until
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.lora_recipe import FolderConfig, LoraRecipe, MemoryConfig, SFTRecipe
from hanmo.train.objectives.distill_depth import DepthConfig
from hanmo.train.plan.config import PlanConfig
from hanmo.train.plan.outline import parts_of
from hanmo.train.plan.stages import RunPlan, plan
from hanmo.train.recipe import Base, NewTransformer, NewVAE, SamplesRecipe, VAERecipe
from hanmo.train.run_config import RunConfig
from hanmo.train.selection import Only, Weights
from hanmo.train.shard.config import ShardConfig
from hanmo.train.vae_picture_config import PictureConfig

SMALL = TransformerConfig(num_layers=2, attention_head_dim=16, num_attention_heads=4, axes_dims_rope=(4, 6, 6))
RUN = RunConfig(batch=4, accumulate=8, device="cuda", precision="bfloat16")
SAMPLES = SamplesRecipe(run=RUN, shard=ShardConfig(data=8, tensor=4, gather="bfloat16"), plan=PlanConfig())


def planned(recipe: SamplesRecipe, config: TransformerConfig = SMALL) -> RunPlan:
    return plan(recipe, config, VAEConfig())


def test_a_stage_is_what_the_curriculum_and_the_encoder_leave() -> None:
    wide = replace(SAMPLES.encode, sizes=((320, 192), (640, 640)))
    stages = (
        Stage("small", Only(sizes=((320, 192),)), until=Until(steps=300), batch=16),
        Stage("edits", weights=Weights(tasks={"ti2i": 1.0}), until=Until(plateau=Plateau())),
        Stage("rest", Only(tasks=("t2i",))),
    )
    recipe = replace(SAMPLES, encode=wide, curriculum=CurriculumConfig(stages), plan=PlanConfig(sources=2))
    small, edits, rest = parts_of(recipe)
    assert (small.batch, small.size, small.steps, small.sources) == (16, (320, 192), 300, 2)
    assert (edits.batch, edits.size, edits.steps, edits.sources) == (4, (640, 640), None, 2)
    assert (rest.sources, rest.sizes, rest.steps) == (0, 2, None)
    none = replace(SAMPLES, curriculum=CurriculumConfig((Stage("far", Only(resolutions=(1328,))),)))
    with pytest.raises(ConfigError, match=r"curriculum.stages.far.only takes none of the sizes that encode makes"):
        parts_of(none)


def test_the_largest_of_nine_sizes_is_what_memory_must_hold() -> None:
    (part,) = parts_of(replace(SAMPLES, encode=EncodeConfig(1328), choose=ChooseConfig(("i2i",))))
    assert part.sizes == 9
    assert part.work(100).target >= 83 * 83
    assert part.work(100).source == part.work(100).target


def test_a_step_is_all_batches_and_a_group_computes_its_share() -> None:
    one, two = (planned(replace(SAMPLES, run=replace(RUN, accumulate=n))).stages[0] for n in (8, 16))
    assert (one.pictures, two.pictures) == (32, 64)
    assert two.flops == 2 * one.flops
    assert two.network == 2 * one.network > 0
    assert two.memory == one.memory


def test_checkpointing_takes_time_and_gives_memory() -> None:
    off, full = (
        planned(replace(SAMPLES, shard=replace(SAMPLES.shard, checkpointing=how)), TransformerConfig()).stages[0]  # type: ignore[arg-type]
        for how in ("off", "full")
    )
    assert full.flops == pytest.approx(4 / 3 * off.flops, rel=0.01)
    assert full.memory.total < off.memory.total
    slow = planned(replace(SAMPLES, plan=PlanConfig(mfu=0.2)), TransformerConfig()).stages[0]
    assert slow.products == pytest.approx(2 * off.products)
    far = planned(replace(SAMPLES, plan=PlanConfig(machine=64)), TransformerConfig()).stages[0]
    assert far.network < off.network, "inside one machine the way is wider"
    assert off.seconds == pytest.approx(max(off.products, off.network) + off.update)


def test_tokens_on_several_gpus_take_memory_and_products_and_give_an_exchange() -> None:
    shard = ShardConfig(data=8, tensor=2, gather="bfloat16")
    one, two = (
        planned(replace(SAMPLES, shard=replace(shard, context=n)), TransformerConfig()).stages[0] for n in (1, 2)
    )
    assert two.memory.activations == pytest.approx(one.memory.activations / 2, rel=0.05)
    assert two.memory.weights == one.memory.weights / 2
    assert (two.flops, two.pictures, two.tokens) == (one.flops / 2, one.pictures, one.tokens)
    # 60 blocks send half of their 4 x 3072 / (2 x 2) bfloat16 numbers a token twice, at half of 900 GB/s.
    assert two.exchange == pytest.approx(60 * 2 * two.tokens / 8 * 3072 / 2 * 2 / 450e9)
    assert one.exchange == 0
    assert two.seconds == pytest.approx(max(two.products + two.exchange, two.network) + two.update)
    far = planned(replace(SAMPLES, shard=replace(shard, context=2), plan=PlanConfig(machine=2)), TransformerConfig())
    assert far.stages[0].exchange > two.exchange
    with pytest.raises(ConfigError, match=r"shard.context is 8, .* 24 heads over shard.tensor 2 leave 12 .* 4, 6, 12"):
        planned(replace(SAMPLES, shard=replace(shard, context=8)), TransformerConfig())


def test_new_sizes_are_planned_and_not_the_checkpoints_own() -> None:
    new = replace(SAMPLES, model=Base(new=NewTransformer(3, 4, 16, (4, 6, 6))))
    assert planned(new).parameters > planned(SAMPLES).parameters


def test_adapters_are_what_peft_would_make() -> None:
    recipe = LoraRecipe(
        run=RUN, data=FolderConfig(size=(256, 256)), adapter=AdapterConfig(rank=8), memory=MemoryConfig("bfloat16")
    )
    width = 64
    pairs = [(width, width)] * 8 + [(width, 4 * width), (4 * width, width)] * 2
    found = plan(recipe, SMALL, VAEConfig())
    assert found.trained == 2 * sum(8 * (a + b) for a, b in pairs)
    assert found.stages[0].network == 0
    swap = replace(recipe, memory=MemoryConfig("int8", checkpointing=True, resident_blocks=1))
    assert plan(swap, SMALL, VAEConfig()).stages[0].swap > 0
    with pytest.raises(ConfigError, match=r"plan.size is missing"):
        plan(replace(recipe, data=FolderConfig()), SMALL, VAEConfig())


def test_everything_of_a_folder_run_learns() -> None:
    recipe = SFTRecipe(run=RUN, data=FolderConfig(size=(256, 256)), memory=MemoryConfig(checkpointing=True))
    found = plan(recipe, SMALL, VAEConfig())
    assert found.trained == found.parameters
    with pytest.raises(ConfigError, match=r"memory.checkpointing is true and shard.checkpointing"):
        replace(recipe, shard=ShardConfig(checkpointing="full"))


def test_a_student_has_fewer_blocks_and_its_teacher_looks_on() -> None:
    recipe = DistillRecipe(method="depth", run=RUN, choose=SAMPLES.choose, depth=DepthConfig(keep=1))
    alone = replace(SAMPLES, shard=ShardConfig(), choose=ChooseConfig(("t2i",)))
    student, whole = plan(recipe, SMALL, VAEConfig()), plan(alone, SMALL, VAEConfig())
    assert student.parameters < whole.parameters
    assert student.stages[0].memory.weights == 4 * (student.parameters + whole.parameters)
    with pytest.raises(ConfigError, match=r"depth keeps 3 blocks; the teacher has 2"):
        plan(replace(recipe, depth=DepthConfig(keep=3)), SMALL, VAEConfig())


def test_the_decoder_is_measured_on_the_meta_device() -> None:
    config = VAEConfig(base_dim=16)
    recipe = VAERecipe(
        run=RUN,
        model=NewVAE(Path("hanmo-tiny"), "decoder"),
        pictures=PictureConfig(size=64, pages=20),
    )
    one, two = (plan(replace(recipe, run=replace(RUN, batch=n)), SMALL, config) for n in (4, 8))
    assert two.stages[0].memory.activations == 2 * one.stages[0].memory.activations > 0
    assert two.stages[0].flops == 2 * one.stages[0].flops > 0
    assert one.trained < one.parameters
    whole = plan(replace(recipe, model=NewVAE()), SMALL, config)
    assert whole.trained == whole.parameters
    assert whole.stages[0].memory.activations > one.stages[0].memory.activations


def test_assumptions_out_of_range_are_refused_by_name() -> None:
    for given, said in (
        ({"mfu": 1.5}, "plan.mfu"),
        ({"machine": 0}, "plan.machine"),
        ({"size": (10, 16)}, "plan.size"),
    ):
        with pytest.raises(ConfigError, match=said):
            PlanConfig(**given)  # type: ignore[arg-type]
