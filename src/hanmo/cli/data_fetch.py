"""`hanmo data fetch`: bring what recipes read onto this machine: art out of packages, pictures of a list of URLs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hanmo.cli.actions import Action, add_actions, check_installed, listed, make_folder
from hanmo.cli.answer import say
from hanmo.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hanmo.data.sources.emoji_art import EmojiArtSource

SUMMARY = "bring art or a list of URLs onto this machine"

DESCRIPTION = "Fetch what recipes read. Stopped at any moment, the same command goes on."

EXAMPLES = """
examples:
  hanmo data fetch emoji-art art --sets fluent-3d,twemoji
  hanmo data fetch urls list.csv answers.sqlite --licence-column rights --user-agent 'me/1 (+me@example.org)'
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the action."""
    add_actions(parser, WHAT, "what", "WHAT")


def run(args: argparse.Namespace) -> None:
    """Fetch it.

    Raises:
        RequestError: what is asked for cannot be had; see each.
    """
    WHAT[args.what].run(args)


# --- emoji-art -------------------------------------------------------------------------------------


def _configure_art(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="gets packages/, as they come, and set/, the shards")
    parser.add_argument("--sets", metavar="NAMES", help="some of fluent-3d,openmoji,twemoji,noto (default: all four)")
    parser.add_argument(
        "--size", type=int, default=512, metavar="N", help="width of what is drawn from vectors (default: 512)"
    )
    parser.add_argument("--tones", action="store_true", help="other skin tones too (default: the yellow one alone)")
    parser.add_argument("--font", metavar="PATH", help="NotoColorEmoji.ttf (default: looked for on this machine)")


def _fetch_art(args: argparse.Namespace) -> None:
    check_installed()
    from hanmo.data.collect import collect
    from hanmo.data.sources.emoji_art import ART, fetch_emoji_art
    from hanmo.data.sources.emoji_sets import PACKAGES

    font = None if args.font is None else Path(args.font)
    if font is not None and not font.is_file():
        raise RequestError(f"--font {font} is no file: give that of NotoColorEmoji.ttf")
    folder, arts = Path(args.folder), tuple(ART) if args.sets is None else listed(args.sets)
    make_folder(folder)
    sources = fetch_emoji_art(folder / PACKAGES, arts, args.size, args.tones, font)
    made = collect(sources, folder / "set")
    say("\n".join(_table_of(folder / "set", sources)))
    say(f"{folder / 'set'}\t{made.records} pictures\t{made.rejects} rejects")


def _table_of(folder: Path, sources: Sequence[EmojiArtSource]) -> list[str]:
    """Set, pictures, licence and whose it is."""
    from collections import Counter

    from hanmo.data.layout import shards_of
    from hanmo.data.shards import read_index
    from hanmo.data.sources.emoji_art import ART

    found = Counter(str(row["source"]) for shard in shards_of(folder) for row in read_index(shard, ["source"]))
    lines = [("set", "pictures", "licence", "say with it")]
    for source in sources:
        art = ART[source.art]
        lines.append((source.art, str(found[source.name]), art.licence, art.attribution))
    widths = [max(len(line[at]) for line in lines) for at in range(3)]
    return [
        "  ".join((name.ljust(widths[0]), number.rjust(widths[1]), licence.ljust(widths[2]), whose))
        for name, number, licence, whose in lines
    ]


# --- urls ------------------------------------------------------------------------------------------


def _configure_urls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("list", metavar="LIST", help=".txt (a URL a line), .csv, .tsv, .jsonl or .parquet")
    parser.add_argument("answers", metavar="ANSWERS", help="file that keeps what came, and why the rest did not")
    columns = parser.add_argument_group("columns (the recipe's table of the kind urls must name the same)")
    columns.add_argument("--url", default="url", metavar="NAME", help="of the URLs (default: url)")
    columns.add_argument("--captions", default="caption", metavar="NAMES", help="a,b; '' for none (default: caption)")
    columns.add_argument("--licence-column", default="", metavar="NAME", help="of licences (default: none)")
    columns.add_argument("--metadata", default="", metavar="NAMES", help="a,b that become metadata (default: none)")
    columns.add_argument("--language", default="und", metavar="TAG", help="of the captions (default: und, not known)")
    manners = parser.add_argument_group("manners (slow by default, so that no host has to notice)")
    manners.add_argument("--user-agent", metavar="TEXT", help="who you are and how you can be reached")
    manners.add_argument("--per-host", type=int, metavar="N", help="requests at once to one host (default: 2)")
    manners.add_argument("--delay", type=float, metavar="S", help="seconds between two of them (default: 0.5)")
    manners.add_argument("--at-once", type=int, metavar="N", help="requests at once in all (default: 32)")
    manners.add_argument("--tries", type=int, metavar="N", help="requests for one URL (default: 4)")
    manners.add_argument("--private", action="store_true", help="ask this machine and private networks too")
    parser.add_argument(
        "--again",
        action="append",
        default=[],
        metavar="KIND",
        help="ask again what failed so, such as unreachable; may be repeated (default: nothing)",
    )


def _fetch_urls(args: argparse.Namespace) -> None:
    check_installed()
    import random

    from hanmo.data.sources.url_list import UrlList
    from hanmo.data.sources.urls import fetch_list
    from hanmo.data.web.config import FetchConfig
    from hanmo.data.web.exchange import ExchangeConfig

    who = {} if args.user_agent is None else {"agent": args.user_agent}
    how = {"per_host": args.per_host, "host_delay": args.delay, "at_once": args.at_once, "tries": args.tries}
    config = FetchConfig(
        exchange=ExchangeConfig(private=args.private, **who),
        **{name: value for name, value in how.items() if value is not None},
    )
    captions, metadata = listed(args.captions), listed(args.metadata)
    urls = UrlList(Path(args.list), args.url, captions, args.licence_column, metadata, args.language)
    done = fetch_list(urls, Path(args.answers), config, random.Random(), args.again)
    say(f"{args.answers}\t{done.pictures} pictures\t{done.failures} failures\t{done.known} answered before")


WHAT = {
    "emoji-art": Action(
        "emoji in four hands, with names in English and Chinese",
        "Fetch packages of emoji with npm, and collect them. Prints pictures and licence of each set. OpenMoji and\n"
        "Twemoji are drawings: pip install resvg-py. Noto is the font of the Debian package fonts-noto-color-emoji.",
        _configure_art,
        _fetch_art,
        """
examples:
  hanmo data fetch emoji-art art                              all four sets
  hanmo data fetch emoji-art art --sets fluent-3d             one set, which needs nothing but npm
  hanmo data fetch emoji-art art --sets noto --font NotoColorEmoji.ttf
""",
    ),
    "urls": Action(
        "the pictures of a list of URLs, politely",
        'Ask every URL of a list once and keep the answers in one file, from which recipes read (kind = "urls").\n'
        "robots.txt is obeyed, and so is Retry-After.",
        _configure_urls,
        _fetch_urls,
        """
examples:
  hanmo data fetch urls list.txt answers.sqlite --user-agent 'me/1 (+me@example.org)'
  hanmo data fetch urls list.csv answers.sqlite --captions title,alt --licence-column rights
  hanmo data fetch urls list.txt answers.sqlite --again unreachable
""",
    ),
}
"""What can be fetched, by name."""
