"""Make pairs for editing: scenes before and after, a depth map, another view; with their instructions, as a sheet each.

python examples/synthesize_pairs.py [FOLDER]
"""

import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from hanmo.data.pairs import pair_records
from hanmo.data.shards import write_shard
from hanmo.data.synthesize.scene_sample import SceneConfig, scene_pair
from hanmo.data.synthesize.solids_sample import SolidConfig, solid_pair

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
kinds = ("add", "remove", "replace", "move", "color", "style", "text", "background")
pairs = [scene_pair(random.Random(kind), SceneConfig(256, 256), kind=kind) for kind in kinds]
pairs += [solid_pair(random.Random(3), SolidConfig(192, 192), kind) for kind in ("depth", "view")]
records = {}
for pair in pairs:
    pictures = [pair.sources[0], pair.target]
    if pair.mask is not None:
        pictures.append(np.repeat(pair.mask[:, :, None], 3, axis=2).astype(np.uint8) * 255)
    Image.fromarray(np.hstack(pictures)).save(folder / f"pair-{pair.kind}.png")
    print(f"{pair.kind}: {pair.instructions[0].text} | {pair.instructions[1].text}")
    records |= {record.id: record for record in pair_records(pair, "pairs")}
write_shard(folder / "pairs.tar", records.values())
print(f"{len(records)} records in {folder / 'pairs.tar'}")
