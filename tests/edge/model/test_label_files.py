"""Labels from texts of other tools: by their indexes where they have them, else by their lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partsight.errors import ContractError
from partsight.model.label_files import labels_in, read_labels

HEALTHY_DEFECTED = ("healthy", "defected")


@pytest.mark.parametrize(
    "text",
    [
        "healthy\ndefected\n",
        "healthy  \r\n\r\n defected\r\n\r\n",
        "healthy\rdefected\r",
        "healthy;\ndefected;\n",
        '"healthy"\n"defected"\n',
        "0 healthy\n1 defected\n",
        "1: defected\n0: healthy\n",
        "1:defected\n0:healthy\n",
        "1,defected\n0,healthy\n",
        '1;"defected"\n0;"healthy"\n',
        "1\tdefected\n0\thealthy\n",
        "1|defected\n0|healthy\n",
        "1=defected\n0=healthy\n",
        "1 = defected\n0 = healthy\n",
        "1. defected\n0. healthy\n",
        "1) defected\n0) healthy\n",
        "1 - defected\n0 - healthy\n",
        "[1] defected\n[0] healthy\n",
        "[1]defected\n[0]healthy\n",
        "(1) defected\n(0) healthy\n",
        "01 defected\n00 healthy\n",
        "0 healthy\n1: defected\n",
        "2 defected\n1 healthy\n",
        "index,label\n1,defected\n0,healthy\n",
        "Label;ID\ndefected;1\nhealthy;0\n",
        "defected 1\nhealthy 0\n",
        "defected,1\nhealthy,0\n",
        "defected: 1\nhealthy: 0\n",
        "defected [1]\nhealthy [0]\n",
        '["healthy", "defected"]',
        '["1 defected", "0 healthy"]',
        '{"1": "defected", "0": "healthy"}',
        '{"defected": 1, "healthy": 0}',
        '{"names": {"1": "defected", "0": "healthy"}, "task": "classify"}',
        '{"labels": ["healthy", "defected"]}',
        '{"class_indices": {"defected": 1, "healthy": 0}}',
        '[{"id": 1, "name": "defected"}, {"id": 0, "name": "healthy"}]',
        '{"categories": [{"id": 2, "name": "defected"}, {"id": 1, "name": "healthy"}]}',
        '[{"name": "healthy"}, {"name": "defected"}]',
        "{'description': 'Ultralytics', 'names': {1: 'defected', 0: 'healthy'}}",
        "task: classify\nnames:\n  1: defected\n  0: healthy\nimgsz: [224, 224]\n",
        "names:\n- healthy\n- 'defected'\n",
        '{"id2label": {"1": "defected", "0": "healthy"}, "num_labels": 2}',
        '{"label2id": {"defected": 1, "healthy": 0}}',
        '{"class_to_idx": {"defected": 1, "healthy": 0}}',
        "1 -> defected\n0 -> healthy",
        "1 => defected\n0 => healthy",
        "1 \u2013 defected\n0 \u2013 healthy",
        "names: [healthy, 'defected']  # two\n",
        "names: {1: defected, 0: healthy}\n",
    ],
)
def test_the_two_labels_in_every_form(text: str) -> None:
    assert labels_in(text) == HEALTHY_DEFECTED


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        pytest.param("", (), id="nothing"),
        pytest.param("0 healthy\n", ("healthy",), id="one label"),
        pytest.param("crane\ncrane\n", ("crane", "crane"), id="one name twice"),
        pytest.param("0\n1\n2\n", ("0", "1", "2"), id="digits"),
        pytest.param("3 mm\n5 mm\n", ("3 mm", "5 mm"), id="sizes"),
        pytest.param("0 mm\n1 mm\n", ("0 mm", "1 mm"), id="sizes that count up"),
        pytest.param("camera 1\ncamera 0\n", ("camera 1", "camera 0"), id="numbered"),
        pytest.param("good\n10 mm scratch\n", ("good", "10 mm scratch"), id="no ten lines"),
        pytest.param(
            "good\n10 mm scratch\n20 mm dent\n",
            ("good", "10 mm scratch", "20 mm dent"),
            id="no twenty lines",
        ),
        pytest.param("good\n1 hole\n2 hole\n", ("good", "1 hole", "2 hole"), id="counts"),
        pytest.param("good\ntype 1\ntype 2\n", ("good", "type 1", "type 2"), id="types"),
        pytest.param("good\ndefect 1\n", ("good", "defect 1"), id="in its own place"),
        pytest.param("OK 1\nNOK 2\n", ("OK 1", "NOK 2"), id="both in their own places"),
        pytest.param("a\nb\n3 holes\nd\ne\n", ("a", "b", "3 holes", "d", "e"), id="one of many"),
        pytest.param("0_good\n1_bad\n", ("0_good", "1_bad"), id="names that begin with a digit"),
        pytest.param("3mm\ngood\n", ("3mm", "good"), id="no space behind the digit"),
        pytest.param("3D print\ngood\n", ("3D print", "good"), id="a letter behind the digit"),
        pytest.param("1 good\n0 3 mm hole\n", ("3 mm hole", "good"), id="index and a digit"),
        pytest.param('{"0": "1 hole", "1": "ok"}', ("1 hole", "ok"), id="a digit in JSON"),
        pytest.param("1 Class 2\n0 Class 1\n", ("Class 1", "Class 2"), id="Teachable Machine"),
        pytest.param("no_label\nclass id\n", ("no_label", "class id"), id="no header"),
        pytest.param("0 scho\u0308n\n1 b\n", ("schön", "b"), id="NFD"),
        pytest.param(
            "\n".join(f"{n} x{n}" for n in (10, 3, 1, 2, 0, 4, 5, 6, 7, 8, 9)),
            tuple(f"x{n}" for n in range(11)),
            id="eleven, sorted as numbers",
        ),
    ],
)
def test_labels_with_digits(text: str, labels: tuple[str, ...]) -> None:
    assert labels_in(text) == labels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 healthy\n2 defected\n", "index 1 is missing: expected 0 to 1, received 0, 2"),
        ("1 healthy\n3 defected\n", "index 2 is missing: expected 1 to 2"),
        ("2 healthy\n3 defected\n", "index 0 is missing"),
        ("3 mm hole\n5 mm dent\n", "If the numbers are part of the labels, .* '0 3 mm hole'"),
        ("0 healthy\n0 defected\n", "index 0 is there twice"),
        ("healthy,0\ndefected,0\n", "index 0 is there twice"),
        ("healthy,0\ndefected,2\n", "index 1 is missing"),
        ("defected\n2 healthy\n3 scratch\n", "some lines seem to have an index"),
        ("scratch\n3 healthy\n4 dents\n", "some lines seem to have an index"),
        ("scratch\n4 healthy\n6 dents\n", "some lines seem to have an index"),
        ("0 healthy\ndefected\n", "some lines seem to have an index, such as '0 healthy'"),
        ("1 defected\nhealthy\n", "some lines seem to have an index"),
        ("healthy\n0 defected\nscratched\ndented\n", "some lines seem to have an index"),
        ("defected\nhealthy 0\n", "some lines seem to have an index"),
        ("NOK 2\nOK 1\n", "some lines seem to have an index"),
        ("1_bad\n0_good\n", "numbers that are not in order"),
        ("2-bad\n1-good\n", "numbers that are not in order"),
        ("1/good\n0/bad\n", "numbers that are not in order"),
        ("1.good\n0.bad\n", "numbers that are not in order"),
        ("class 1: good\nclass 0: bad\n", "numbers that are not in order"),
        ("good (2)\nbad (1)\n", "numbers that are not in order"),
        ("good#1\nbad#0\n", "numbers that are not in order"),
        ("good,1,x\nbad,0,x\n", "numbers that are not in order"),
        ("v2 good/2\nv2 bad/1\n", "numbers that are not in order"),
        ("2/good\n0/bad\n", "numbers that are not in order"),
        ('{"0": "a", "0": "b"}', "'0' is there twice"),
        ('{"names": ["a", "b"], "labels": ["b", "a"]}', "'names' and 'labels' differ"),
        ('{"0": "a", "2": "b"}', "index 1 is missing"),
        ('{"a": 0, "b": 0}', "index 0 is there twice"),
        ('{"a": "b"}', "expected an object from index to label"),
        ('{"0": 1.5, "1": "a"}', "expected labels to be texts"),
        ('[{"id": 0, "name": "a"}, {"name": "b"}]', "some labels have an index"),
        ('[{"id": 0, "name": "a"}, "b"]', "texts and objects"),
        ('["a", ["b"]]', "expected labels to be texts"),
        ('["a", ', "begins as JSON does and is not"),
        ("names:\ntask: classify\n", "no labels under 'names'"),
        ("names:\n  0: a\n  0: b\n", "index 0 is there twice"),
        ("9" * 5000 + " a\n0 b\n", "digits|missing"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        labels_in(text)
    (tmp_path / "labels.txt").write_text(text)
    with pytest.raises(ContractError, match="cannot read the labels in") as refusal:
        read_labels(tmp_path / "labels.txt")
    assert "\n" not in str(refusal.value)


NAMES = st.text("abcdefgh äöü", min_size=1, max_size=8).map(str.strip).filter(bool)


@given(st.lists(NAMES, min_size=2, max_size=12, unique=True), st.data())
def test_indexed_lines_mean_the_same_in_every_order(names: list[str], data: st.DataObject) -> None:
    template = data.draw(st.sampled_from(["{} {}", "{}: {}", "{},{}", "{}\t{}", "[{}] {}"]))
    lines = [template.format(number, name) for number, name in enumerate(names)]
    shuffled = data.draw(st.permutations(lines))
    expected = labels_in(json.dumps({str(n): name for n, name in enumerate(names)}))
    assert labels_in("\n".join(shuffled)) == expected
