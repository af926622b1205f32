"""Which names of labels say that their parts are good.

A name is split into words. It is good where it has a good word or phrase, and every other word is
neutral: a view, a number, "parts". A word that is not known here may mean anything, as in
``ok_but_scratched``, so that such a name is not good: its user says so with ``--accept-label``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

__all__ = ["is_good_name"]

_GOOD_BY_LANGUAGE = {
    "English": (
        "accept accepted acceptable approved clean compliant conform conforming conformant correct "
        "faultless flawless go good goodpart goodparts healthy intact nominal normal ok okay pass "
        "passed passing perfect qualified unbroken undamaged undefected undefective "
        "defectfree defectless faultfree flawfree nodefect nodefects nondefect nondefective"
    ),
    "German": (
        "einwandfrei fehlerfrei gut gute guter gutes gutteil gutteile io mangelfrei mängelfrei"
    ),
    "French and Portuguese": "bon bonne bonnes bons conforme conformes bom",
    "Spanish": "buena buenas bueno buenos",
    "Italian": "buona buone buoni buono",
    "Dutch and Polish": "goed dobra dobre dobry",
    "Chinese and Japanese": "良品 良好 合格 合格品 正常 正常品",
    "Korean and Russian": "양품 정상 합격 годен годный годные",
}
_NEUTRAL_BY_LANGUAGE = {
    "English": (
        "all bottom cam camera center centre class frame frames front image images img imgs inner "
        "inside is item items label left lower middle outer outside part parts photo photos pic "
        "pics picture pictures piece pieces product products rear back right sample samples side "
        "sides top true upper view views"
    ),
    "German": "bauteil bauteile bild bilder hinten links oben rechts teil teile unten vorne",
}
_BAD_BY_LANGUAGE = {
    "English": (
        "anomalies anomaly damage damaged damages defect defected defective defects error errors "
        "fault faults faulty flaw flaws"
    ),
    "German": "fehler mangel mängel",
    "French, Spanish and Italian": (
        "defaut defauts défaut défauts defecto defectos difetti difetto"
    ),
}


def _words(by_language: dict[str, str]) -> frozenset[str]:
    return frozenset(word for text in by_language.values() for word in text.split())


_GOOD = _words(_GOOD_BY_LANGUAGE)
# Say nothing of whether a part is good.
_NEUTRAL = _words(_NEUTRAL_BY_LANGUAGE)
# Good only with "no" before or "free" behind.
_BAD = _words(_BAD_BY_LANGUAGE)
_NOT = frozenset(
    ("zero", "kein", "keine", "no", "non", "not", "ohne", "sans", "senza", "sin", "without")
)
_FREE = frozenset(("free", "frei"))
# Marks that change or question what is said: ``ok?``, ``!ok``, ``ok-``.
_DOUBT = re.compile(r"[^\w\s.,:;/()\[\]&+#'-]|^-|-$")
# ``goodParts``, ``OKFront``; letters of other scripts have no case.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+")


def is_good_name(label: str) -> bool:
    """Whether a label's name says that its parts are good, such as ``healthy`` or ``OK_front``."""
    text = unicodedata.normalize("NFKC", label).strip()
    if _DOUBT.search(text):
        return False
    kinds = set(_kinds(tuple(word.casefold() for word in _WORD.findall(text))))
    return "good" in kinds and "unknown" not in kinds


def _kinds(words: tuple[str, ...]) -> Iterator[str]:
    """What each word or phrase says of a part."""
    while words:
        length, kind = _phrase(words)
        yield kind
        words = words[length:]


def _phrase(words: tuple[str, ...]) -> tuple[int, str]:
    """How many of the first words belong together, and what they say."""
    first, second, third = (*words, "", "")[:3]
    if (first, second) in {("i", "o"), ("in", "ordnung")}:
        return 2, "good"
    if first in _NOT and second in _BAD and third not in _FREE:
        return 2, "good"
    if first in _BAD and second in _FREE:
        return 2, "good"
    if first in _FREE and second in {"of", "from"} and third in _BAD:
        return 3, "good"
    if first in _GOOD:
        return 1, "good"
    return 1, "neutral" if first in _NEUTRAL else "unknown"
