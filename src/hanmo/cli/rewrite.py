"""`hanmo rewrite`: a prompt made precise by a language model, without painting it."""

from __future__ import annotations

import argparse
import json

USAGE = "hanmo rewrite PROMPT [options]"

DESCRIPTION = """
Let a language model make a prompt precise, in its own language. Quoted text stays letter for letter: an
answer that changes it is not used. The rewritten prompt goes to stdout; when the original stays, it goes
there instead, and stderr says why.

The language model is named by the environment:
  HANMO_REWRITE_URL      base URL of an OpenAI-compatible endpoint, such as https://host/v1
  HANMO_REWRITE_KEY      its key, if it wants one
  HANMO_REWRITE_MODEL    the model's name there; without a URL a folder or hub id for transformers
  HANMO_REWRITE_TIMEOUT  seconds for one of at most two tries (default: 60)
"""

EXAMPLES = """
examples:
  hanmo rewrite 'a shop sign with the text "OPEN"'
  hanmo rewrite '把文字改成"你好"' --task edit
  hanmo rewrite 'a cat' --json
  hanmo generate 'a shop sign with the text "OPEN"' --rewrite     rewrites, then paints
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("prompt", metavar="PROMPT", help="what to rewrite, in quotes")
    parser.add_argument(
        "--task",
        choices=("generate", "edit"),
        default="generate",
        help="whether it describes a picture or says what to change in one (default: %(default)s)",
    )
    parser.add_argument(
        "--device", default="cpu", metavar="D", help="where a local language model runs (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="answer with all that was done, as JSON")


def run(args: argparse.Namespace) -> None:
    """Rewrite.

    Raises:
        RequestError: no language model is configured, or the prompt is empty.
    """
    from hanmo.cli.answer import say
    from hanmo.log import get_logger
    from hanmo.pipeline.local_chat import open_chat
    from hanmo.pipeline.rewrite import RewriteConfig, rewrite

    config = RewriteConfig.from_environment()
    found = rewrite(args.prompt, args.task, open_chat(config, args.device), config.timeout)
    if found.kept is not None:
        get_logger(__name__).warning("the prompt stays as it was: %s", found.kept)
    say(json.dumps({"prompt": found.prompt, **found.record()}, ensure_ascii=False) if args.json else found.prompt)
