"""Names of good parts that people use are recognized; a name that may mean bad never is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partsight.decision.good_names import is_good_name

GOOD = """
accept|accepted|Acceptable|good|GOOD|healthy|normal|ok|OK|Ok|okay|pass|passed|OK |  ok|ok\t
ok_front|OK-back|ok front|front_ok|OK2|ok_2|OK (2)|0_good|0-good|00 good|1. good|good0|good.1
good_parts|good parts|goodParts|GoodParts|goodpart|Good_Part_3|all_good|good_images|cam1_ok
top_left_good|good_view_2|good/front|OKFront|true_ok|class_ok|is_ok
defect_free|defect-free|Defect Free|defectfree|free of defects|flaw-free|fault free|free_from_faults
no_defect|no defects|NoDefect|nodefect|without defect|without_defects|zero defects|no_anomaly
nondefective|non-defective|Non Defective|not_defective|not defected|non_defect|undamaged|no damage
i.O.|iO|IO|i. O.|i.o.|in Ordnung|in_ordnung|InOrdnung|Gut|gut|GUT|Gutteil|Gutteile|gut_vorne
fehlerfrei|ohne Fehler|einwandfrei|Gute Teile|io_teile
bon|bonne|bueno|buena|buono|buona|conforme|sans défaut|senza difetti|goed
良品|合格|正常|ＯＫ|양품|годен
ohne Mängel|fehlerfreie Teile|kein Defekt|defektfrei|unbeschädigt|UNBESCHÄDIGT|Gutbilder|bestanden
bonnes pièces|pièces bonnes|piezas buenas|sin defectos|aprobado|pezzi buoni|peças boas|sem defeito
goedgekeurd|godkänd|godkendt|hyväksytty|bez wad|dobré|hatasız|jó|без дефектов|OK品|无缺陷|정상품
no_issues|issue-free|ok_lot_3|good_units|Good - Copy|ok - front|OK (1) - Copy|batch_1_good
ok_outside
conforming|conform|intact|flawless|perfect|clean|go|qualified|correct|nominal|approved
""".strip()

BAD = """
not_ok|nok|NOK|not ok|notOK|NotOk|n.i.O.|niO|NiO|NIO|n.i.o|nIO|nicht ok|nicht i.O.|nicht in Ordnung
no_good|nogood|ng|NG|bad|not good|notgood|good_reject|ungut|ungood|UnGood|NGood|Ausschuss|n_ok|nOK
non-conforming|nonconforming|non conforme|not conform|abnormal|unhealthy|not healthy|unacceptable
defect|defected|defective|defects|fail|failed|failed_ok_test|failed_pass|broken|damaged|unpassed
not_passed|inacceptable|mal|malo|no bueno|pas bon|mauvais|non buono|不良|不良品|不合格|异常|불량
good_with_scratch|ok_but_scratched|almost_good|nearly ok|good_enough?|ok?|!ok|~ok|ok!|ok-|-ok|≠ok
goodyear|okra|book|passenger|pass_fail|good/bad|good_bad|ok_nok|ok vs nok|bypass|okapi|normality
no_go|nogo|not perfect|imperfect|unclean|not clean|incorrect|unqualified|disqualified|unapproved
not defect free|not_defect_free|no defect free|not free of defects|never ok|hardly good|no pass
not no defect|non non defective|not undamaged|defect|no|not|free|non|false_ok|fake good|pseudo_ok
front|parts|image_2|0|1|||i|o|in|ordnung|scratch-free|no scratch|ok_scratch|rework_ok|ok_rework
bedingt i.O.|i.O. nach Nacharbeit|ok without defect report|good defects|defect good|ok_defect
No 1 defect|No.1 defect|NO_12_DEFECT|sample_no_3_defect|Part No 7 damaged|no1_flaw|No. defect
no, defect|no: defect|no/defect|No;damaged|defect, free|outside_nominal|Outside Normal
go_back|passed back|dobra|SEM defect|sem_defects|ok (-)|(-) ok|ok:-1|ok -1|_-ok|ok_-_
no_issue_no
не годен|без|брак|değil iyi|iyi değil|nem jó|ej godkänd|niet goed|không đạt|reprovado
nicht bestanden|nicht fehlerfrei|beschädigt|Fehlerbild|NG品|良品以外|良否|정상 아님|不_良
no aprobado
""".strip()


def names(text: str) -> list[str]:
    return [name for line in text.split("\n") for name in line.split("|") if name]


@pytest.mark.parametrize("name", names(GOOD))
def test_good(name: str) -> None:
    assert is_good_name(name)


@pytest.mark.parametrize("name", names(BAD))
def test_not_good(name: str) -> None:
    assert not is_good_name(name)


NEGATIONS = (
    *("not", "no", "non", "never", "n", "un", "in", "im", "ab", "dis", "nicht", "kein", "ohne"),
    *(
        "without",
        "pas",
        "sans",
        "sin",
        "不",
        "非",
        "anti",
        "false",
        "fail",
        "failed",
        "bad",
        "zero",
    ),
)


@given(
    st.sampled_from(names(GOOD)),
    st.sampled_from(NEGATIONS),
    st.sampled_from(["", " ", "_", "-", ". ", "/"]),
    st.sampled_from([str, str.upper, str.lower, str.title]),
)
def test_a_negation_before_a_good_name_is_never_good(
    name: str, negation: str, separator: str, cased: type[str]
) -> None:
    assert not is_good_name(cased(negation + separator + name))


@given(st.sampled_from(names(GOOD)), st.sampled_from(["bad", "scratch", "reject", "nok", "fail"]))
def test_a_good_name_with_a_bad_word_is_never_good(name: str, word: str) -> None:
    assert not is_good_name(f"{name}_{word}")


@given(st.sampled_from(names(GOOD + "\n" + BAD)))
def test_the_form_of_unicode_makes_no_difference(name: str) -> None:
    assert is_good_name(unicodedata.normalize("NFD", name)) == is_good_name(name)


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    assert is_good_name(text) in (True, False)
