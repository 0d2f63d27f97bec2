"""Balance: how many pictures of each domain, category and language go on (report sections 3.1 and 3.2, stage 7).

    plan = plan_balance(shards, folder/"balance.parquet", config)     reads indexes only
    run(shards, folder, Stage((Balance(plan.operator),), {"balance": {"excess": Threshold(high=1)}}))

In a recipe it is a stage of its own behind the one with `taxonomy`: use = ["balance"].

Domains get their shares of the total; inside a domain the categories are filled evenly, as far as each goes; inside a
category the languages; and inside those the best come first. A picture's `excess` is its place in that queue divided
by how many are wanted, so a higher threshold lets a quarter more of everything through without a new plan. Where a
domain has too few, everything of it goes on, the others keep to their numbers, and the report says what is missing.

Rare words: `repeat` says how often a picture should be read in training so that words of the long tail are seen,
max(1, sqrt(t / f)) of its rarest word of frequency f (repeat-factor sampling, Gupta et al. 2019).

It keeps one row a picture in memory (a few hundred bytes), on one machine; it does not know pixels.
Letters: N pictures.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hanmo.data.operator import Measured, Operator, digest, plain
from hanmo.data.record import Record
from hanmo.data.scores import fingerprint
from hanmo.data.shards import read_index
from hanmo.data.taxonomy import DOMAINS
from hanmo.errors import ConfigError, RequestError
from hanmo.log import get_logger, progress
from hanmo.weights.files import atomic_file

_log = get_logger(__name__)

REPORT = {"nature": 0.55, "design": 0.27, "people": 0.13, "synthetic": 0.05}
"""The report's mix (section 3.1)."""
UNPLACED = 1e9
"""Excess of a picture of no category, or of a domain that is not wanted."""
OTHER = "other"


@dataclass(frozen=True)
class BalanceConfig:
    """What is wanted.

    Args:
        domains: domain -> share; they sum to 1.
        total: pictures; 0 takes as many as the shares allow.
        evenness: 0-1, how evenly a domain's categories are filled: 1 all alike, 0 in the proportions that are there.
        quality: a score such as "aesthetics.score" by which the best go first; "" takes them in random order.
        rare: t of the repeat factors: words in a smaller share of the captions than this are rare.
        seed: of the order of equals.

    Raises:
        ConfigError: an unknown domain, shares that do not sum to 1, or a number outside its range.
    """

    domains: dict[str, float] = field(default_factory=lambda: dict(REPORT))
    total: int = 0
    evenness: float = 1.0
    quality: str = ""
    rare: float = 1e-4
    seed: int = 0

    def __post_init__(self) -> None:
        """See the class."""
        for name, share in self.domains.items():
            if name not in DOMAINS:
                raise ConfigError(f"balance.domains.{name} is no domain; there are: {', '.join(DOMAINS)}")
            if not 0 <= share <= 1:
                raise ConfigError(f"balance.domains.{name} is {share}; a share is 0 to 1")
        if abs(sum(self.domains.values()) - 1) > 1e-6:
            raise ConfigError(f"balance.domains sum to {sum(self.domains.values()):g}; they must sum to 1")
        if self.total < 0:
            raise ConfigError(f"balance.total is {self.total}; it must be 0 (as many as the shares allow) or more")
        if not 0 <= self.evenness <= 1 or not 0 < self.rare <= 1:
            raise ConfigError(
                f"balance has evenness {self.evenness} and rare {self.rare}; both are 0 to 1, rare above 0"
            )


@dataclass(frozen=True)
class BalanceOperatorConfig:
    """Which plan is followed.

    Args:
        table: the Parquet file that `plan_balance` wrote.
        digest: its `digest`; another plan gives other scores.
    """

    table: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Share:
    """One domain in a plan: pictures that are there, wanted, and taken."""

    domain: str
    there: int
    wanted: int
    taken: int

    @property
    def missing(self) -> int:
        """Pictures that would have to be found."""
        return self.wanted - self.taken


