from dataclasses import dataclass
@dataclass(frozen=True)
class Captions:
    long_en: str
def captions(d): return Captions("")
