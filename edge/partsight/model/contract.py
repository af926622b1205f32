"""What a model says of itself: the facts without which its scores mean nothing.

Written by the exporter and read with every model, as JSON in the zip tail of the file
(see ``model_file``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from partsight.decision.operating_point import OperatingPoint
from partsight.image.normalization import Normalization
from partsight.image.spec import DEFAULT_MIN_CONTRAST, PreprocessSpec, spec_to_document
from partsight.model.product import clean_product
from partsight.model.reference import Reference, reference_from_document
from partsight.model.tensor_layout import TensorLayout

__all__ = ["Contract", "GoldenSample", "contract_from_document", "contract_to_document"]


@dataclass(frozen=True, slots=True)
class GoldenSample:
    """A picture in the model file.

    Attributes:
        file: its name in the zip tail.
        label: what it shows.
        scores: what the model gave at export, in its order of labels.
    """

    file: str
    label: str
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Contract:
    """The facts without which a model's numbers mean nothing.

    Attributes:
        labels: in the order of the model's outputs.
        preprocess: what pictures go through before the model.
        operating_point: how scores become verdicts.
        provenance: how the model was made, for people; nothing depends on it.
        normalization: the real numbers that the network takes for the bytes of a picture.
        tiles: rows and columns that the model cuts a picture into; with more than one tile
            it gives scores a tile, row by row, and the worst tile decides.
        logits: whether the model leaves the softmax to whoever runs it.
        golden: samples to replay on a device.
        heatmap: rows and columns of the class activation map that the model gives beside its
            scores; None where it gives none. A position holds the margin, of any sign: the mean
            logit of the labels of bad parts less that of the labels of good ones, for two labels
            the log-odds that the part is bad. The mean over the map is the picture's margin; of
            tiles, which lie side by side in it, the mean over each is the tile's.
        layout: how the tensors of a model of another tool hold a picture and its scores.
        reference: good parts as this file judged them, which drift of the line is told against;
            None where it was not measured.
        product: what the model is for, as lines compare it (see ``product``); None where it names
            none.

    Raises:
        ValueError: fewer than two labels, one twice or empty, an operating point that names
            a label that the model does not have, tiles of which none can be the worst, or a
            heat map without a size.
    """

    labels: tuple[str, ...]
    preprocess: PreprocessSpec
    operating_point: OperatingPoint
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    normalization: Normalization = Normalization()
    tiles: tuple[int, int] = (1, 1)
    logits: bool = False
    golden: tuple[GoldenSample, ...] = ()
    heatmap: tuple[int, int] | None = None
    reference: Reference | None = None
    layout: TensorLayout = TensorLayout()
    product: str | None = None

    def __post_init__(self) -> None:
        if len(self.labels) < 2 or len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels must be two or more, each once. Received: {self.labels}")
        if not all(
            isinstance(label, str) and label and label.isprintable() for label in self.labels
        ):
            # labels.txt holds one a line, in UTF-8.
            raise ValueError(f"labels must be non-empty printable text. Received: {self.labels}")
        unknown = set(self.operating_point.accept_labels) - set(self.labels)
        if unknown:
            raise ValueError(f"accept labels {sorted(unknown)} are not among {self.labels}")
        if not _are_sides(self.tiles):
            raise ValueError(f"tiles must be rows and columns. Received: {self.tiles}")
        if self.heatmap is not None and not _are_sides(self.heatmap):
            raise ValueError(f"heatmap must be rows and columns. Received: {self.heatmap}")
        if self.layout.single_score and (len(self.labels) != 2 or self.tiles != (1, 1)):
            raise ValueError(f"a single score needs two labels. Received: {self.labels}")
        if self.tiles != (1, 1) and not self.operating_point.accept_labels:
            raise ValueError(f"tiles {self.tiles} need accept labels, that one can be the worst")
        if any(len(sample.scores) != len(self.labels) for sample in self.golden):
            raise ValueError(f"each golden sample must have {len(self.labels)} scores")
        if self.product is not None:
            try:
                object.__setattr__(self, "product", clean_product(self.product))
            except ValueError as error:
                raise ValueError(f"{error}. Received: {self.product!r}") from error

    @property
    def version(self) -> str | None:
        """What its maker calls this version of the model, else when it was trained, if it says."""
        said: Any = self.provenance
        for name in ("settings", "card", "model_version"):
            said = said.get(name) if isinstance(said, Mapping) else None
        return str(said or self.provenance.get("created_at") or "") or None

    @property
    def advice(self) -> str | None:
        """What its user should know before it judges parts, in one line; None of nothing."""
        if self.operating_point.accept_labels:
            return None
        mend = "train again with" if self.provenance else "name it with"
        return (
            "no label of the model is known to mean a good part, so every verdict will be review; "
            f"{mend} --accept-label. Labels: {', '.join(self.labels)}."
        )


def _are_sides(values: tuple[int, ...]) -> bool:
    return [type(value) is int and value > 0 for value in values] == [True, True]


def contract_to_document(contract: Contract) -> dict[str, Any]:
    """The contract as plain JSON values.

    What is as by default is left out, so that earlier versions, which do not know it, read on.
    """
    document = dataclasses.asdict(contract)
    document["preprocess"] = spec_to_document(contract.preprocess)
    if contract.layout == TensorLayout():
        del document["layout"]
    if contract.operating_point.min_contrast == DEFAULT_MIN_CONTRAST:
        del document["operating_point"]["min_contrast"]
    for name in ("reference", "product"):
        if document[name] is None:
            del document[name]
    return document


def contract_from_document(document: Mapping[str, Any]) -> Contract:
    """The contract of a parsed JSON document, checked.

    Raises:
        KeyError: a fact is missing.
        TypeError: a fact is of another type, or unknown.
        ValueError: a fact is impossible.
    """
    unknown = set(document) - {field.name for field in dataclasses.fields(Contract)}
    if unknown:
        raise TypeError(f"{sorted(unknown)} are facts that this partsight does not know")
    document = {"normalization": {}, **document}  # what is not in files of earlier versions
    for name in ("preprocess", "operating_point", "provenance", "normalization"):
        if not isinstance(document[name], dict):
            raise TypeError(f"{name} must be an object. Received: {document[name]!r}")
    point = dict(document["operating_point"])
    point["accept_labels"] = _labels(point["accept_labels"])
    return Contract(
        labels=_labels(document["labels"]),
        preprocess=_spec(document["preprocess"]),
        operating_point=OperatingPoint(**point),
        provenance=document["provenance"],
        normalization=_normalization(document["normalization"]),
        tiles=tuple(document.get("tiles", (1, 1))),
        logits=_flag(document.get("logits", False)),
        golden=tuple(_golden(sample) for sample in document.get("golden", ())),
        heatmap=None if document.get("heatmap") is None else tuple(document["heatmap"]),
        reference=reference_from_document(document.get("reference")),
        layout=TensorLayout(**document.get("layout", {})),
        product=_product(document.get("product")),
    )


def _spec(document: Mapping[str, Any]) -> PreprocessSpec:
    roi = document.get("roi")
    return PreprocessSpec(**{**document, "roi": tuple(roi) if isinstance(roi, list) else roi})


def _normalization(document: Mapping[str, Any]) -> Normalization:
    """Files of earlier versions have one number for all channels, not a list."""
    lists = {name: v if isinstance(v, list) else [v] for name, v in document.items()}
    return Normalization(**{name: tuple(map(float, v)) for name, v in lists.items()})


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"logits must be true or false. Received: {value!r}")
    return value


def _product(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"product must be text. Received: {value!r}")
    return value


def _golden(document: Mapping[str, Any]) -> GoldenSample:
    scores = tuple(float(score) for score in document["scores"])
    return GoldenSample(**{**document, "scores": scores})


def _labels(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"labels must be a list. Received: {value!r}")
    return tuple(value)