@dataclass(frozen=True)
class Plan:
    """What goes on.

    Args:
        operator: the configuration of stage 7's operator `balance`, which follows the plan.
        shares: of each domain that is wanted.
        leaves: category -> (there, taken).
        languages: language -> (there, taken).
        unplaced: pictures of no category.
    """

    operator: BalanceOperatorConfig
    shares: tuple[Share, ...]
    leaves: Mapping[str, tuple[int, int]]
    languages: Mapping[str, tuple[int, int]]
    unplaced: int

    @property
    def total(self) -> int:
        """Pictures that are taken."""
        return sum(share.taken for share in self.shares)

    def lines(self) -> list[str]:
        """The plan for a reader: shares before and after, and what is missing."""
        there = sum(share.there for share in self.shares)
        found = [
            f"{self.total} of {there} pictures go on" + (f"; {self.unplaced} are of no category" * (self.unplaced > 0))
        ]
        for share in self.shares:
            before, after = (
                100 * part / max(1, whole) for part, whole in ((share.there, there), (share.taken, self.total))
            )
            line = f"{share.domain}: {before:.1f} % -> {after:.1f} % ({share.taken} of {share.there})"
            found.append(line + (f", {share.missing} are missing" if share.missing else ""))
        return found


@dataclass(frozen=True)
class _Row:
    id: str
    domain: str
    leaf: str
    language: str
    quality: float
    words: frozenset[str]


