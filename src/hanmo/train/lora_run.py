"""Training an adapter, or the whole transformer (SFT), on a user's folder: from a recipe to files that are loaded.

The folder is checked and encoded first; then encoder and VAE are let go, and the transformer is loaded. From there on
its samples are like any others: `folder_source` lists them, `mixture` and `batches` draw them, and the loss is in
`objectives/samples`. It puts together what the other files of this package make.

    export/NAME.safetensors, export/NAME-comfyui.safetensors, export/peft/      of a LoRA
    export/peft/, export/checkpoint/                                            of a DoRA
    export/                                                                     of SFT: a checkpoint
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hanmo.log import get_logger
from hanmo.model.mmdit import MMDiT
from hanmo.pipeline.pipeline import Pipeline
from hanmo.train.adapter_files import save_adapter
from hanmo.train.adapters import Trained, adapt, layers, merged
from hanmo.train.attention import use_plain_attention
from hanmo.train.batches import Maker
from hanmo.train.block_swap import swap_blocks
from hanmo.train.curriculum import Curriculum, CurriculumConfig
from hanmo.train.divided import begin, collected, device_of, home_of, shown_of
from hanmo.train.drive import Job, drive
from hanmo.train.encode_folder import Kept, Networks, encode_folder
from hanmo.train.files import RunFolder
from hanmo.train.folder_data import Item, read_folder
from hanmo.train.folder_source import FolderSource
from hanmo.train.frozen import round_frozen
from hanmo.train.judge import Judge, summary
from hanmo.train.lora_recipe import LoraRecipe, SFTRecipe, ShowConfig
from hanmo.train.metrics import Metrics
from hanmo.train.mixture import Mixture
from hanmo.train.model import Model, save_model
from hanmo.train.objectives.samples import SampleObjective
from hanmo.train.ranks import ALONE, Ranks
from hanmo.train.rows import row_positions
from hanmo.train.shard.adapted import load_adapted, shell
from hanmo.train.shard.mesh import MeshRanks
from hanmo.train.shard.parallel import compile_blocks
from hanmo.train.sheet import save_sheet, sheet
from hanmo.weights.folder import Folder, load_encoder, load_transformer, load_vae, open_folder
from hanmo.weights.hub import resolve

log = get_logger(__name__)
_QUOTED = re.compile(r'"([^"]+)"')


def train_lora(recipe: LoraRecipe, folder: RunFolder, resume: bool, judge: Judge | None, ranks: Ranks = ALONE) -> None:
    """Train an adapter as the recipe says; the result is in `folder.export`.

    Raises:
        RequestError: peft is missing, or the folder of examples is wrong; see `folder_data`.
    """
    checkpoint, kept = _begin(recipe, folder, ranks)
    transformer, shown, weights = _adapted(recipe, checkpoint, ranks)
    # A divided base is collected to paint with it; an export takes the adapter alone.
    names = None if recipe.show.prompts else [name for name, p in transformer.named_parameters() if p.requires_grad]

    def export() -> None:
        save_adapter(folder.export, recipe.name, shown, recipe.adapter, recipe.model)
        if recipe.adapter.dora and ranks.divided:
            from hanmo.train.merge import merge_into  # not at the top: torch's checkpoints take seconds to import

            merge_into(checkpoint, list(layers(shown)), folder.export / "checkpoint")
        elif recipe.adapter.dora:
            save_model(folder.export / "checkpoint", _whole(merged(shown), checkpoint))

    _drive(recipe, folder, resume, judge, ranks, checkpoint, kept, transformer, shown, weights, export, names)


def train_sft(recipe: SFTRecipe, folder: RunFolder, resume: bool, judge: Judge | None, ranks: Ranks = ALONE) -> None:
    """Train the whole transformer as the recipe says; the result is `folder.export`, a checkpoint.

    Raises:
        RequestError: the folder of examples is wrong; see `folder_data`.
        ConfigError: `shard` does not fit the model or the run.
    """
    checkpoint, kept = _begin(recipe, folder, ranks)
    transformer = begin(checkpoint, ranks, recipe.run, recipe.shard, recipe.seed)
    transformer.checkpointing = recipe.memory.checkpointing
    shown = shown_of(transformer, ranks)

    def export() -> None:
        save_model(folder.export, _whole(shown, checkpoint))

    _drive(recipe, folder, resume, judge, ranks, checkpoint, kept, transformer, shown, transformer, export)


def _begin(recipe: LoraRecipe | SFTRecipe, folder: RunFolder, ranks: Ranks) -> tuple[Folder, list[Kept]]:
    """The checkpoint, and the examples as samples: the first process makes them, the others find them."""
    checkpoint = open_folder(resolve(recipe.model or None))
    items = read_folder(recipe.data.folder)
    size = recipe.data.size if all(recipe.data.size) else None
    with ranks.in_turn():
        kept = encode_folder(
            items, folder.path / "samples", checkpoint, lambda: _networks(checkpoint, recipe.run.device), size
        )
    _tell(items, kept)
    return checkpoint, kept


def _tell(items: list[Item], kept: list[Kept]) -> None:
    edits = sum(bool(item.sources) for item in items)
    small = [
        item.target.name
        for item, one in zip(items, kept, strict=True)
        if item.size[0] < one.sizes[0][0] or item.size[1] < one.sizes[0][1]
    ]
    log.info("%d examples, %d of them edits, of %d sizes", len(items), edits, len({one.sizes[0] for one in kept}))
    if small:
        log.warning("%d pictures are smaller than what is trained and were enlarged (first: %s)", len(small), small[0])


def _networks(checkpoint: Folder, device: str) -> Networks:
    return Networks(
        load_encoder(checkpoint, device, torch.float32 if device == "cpu" else torch.bfloat16),
        load_vae(checkpoint, device, torch.float32),
    )


def _adapted(recipe: LoraRecipe, checkpoint: Folder, ranks: Ranks) -> tuple[MMDiT, MMDiT, Trained]:
    """The transformer as this process holds it, what is painted with and exported, and what learns."""
    small = recipe.memory.base == "bfloat16" or (recipe.memory.base != "float32" and recipe.run.device != "cpu")
    dtype, adapter, seed = torch.bfloat16 if small else torch.float32, recipe.adapter, recipe.seed
    if not isinstance(ranks, MeshRanks):
        transformer = load_transformer(checkpoint, dtype=dtype)
        weights = adapt(transformer, adapter, seed)
        _fit(recipe, transformer)
        return transformer, transformer, weights
    recipe.memory.check_shards()  # of one process, too, that goes on with what several had divided
    run, heads = recipe.run, checkpoint.transformer.num_attention_heads
    recipe.shard.check(ranks.count, run.accumulate, heads, run.precision != "float32")
    transformer, weights = load_adapted(checkpoint, ranks, recipe.shard, adapter, seed, dtype, run.compile)
    transformer.checkpointing = recipe.memory.checkpointing
    if ranks.device.type == "cpu":
        use_plain_attention(transformer)
    return transformer, shell(checkpoint, adapter, seed, dtype), weights


def _fit(recipe: LoraRecipe, transformer: MMDiT) -> None:
    """Round, swap or move what rests, as the recipe says."""
    memory, device = recipe.memory, torch.device(recipe.run.device)
    transformer.train()
    transformer.checkpointing = memory.checkpointing
    if memory.base in ("int8", "float8"):
        held = round_frozen(transformer, "int8" if memory.base == "int8" else "float8")
        log.info("the frozen base is kept in %s: %.1f MB", memory.base, held / 1e6)
    if memory.resident_blocks:
        swap_blocks(transformer, memory.resident_blocks, device)
    else:
        transformer.to(device)
    if device.type == "cpu":
        use_plain_attention(transformer)
    if recipe.run.compile:
        compile_blocks(transformer)


def _drive(
    recipe: LoraRecipe | SFTRecipe,
    folder: RunFolder,
    resume: bool,
    judge: Judge | None,
    ranks: Ranks,
    checkpoint: Folder,
    kept: list[Kept],
    transformer: MMDiT,
    shown: MMDiT,
    weights: nn.Module,
    export: Callable[[], None],
    names: Collection[str] | None = None,
) -> None:
    run = recipe.run
    source, positions = FolderSource(kept), row_positions(transformer)
    maker = Maker(recipe.mix, checkpoint.vae, source.empty(), checkpoint.schedule)
    everything = Curriculum(CurriculumConfig())
    mixture = Mixture(source, everything, recipe.seed, run.batch, run.accumulate)
    objective = SampleObjective(positions, mixture, maker, recipe.seed, device_of(ranks, run))

    def preview(step: int, metrics: Metrics) -> Mapping[str, float]:
        path = folder.previews / f"step-{step:09d}.png"
        positions.forget()
        return _look(recipe.show, shown, checkpoint, str(home_of(ranks, run)), judge, path, step, metrics)

    job = Job(
        recipe.name,
        recipe.seed,
        objective,
        {"transformer": weights},
        run,
        recipe.optim,
        preview,
        export,
        ranks,
        collected=lambda: collected(transformer, shown, ranks, names),
    )
    drive(job, folder, resume)


def _look(
    show: ShowConfig,
    transformer: MMDiT,
    checkpoint: Folder,
    device: str,
    judge: Judge | None,
    path: Path,
    step: int,
    metrics: Metrics,
) -> dict[str, float]:
    """Paint the recipe's prompts by the real pipeline; with a judge the share of quoted texts that are read."""
    if not show.prompts:
        return {}
    networks = _networks(checkpoint, device)
    pipeline = Pipeline(
        transformer, networks.vae, networks.encoder, checkpoint.schedule, checkpoint.preferences, "in training"
    )
    steps = show.steps or checkpoint.preferences.steps
    pictures = pipeline.generate(list(show.prompts), steps=steps, seed=show.seed).images
    whole = sheet(pictures, columns=min(6, len(pictures)))
    save_sheet(path, whole)
    metrics.picture(step, "preview", np.asarray(whole))
    if judge is None:
        return {}
    quoted = [(picture, _QUOTED.findall(words)) for picture, words in zip(pictures, show.prompts, strict=True)]
    verdicts = [judge(picture, (0, 0, *picture.size), " ".join(texts)) for picture, texts in quoted if texts]
    return summary(verdicts, "read")


def _whole(transformer: MMDiT, checkpoint: Folder) -> Model:
    """This transformer with everything else of the checkpoint it came from."""
    return Model(
        transformer, load_encoder(checkpoint), load_vae(checkpoint), checkpoint.schedule, checkpoint.preferences
    )
