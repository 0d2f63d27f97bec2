"""The options of `hanmo eval`, and what they make: a benchmark, a generator, judges."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanmo.cli.options import DTYPES, positive, size_of
from hanmo.errors import RequestError
from hanmo.evaluate.catalog import CATALOG, benchmark

if TYPE_CHECKING:
    from hanmo.evaluate.benchmark import Benchmark
    from hanmo.evaluate.generators.protocol import Generator
    from hanmo.evaluate.judges.build import JudgeConfig
    from hanmo.evaluate.plan import RunOptions

_OURS = {"--model": "model", "--steps": "steps", "--cfg-scale": "cfg_scale", "--batch": "batch", "--dtype": "dtype"}
_OURS |= {"--source": "source", "--device": "device"}
_THEIRS = {"--endpoint-model": "endpoint_model", "--endpoint-no-seed": "endpoint_no_seed"}


# --- adding ----------------------------------------------------------------------------------------


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add what `hanmo eval run` takes behind the name."""
    who = parser.add_argument_group("who paints (one of three; default: the bundled model)")
    who.add_argument("--model", metavar="M", help="folder or hub id")
    who.add_argument("--pictures", metavar="FOLDER", help="pictures that are there: ID-SEED.png, ID/N.png or ID.png")
    who.add_argument("--endpoint", metavar="URL", help="an OpenAI-compatible one, such as https://host/v1")
    who.add_argument("--endpoint-model", metavar="M", help="what it calls the model; its key: $HANMO_IMAGES_KEY")
    who.add_argument("--endpoint-no-seed", action="store_true", help="send it no seed, which some refuse")
    who.add_argument("--steps", type=int, metavar="N", help="denoising steps (default: what the model prefers)")
    who.add_argument("--cfg-scale", type=float, metavar="X", help="guidance (default: what the model prefers)")
    who.add_argument("--size", type=size_of, metavar="WxH", help="where the benchmark says none (default: the model's)")
    who.add_argument("--batch", type=positive, metavar="N", help="pictures computed together (default: 4)")
    who.add_argument("--source", choices=("huggingface", "modelscope"), help="hub of --model (default: huggingface)")
    who.add_argument("--device", metavar="D", help="cpu, cuda, ..., of the model and the judges (default: cpu)")
    who.add_argument("--dtype", choices=DTYPES, help="arithmetic of the model (default: float32)")
    how = parser.add_argument_group("how")
    how.add_argument("--to", metavar="FOLDER", help="of the run (default: runs/eval/NAME)")
    how.add_argument("--seed", type=int, default=0, metavar="N", help="of the run (default: %(default)s)")
    how.add_argument("--shared-noise", action="store_true", help="picture N of every prompt has seed SEED+N")
    how.add_argument("--images", type=positive, metavar="N", help="pictures a prompt (default: the protocol's)")
    how.add_argument("--limit", type=positive, metavar="N", help="that many prompts, evenly from the groups")
    how.add_argument(
        "--budget", type=budget_of, metavar="B", help="such as 600s,500calls: painting, questions to the VLM"
    )
    how.add_argument("--concurrency", type=positive, default=1, metavar="N", help="at once, of endpoints (default: 1)")
    how.add_argument("--threads", type=positive, metavar="N", help="CPU threads (default: torch's choice)")
    add_draws(how)
    add_benchmark_options(parser)
    add_judge_options(parser)


def add_draws(parser: argparse._ActionsContainer) -> None:
    """Add `--draws`."""
    parser.add_argument("--draws", type=positive, default=1000, metavar="N", help="of the bootstrap (default: 1000)")


