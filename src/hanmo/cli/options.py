"""Options and types that several commands share. Imports no torch."""

from __future__ import annotations

import argparse
import re

from hanmo.pipeline.presets import PRESETS

DTYPES = ("float32", "bfloat16", "float16")
SOLVERS = ("euler", "heun")

BATCH_HELP = """batch files: a text file with a prompt a line, or .jsonl with an object a line: the
prompt, and what differs from the options (image, mask, size, steps, cfg_scale, negative, seed, num,
strength, output), as in"""


def add_paint_options(
    parser: argparse.ArgumentParser, size: str | None = "what the model prefers", strength: str | None = None
) -> None:
    """Add what the painting commands share.

    Args:
        parser: of the command.
        size: the size's default, in words; None where the command keeps the picture's own.
        strength: its default, where the command starts from a noised picture.
    """
    picture = parser.add_argument_group("picture")
    if size is not None:
        shape = picture.add_mutually_exclusive_group()
        shape.add_argument(
            "--size",
            type=size_of,
            metavar="WxH",
            help=f"pixels, multiples of 16; or auto: exactly the source picture's (default: {size})",
        )
        shape.add_argument(
            "--aspect", type=ratio, dest="size", metavar="W:H", help="a ratio such as 16:9, in the model's usual area"
        )
    picture.add_argument("--steps", type=int, metavar="N", help="denoising steps (default: what the model prefers)")
    picture.add_argument(
        "--cfg-scale",
        type=float,
        metavar="X",
        help="guidance, how strictly words are followed; 1 is off and halves the time "
        "(default: what the model prefers)",
    )
    picture.add_argument("--negative", metavar="TEXT", help="what should not be there (default: a blank, as published)")
    if strength is not None:
        picture.add_argument(
            "--strength",
            type=float,
            metavar="X",
            help=f"how far the picture is noised, above 0 to 1; 1 leaves nothing of it (default: {strength})",
        )
    picture.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="a seed paints the same picture again; further pictures take N+1, N+2, ... (default: drawn, and printed)",
    )
    picture.add_argument(
        "--num", type=positive, default=1, metavar="N", help="pictures of each prompt (default: %(default)s)"
    )
    picture.add_argument(
        "--solver",
        choices=SOLVERS,
        help="euler as released, or heun: two evaluations a step (default: euler)",
    )
    picture.add_argument(
        "--preset",
        choices=[name for name in PRESETS if name.startswith("lightning")],
        help="steps, schedule and no guidance, as Lightning LoRAs need them; name the LoRA with --lora",
    )
    picture.add_argument(
        "--preview",
        action="store_const",
        const="preview",
        dest="preset",
        help=f"a picture in {PRESETS['preview'].steps} steps, to be refined if it promises well",
    )
    picture.add_argument(
        "--refine",
        metavar="PICTURE",
        help="repeat the request of a preview's file with the model's full schedule",
    )
    picture.add_argument(
        "--from-png",
        metavar="PICTURE",
        help="repeat the request that a picture's file carries; options given beside it come first",
    )
    picture.add_argument(
        "--rewrite",
        action="store_true",
        help="let a language model make the prompt precise first (default: off; see 'hanmo rewrite --help')",
    )
    _add_safety_options(parser)
    _add_output_options(parser)
    add_model_options(parser)
    add_lora_option(parser)


def add_lora_option(parser: argparse.ArgumentParser) -> None:
    """Add `--lora`."""
    parser.add_argument_group("LoRA").add_argument(
        "--lora",
        type=lora_of,
        action="append",
        default=[],
        metavar="FILE[:WEIGHT]",
        help="a LoRA (.safetensors, or owner/name/FILE.safetensors on a hub) and how much of it (default: 1); "
        "may be given several times",
    )


def add_model_options(parser: argparse.ArgumentParser, runs: bool = True) -> None:
    """Add what says which model is used and how it computes.

    Args:
        parser: of the command.
        runs: whether the command runs a model; else it has an argument of its own for it.
    """
    group = parser.add_argument_group("model")
    if runs:
        group.add_argument("--model", metavar="M", help="folder or hub id (default: the bundled model)")
    group.add_argument(
        "--source",
        choices=("huggingface", "modelscope"),
        default="huggingface",
        help="hub that ids are looked up on (default: %(default)s)",
    )
    group.add_argument("--revision", metavar="R", help="branch, tag or commit on the hub (default: its main branch)")
    if runs:
        group.add_argument(
            "--device", default="cpu", metavar="D", help="cpu, cuda, cuda:N or mps (default: %(default)s)"
        )
        group.add_argument("--dtype", choices=DTYPES, default="float32", help="arithmetic (default: %(default)s)")
        group.add_argument("--threads", type=positive, metavar="N", help="CPU threads (default: torch's choice)")


def _add_safety_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("safety")
    group.add_argument(
        "--safety",
        choices=("off", "log", "block"),
        default="off",
        help="check prompts and pictures, and log findings or keep pictures back (default: %(default)s)",
    )
    group.add_argument(
        "--safety-list", metavar="FILE", help="TOML file with what prompts are checked for (default: ours)"
    )


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o",
        "--output",
        default="out.png",
        metavar="FILE",
        help="file, .png, .jpg or .webp, which also keeps the request; several are numbered: out-1.png, ... "
        "(default: %(default)s)",
    )
    group.add_argument("--batch-file", metavar="FILE", help="many requests in one file (see below)")
    group.add_argument(
        "--batch-size",
        type=positive,
        default=1,
        metavar="N",
        help="pictures computed together: faster on a GPU, more memory (default: %(default)s)",
    )


def size_of(text: str) -> tuple[int, int] | str:
    """(width, height) from `256x128`, or `auto` or `16:9` as they are; the request checks what can be painted.

    Raises:
        ArgumentTypeError: another form.
    """
    text = text.strip()
    if text == "auto" or re.fullmatch(r"\d{1,4}:\d{1,4}", text):
        return text
    match = re.fullmatch(r"(\d{1,6})[xX×](\d{1,6})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: give width x height, such as 256x128, 16:9 or auto")
    return int(match[1]), int(match[2])


def lora_of(text: str) -> tuple[str, float]:
    """(file, weight) from `style.safetensors:0.8`; the weight is 1 where none is said.

    Raises:
        ArgumentTypeError: a weight that is no number.
    """
    file, colon, weight = text.rpartition(":")
    if not colon or "/" in weight or "\\" in weight or weight.endswith(".safetensors"):  # a colon of the path's own
        return text, 1.0
    try:
        return file, float(weight)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{weight!r} is no weight: give a number, as in {file}:0.8") from None


def aspect_of(text: str) -> tuple[int, int]:
    """(width, height) of a ratio such as 16:9.

    Raises:
        ArgumentTypeError: another form.
    """
    match = re.fullmatch(r"(\d{1,4}):(\d{1,4})", text.strip())
    if match is None or "0" in match.groups():
        raise argparse.ArgumentTypeError(f"{text!r} is no ratio: give width:height, such as 16:9")
    return int(match[1]), int(match[2])


def ratio(text: str) -> str:
    """A ratio such as `16:9`, as a request takes it, which checks what can be painted.

    Raises:
        ArgumentTypeError: another form.
    """
    return "{}:{}".format(*aspect_of(text))


def positive(text: str) -> int:
    """A whole number above 0.

    Raises:
        ArgumentTypeError: anything else.
    """
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: give a whole number, 1 or more")
    return int(text)
