"""Paint a card plain, then with a LoRA at several weights, then with the LoRA merged into the model.

python examples/use_a_lora.py [FOLDER] [LORA.safetensors]

Without a LoRA, a random one for the bundled model is written to the folder, in Lightning's dialect.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

import hanmo
from hanmo.engine.adapters import places

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
prompt = 'a blue card with the text "HANMO"'
pipe = hanmo.load()

if len(sys.argv) > 2:
    path = Path(sys.argv[2])
else:
    state, path = {}, folder / "random.safetensors"
    generator = torch.Generator().manual_seed(0)
    for name, (outputs, inputs) in places(pipe.transformer).items():
        state[f"{name}.lora_down.weight"] = torch.randn(4, inputs, generator=generator) / inputs**0.5
        state[f"{name}.lora_up.weight"] = torch.randn(outputs, 4, generator=generator) / 16
        state[f"{name}.alpha"] = torch.tensor(4.0)
    save_file(state, path)

lora = pipe.load_lora(path)
for weight in (0.0, 0.3, 0.6):  # each request says how much of it; 0 is the plain picture
    pipe.generate(prompt, seed=3, loras=[(lora, weight)]).images[0].save(folder / f"lora-{weight}.png")
pipe.merge_loras([(lora, 0.6)])  # no cost per step, and for every request
pipe.generate(prompt, seed=3).images[0].save(folder / "merged.png")
pipe.unmerge_loras()  # the bits that were there
print(f"{lora}: {len(pipe.adapters.names)} loaded; pictures in {folder}")
