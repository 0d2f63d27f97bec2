"""Named schedules: a quick preview, its refinement, and what Qwen-Image-Lightning's LoRAs were trained for.

A preset fills in what a request leaves open, before the checkpoint's preferences do; what it leaves open too
comes from those. It brings no weights: a LoRA is named beside it. "preview" is a picture in few steps;
"refined" is the checkpoint's own schedule, and says in the metadata that a preview came before. Source of the
Lightning schedules: the released LoRAs' scheduler (base_shift = max_shift = ln 3, no
terminal level) and their model card; the report does not know them. Imports no torch.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from hanmo.errors import RequestError


@dataclass(frozen=True)
class Preset:
    """Steps, guidance and the factor that noise levels are shifted by, e^mu; None leaves it to the checkpoint."""

    steps: int | None = None
    cfg_scale: float | None = None
    shift: float | None = None


PRESETS = {
    "preview": Preset(steps=12),
    "refined": Preset(),
    "lightning-4": Preset(steps=4, cfg_scale=1.0, shift=3.0),
    "lightning-8": Preset(steps=8, cfg_scale=1.0, shift=3.0),
}


def preset_named(name: str) -> Preset:
    """A preset by its name.

    Raises:
        RequestError: there is none of that name; the nearest is named.
    """
    if name not in PRESETS:
        near = difflib.get_close_matches(name, PRESETS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"give one of {', '.join(PRESETS)}"
        raise RequestError(f"there is no preset {name!r}: {hint}")
    return PRESETS[name]
