"""How much is read of anything that comes from outside (report section 3.2, stage 1: file size).

Every reader of the data engine takes a `Limits`; what is larger becomes a reject before it is in memory. It does not
know pixels: pictures are decoded by operators, which limit those themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from hanmo.errors import ConfigError


@dataclass(frozen=True)
class Limits:
    """Largest sizes, in bytes.

    Raises:
        ConfigError: a limit below 1.
    """

    image_bytes: int = 64 << 20
    """One picture's file."""
    text_bytes: int = 1 << 20
    """One record's captions and metadata, or one sidecar file."""

    def __post_init__(self) -> None:
        """See the class."""
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ConfigError(f"limits.{field.name} is {getattr(self, field.name)}; it must be 1 byte or more")