def plan_balance(shards: Sequence[Path], table: Path, config: BalanceConfig | None = None) -> Plan:
    """Decide which pictures of a set go on, and write each one's place in the queue.

    Args:
        shards: of one set; stage 7's `taxonomy` has placed their records. Only indexes are read.
        table: a Parquet file to write, with columns id, excess and repeat.
        config: what is wanted.

    Raises:
        RequestError: a shard is missing.
        OutputError: the table cannot be written.
    """
    config = config or BalanceConfig()
    rows = [row for row in _rows(shards, config)]
    placed = [row for row in rows if row.domain in config.domains]
    there = Counter(row.domain for row in placed)
    quotas = _domain_quotas(there, config)
    groups: dict[str, dict[str, dict[str, list[_Row]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for row in placed:
        groups[row.domain][row.leaf][row.language].append(row)
    excess = {row.id: UNPLACED for row in rows}
    taken: Counter[tuple[str, str]] = Counter()
    for domain, of_leaf in groups.items():
        sizes = {leaf: sum(map(len, of_language.values())) for leaf, of_language in of_leaf.items()}
        weights = {leaf: size ** (1 - config.evenness) for leaf, size in sizes.items()}
        for leaf, leaf_quota in fill(min(quotas[domain], there[domain]), sizes, weights).items():
            lengths = {language: len(members) for language, members in of_leaf[leaf].items()}
            for language, quota in fill(leaf_quota, lengths, dict.fromkeys(lengths, 1.0)).items():
                taken["leaf", leaf] += quota
                taken["domain", domain] += quota
                taken["language", language] += quota
                queue = sorted(of_leaf[leaf][language], key=lambda row: (-row.quality, _chance(row.id, config.seed)))
                for at, row in enumerate(queue, 1):
                    excess[row.id] = at / quota if quota else 1.0 + at
    made_from = [fingerprint(shard) for shard in shards]
    key = digest([made_from, plain(config)])
    _write(table, rows, excess, repeat_factors([row.words for row in rows], config.rare))
    return Plan(
        BalanceOperatorConfig(str(table), key),
        tuple(Share(name, there[name], quotas[name], taken["domain", name]) for name in config.domains),
        {name: (count, taken["leaf", name]) for name, count in sorted(Counter(row.leaf for row in placed).items())},
        {name: (count, taken["language", name]) for name, count in Counter(row.language for row in placed).items()},
        len(rows) - len(placed),
    )


def fill(quota: int, sizes: Mapping[str, int], weights: Mapping[str, float]) -> dict[str, int]:
    """Share out a number in proportion to weights, never more to one than it has (water-filling).

    Args:
        quota: to be shared out; at most the sum of `sizes` is.
        sizes: name -> how many it has.
        weights: name -> more than 0.

    Returns: name -> how many it gives; they sum to min(quota, sum of sizes).
    """
    given: dict[str, float] = {}
    open_names = sorted(sizes)
    left = float(min(quota, sum(sizes.values())))
    while open_names:
        whole = sum(weights[name] for name in open_names)
        full = [name for name in open_names if sizes[name] <= left * weights[name] / whole]
        if not full:
            given |= {name: left * weights[name] / whole for name in open_names}
            break
        for name in full:
            given[name] = float(sizes[name])
        left -= sum(sizes[name] for name in full)
        open_names = [name for name in open_names if name not in given]
    return _rounded(given, min(quota, sum(sizes.values())))


def repeat_factors(captions: Sequence[frozenset[str]], threshold: float) -> list[float]:
    """How often each picture should be read: max(1, sqrt(threshold / f)) of its rarest word.

    Args:
        captions: the words of each picture's captions.
        threshold: the share of pictures below which a word is rare.
    """
    counts: Counter[str] = Counter()
    for words in captions:
        counts.update(words)
    return [
        max((math.sqrt(threshold * len(captions) / counts[word]) for word in words), default=1.0)
        if any(counts[word] < threshold * len(captions) for word in words)
        else 1.0
        for words in captions
    ]


def _rounded(shares: Mapping[str, float], total: int) -> dict[str, int]:
    """Whole numbers that sum to `total`: the largest remainders are rounded up."""
    floors = {name: int(share + 1e-9) for name, share in shares.items()}
    order = sorted(shares, key=lambda name: (floors[name] - shares[name], name))
    for name in order[: total - sum(floors.values())]:
        floors[name] += 1
    return floors


def _domain_quotas(there: Counter[str], config: BalanceConfig) -> dict[str, int]:
    wanted = {name: share for name, share in config.domains.items() if share > 0}
    total = config.total or int(min(there[name] / share for name, share in wanted.items()) + 1e-9)
    quotas = _rounded({name: total * share for name, share in config.domains.items()}, total)
    if not config.total:  # rounding up may ask for one more than there is
        quotas = {name: min(count, there[name]) for name, count in quotas.items()}
    return quotas


_WORD = re.compile(r"[a-z]+|[\u3400-\u9fff\U00020000-\U0003ffff]")


def _rows(shards: Sequence[Path], config: BalanceConfig) -> Iterator[_Row]:
    columns = ["id", "captions", "metadata", "scores"]
    with progress(len(shards), "indexes") as bar:
        for shard in shards:
            for row in read_index(shard, columns):
                yield _row(row, config)
            bar.update()


def _row(row: Mapping[str, Any], config: BalanceConfig) -> _Row:
    metadata = json.loads(row["metadata"])
    known = metadata.get("taxonomy", {})
    domain = str(known.get("domain") or metadata.get("domain") or "")
    languages = {caption["language"][:2] for caption in row["captions"]} & {"en", "zh"}
    return _Row(
        id=row["id"],
        domain=domain,
        leaf=str(known.get("leaf") or f"{domain}/{OTHER}"),
        language="+".join(sorted(languages)) or OTHER,
        quality=dict(row["scores"]).get(config.quality, -math.inf) if config.quality else 0.0,
        words=frozenset(word for caption in row["captions"] for word in _WORD.findall(caption["text"].lower())),
    )


def _chance(id: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed} {id}".encode(), digest_size=8).digest()


def _write(table: Path, rows: Sequence[_Row], excess: Mapping[str, float], repeats: Sequence[float]) -> None:
    columns = {
        "id": [row.id for row in rows],
        "excess": [excess[row.id] for row in rows],
        "repeat": repeats,
    }
    with atomic_file(table) as file:
        pq.write_table(pa.table(columns), file)


@dataclass(frozen=True)
class Balance:
    """A record's place in the queue of its category, divided by how many of it are wanted."""

    config: BalanceOperatorConfig = BalanceOperatorConfig()
    name = "balance"
    version = 1
    scores = ("excess",)

    @staticmethod
    def prepare(config: BalanceConfig, shards: Sequence[Path], folder: Path, measured: Path) -> BalanceOperatorConfig:
        """Plan, and say what is missing."""
        plan = plan_balance(shards, folder / "balance.parquet", config)
        for line in plan.lines():
            _log.info("%s", line)
        return plan.operator

    def measure(self, record: Record) -> Measured:
        """See the class."""
        plan = _plan(self.config)
        if record.id not in plan:
            return Measured({}, failure="it was not there when the balance was planned: plan again")
        return Measured({"excess": plan[record.id]})


@cache
def _plan(config: BalanceOperatorConfig) -> dict[str, float]:
    if not config.table:
        raise ConfigError("balance needs the table of a plan: see hanmo.data.balance.plan_balance")
    try:
        table = pq.read_table(config.table, columns=["id", "excess"])
    except OSError as error:
        raise RequestError(f"the plan {config.table} cannot be read ({error.strerror or error}): plan again") from None
    return dict(zip(table["id"].to_pylist(), table["excess"].to_pylist(), strict=True))


OPERATORS: Mapping[str, type[Operator]] = {"balance": Balance}