def add_set(parser: argparse._ActionsContainer) -> None:
    """Add `--set`."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        dest="overrides",
        help="a field of the benchmark's class; may be repeated (default: none)",
    )


def add_data(parser: argparse._ActionsContainer) -> None:
    """Add `--data`."""
    parser.add_argument(
        "--data", metavar="FOLDER", help="where its files are (default: $HANMO_BENCH or ~/.cache/hanmo/bench)"
    )


def add_benchmark_options(parser: argparse.ArgumentParser) -> None:
    """Add what concerns the benchmark itself."""
    group = parser.add_argument_group("benchmark")
    add_data(group)
    group.add_argument("--official-compat", action="store_true", help="reproduce the official script's quirks")
    add_set(group)


def add_judge_options(parser: argparse.ArgumentParser) -> None:
    """Add who judges."""
    group = parser.add_argument_group("judges")
    group.add_argument("--vlm", metavar="URL", help="a vision-language model behind an OpenAI-compatible endpoint")
    group.add_argument("--vlm-model", metavar="M", help="what it calls the model; its key: $HANMO_VLM_KEY")
    group.add_argument("--vlm-local", metavar="M", help="a Qwen2.5-VL on this machine instead: folder or hub id")
    group.add_argument("--vlm-seconds", type=float, default=120.0, metavar="S", help="for an answer (default: 120)")
    group.add_argument("--replay", metavar="FILE", help="answers that were recorded instead")
    group.add_argument("--record", metavar="FILE", help="write the VLM's answers down")
    group.add_argument("--ocr", choices=("rapidocr", "vlm"), help="who reads text (default: rapidocr)")
    group.add_argument("--detector", metavar="M", help="folder or hub id of a Mask2Former")
    group.add_argument(
        "--embedder", action="append", default=[], metavar="NAME=M", help="folder or hub id of one; may be repeated"
    )


def budget_of(text: str) -> tuple[float | None, int | None]:
    """(seconds, calls) from `600s`, `10m`, `2h`, `500calls`, or two of them with a comma.

    Raises:
        ArgumentTypeError: another form.
    """
    seconds: float | None = None
    calls: int | None = None
    for part in text.split(","):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)|(\d+)calls", part.strip())
        if match is None:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no budget: give such as 600s, 10m, 2h, 500calls or 600s,500calls"
            )
        if match[3]:
            calls = int(match[3])
        else:
            seconds = float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
    return seconds, calls


# --- making ----------------------------------------------------------------------------------------


def benchmark_of(name: str, overrides: Sequence[str] = (), official_compat: bool = False) -> Benchmark:
    """A benchmark of the catalog with fields that the user has set.

    Raises:
        RequestError: no such benchmark, no such field, or a value of another type.
    """
    from hanmo.config import read_tables

    made = benchmark(name)
    return _with_fields(made, name, read_tables(None, overrides), official_compat)


def benchmark_again(
    name: str, options: Mapping[str, Any], overrides: Sequence[str] = (), official_compat: bool = False
) -> Benchmark:
    """The benchmark of a run, from its recorded fields.

    Raises:
        RequestError: see `benchmark_of`.
    """
    from hanmo.config import read_tables
    from hanmo.evaluate.plan import options_of

    made = benchmark(name)
    usual = options_of(made)
    recorded = {field: value for field, value in options.items() if value != usual.get(field)}
    return _with_fields(made, name, recorded | read_tables(None, overrides), official_compat)


def _with_fields(made: Benchmark, name: str, values: dict[str, Any], official_compat: bool) -> Benchmark:
    from hanmo.config import from_mapping
    from hanmo.evaluate.plan import options_of

    fixed = CATALOG[name].fixed
    for field in values.keys() & fixed.keys():
        raise RequestError(f"{name} has {field} = {fixed[field]} by its name: choose another benchmark instead")
    if official_compat:
        if "official_compat" not in options_of(made):
            raise RequestError(f"{name} has no official script to be compatible with: leave --official-compat out")
        values = values | {"official_compat": True}
    return from_mapping({**fixed, **values}, type(made)) if values else made


def catalog_name(folder: Path, settings: Mapping[str, Any]) -> str:
    """What the catalog calls the benchmark of a run.

    Raises:
        RequestError: it is not of the catalog.
    """
    name = settings.get("catalog")
    if name not in CATALOG:
        raise RequestError(f"{folder} is a run of {settings.get('benchmark')!r}, which is not of the catalog")
    return str(name)


def check_generator_options(args: argparse.Namespace) -> None:
    """Refuse options that would be ignored.

    Raises:
        RequestError: two painters, or options that the one that paints does not have.
    """
    painters = [flag for flag in ("--model", "--pictures", "--endpoint") if getattr(args, flag[2:]) is not None]
    if len(painters) > 1:
        raise RequestError(f"{' and '.join(painters)} were given, and one alone can paint: leave the other out")
    who = painters[0] if painters else "--model"
    foreign = {} if who == "--model" else dict(_OURS)
    foreign |= {} if who == "--endpoint" else _THEIRS
    foreign |= {"--size": "size"} if who == "--pictures" else {}
    if args.vlm_local or args.detector or args.embedder:
        foreign.pop("--device", None)
    for flag, name in foreign.items():
        if getattr(args, name) not in (None, False) and flag != who:
            raise RequestError(f"{flag} has no effect with {who}: leave it out")
    if who == "--endpoint" and args.endpoint_model is None:
        raise RequestError("--endpoint needs the name of a model: give --endpoint-model M")
    if args.concurrency > 1 and who == "--model" and judging(args) == 1:
        raise RequestError("--concurrency is for endpoints: for a model on this machine use --batch")


def generator_of(args: argparse.Namespace) -> Generator:
    """Who paints.

    Raises:
        RequestError: it cannot be had.
    """
    size = args.size
    if isinstance(size, str):
        raise RequestError(f"size {size!r} is not allowed here: give width and height, such as 256x256")
    if args.pictures is not None:
        from hanmo.evaluate.generators.folder import FolderGenerator

        return FolderGenerator(Path(args.pictures))
    if args.endpoint is not None:
        from hanmo.evaluate.generators.endpoint import EndpointConfig, EndpointGenerator

        return EndpointGenerator(
            EndpointConfig(args.endpoint, args.endpoint_model, size=size, seeded=not args.endpoint_no_seed)
        )
    if args.threads is not None:
        import torch

        torch.set_num_threads(args.threads)
    from hanmo.evaluate.generators.pipeline import PipelineConfig, PipelineGenerator

    given = {name: getattr(args, name) for name in ("batch", "device", "dtype", "source")}
    return PipelineGenerator(
        PipelineConfig(
            args.model,
            args.steps,
            args.cfg_scale,
            size,
            **{name: value for name, value in given.items() if value is not None},
        )
    )


def judge_config(args: argparse.Namespace, needs: Sequence[str]) -> JudgeConfig:
    """Who judges.

    Raises:
        RequestError: a judge that this benchmark does not ask, or a wrong setting.
    """
    from hanmo.evaluate.judges.build import JudgeConfig

    flags = {"--vlm": args.vlm, "--vlm-local": args.vlm_local, "--replay": args.replay, "--record": args.record}
    reads = args.ocr == "vlm" and "ocr" in needs
    useless = [flag for flag, value in flags.items() if value is not None and "vlm" not in needs and not reads]
    useless += ["--ocr"] if args.ocr is not None and "ocr" not in needs else []
    useless += ["--detector"] if args.detector is not None and "detector" not in needs else []
    embedders = dict(_embedder(text) for text in args.embedder)
    useless += [f"--embedder {name}" for name in embedders if f"embedder:{name}" not in needs]
    if useless:
        asked = ", ".join(needs) or "nobody"
        raise RequestError(f"{useless[0]} has no effect on this benchmark, which asks {asked}: leave it out")
    return JudgeConfig(
        vlm_url=args.vlm,
        vlm_model=args.vlm_model,
        vlm_local=args.vlm_local,
        replay=None if args.replay is None else Path(args.replay),
        record=None if args.record is None else Path(args.record),
        ocr=args.ocr or "rapidocr",
        detector=args.detector,
        embedders=embedders,
        device=getattr(args, "device", None) or "cpu",
        seconds=args.vlm_seconds,
        threads=getattr(args, "threads", None) or 1,
    )


def judging(args: argparse.Namespace) -> int:
    """Prompts that are judged at once: several only where an endpoint or a file answers."""
    return args.concurrency if args.vlm is not None else 1


def run_options(args: argparse.Namespace) -> RunOptions:
    """How a run is done."""
    from hanmo.evaluate.plan import RunOptions

    return RunOptions(
        seed=args.seed,
        images=args.images,
        limit=args.limit,
        shared_noise=args.shared_noise,
        draws=args.draws,
        concurrency=args.concurrency,
        judging=judging(args),
    )


def _embedder(text: str) -> tuple[str, str]:
    name, equals, model = text.partition("=")
    if not equals or not name or not model:
        raise RequestError(f"--embedder {text!r} is not understood: give NAME=MODEL, such as clip=./clip-folder")
    return name, model
