"""Recognizes names of labels whose parts are good.

A name is split into words. It is good if it has a good word or phrase and every other word is
neutral: a view, a number, "parts". A name with an unknown word, such as ``ok_but_scratched``, is
not good; the user can name good labels with ``--accept-label``.
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
        "akzeptiert bestanden defektfrei einwandfrei einwandfreie fehlerfrei fehlerfreie fehlerlos "
        "gut gutbild gutbilder gute guter gutes gutteil gutteile intakt intakte io makellos "
        "mangelfrei mängelfrei unbeschädigt unbeschädigte unbeschaedigt unbeschaedigte"
    ),
    "French": "accepté acceptée acceptés acceptées bon bonne bonnes bons conforme conformes",
    "Spanish": (
        "aceptado aceptada aceptados aceptadas aprobado aprobada aprobados aprobadas buena buenas "
        "bueno buenos correcto correcta correctos correctas"
    ),
    "Portuguese": "aceito aceita aprovado aprovada aprovados aprovadas boa boas bom",
    "Italian": "accettato accettati approvato approvati buona buone buoni buono conformi",
    "Dutch": "foutloos goed goede goedgekeurd goedgekeurde",
    "Danish, Norwegian and Swedish": "fejlfri feilfri felfri felfria godkendt godkjent godkänd",
    "Finnish and Hungarian": "ehjä hyväksytty virheetön hibátlan jó",
    # Not Polish "dobra": in Portuguese it is a fold.
    "Polish and Czech": "dobre dobry dobré dobrý poprawny",
    "Turkish and Vietnamese": "hatasız iyi kusursuz sağlam đạt",
    "Chinese and Japanese": (
        "ok品 良 良品 良品画像 良好 好品 合格 合格品 合格产品 正常 正常品 完好 "
        "无缺陷 無缺陷 无瑕疵 欠陥なし 異常なし"
    ),
    "Korean": "양품 양호 정상 정상품 합격 합격품",
    "Russian": "годен годный годные исправный исправные норма хороший хорошие",
}
_NEUTRAL_BY_LANGUAGE = {
    "English": (
        "all batch bottom cam camera center centre class copy data dataset frame frames front "
        "image images img imgs inner inside is item items known label left lot lower middle "
        "outer outside part parts photo photos pic pics picture pictures piece pieces product "
        "products rear back rgb right sample samples set sets side sides station top true unit "
        "units upper view views"
    ),
    "German": "bauteil bauteile bild bilder hinten links oben rechts teil teile unten vorne",
    "French, Spanish, Italian, Portuguese and Dutch": (
        "onderdeel onderdelen peca pecas peça peças pezzi pezzo piece pieces pieza piezas "
        "pièce pièces"
    ),
    "Chinese and Japanese": "品 图片 画像",
}
_BAD_BY_LANGUAGE = {
    "English": (
        "anomalies anomaly damage damaged damages defect defected defective defects error errors "
        "fault faults faulty flaw flaws issue issues"
    ),
    "German": "defekt defekte fehler maengel mangel mängel schaden schäden",
    "French, Spanish and Italian": (
        "defaut defauts défaut défauts defecto defectos difetti difetto"
    ),
}


def _words(by_language: dict[str, str]) -> frozenset[str]:
    return frozenset(word for text in by_language.values() for word in text.split())


_GOOD = _words(_GOOD_BY_LANGUAGE)
# Words that say nothing about whether a part is good.
_NEUTRAL = _words(_NEUTRAL_BY_LANGUAGE)
# Good only after "no" or before "free".
_BAD = _words(_BAD_BY_LANGUAGE)
_NOT = frozenset(
    ("zero", "kein", "keine", "no", "non", "not", "ohne", "sans", "senza", "sin", "without")
)
# Complete phrases, because "sem" before an English word may be a microscope.
_GOOD_PHRASES = frozenset(
    {
        *(("i", "o"), ("in", "ordnung"), ("v", "pořádku"), ("bez", "wad"), ("zonder", "fouten")),
        *(("sem", "defeito"), ("sem", "defeitos"), ("без", "дефекта"), ("без", "дефектов")),
    }
)
_FREE = frozenset(("free", "frei"))
# "Outside nominal" is beyond a limit, and a returned part is not good.
_LIMIT, _LIMITED = frozenset(("lower", "outside", "upper")), frozenset(("acceptable", "nominal"))
_LIMITED |= {"acceptance", "accepted", "conform", "conforming", "correct", "normal"}
_RETURNED = frozenset(("accept", "accepted", "go", "pass", "passed", "passing"))
# Signs that change or question the meaning: ``ok?``, ``!ok``, ``ok-``, ``ok (-)``, ``ok -1``.
_UNCERTAIN = re.compile(
    r"[^\w\s.,:;/()\[\]&+#'-]|^[\s_]*-|-[\s_]*$|(?<![\w\s)\]])-|(?<=\s)-(?=\w)|-(?![\w\s(\[])"
)
# ``goodParts``, ``OKFront``; letters of other scripts have no case. Numbers and signs are tokens
# too, because words on their two sides are not a phrase: ``No. 1 defect`` and ``no, defect``.
_TOKEN = re.compile(
    r"[A-Z]+(?![a-z\u00df-\u024f])|[A-Z]?[^\W\d_A-Z]+|\d+|[,:;/()\[\]&+#]|(?<=\b[Nn]o)\."
)


def is_good_name(label: str) -> bool:
    """Whether a label's name means that its parts are good, such as ``healthy`` or ``OK_front``."""
    text = unicodedata.normalize("NFKC", label).strip()
    if _UNCERTAIN.search(text):
        return False
    tokens = _TOKEN.findall(text.casefold() if text.isupper() else text)
    kinds = set(_kinds(tuple(token.casefold() for token in tokens)))
    return "good" in kinds and "unknown" not in kinds


def _kinds(words: tuple[str, ...]) -> Iterator[str]:
    """The kind of each word or phrase: good, neutral or unknown."""
    while words:
        length, kind = _phrase(words)
        yield kind
        words = words[length:]


def _phrase(words: tuple[str, ...]) -> tuple[int, str]:
    """The number of words of the first phrase, and its kind."""
    first, second, third = (*words, "", "")[:3]
    if (first, second) in _GOOD_PHRASES:
        return 2, "good"
    if (first in _LIMIT and second in _LIMITED) or (first in _RETURNED and second == "back"):
        return 2, "unknown"
    if first in _NOT and second in _BAD and third not in _FREE:
        return 2, "good"
    if first in _BAD and second in _FREE:
        return 2, "good"
    if first in _FREE and second in {"of", "from"} and third in _BAD:
        return 3, "good"
    if first in _GOOD:
        return 1, "good"
    return 1, "neutral" if first in _NEUTRAL or not first.isalpha() else "unknown"
