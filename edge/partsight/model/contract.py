"""The contract of a model: the facts that are needed to interpret its inputs and outputs.

The exporter writes it as JSON into the zip tail of the model file (see ``model.file``).
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
    """An image in the model file with the expected scores.

    Attributes:
        file: its name in the zip tail.
        label: of the part in the image.
        scores: of the model at export, in its order of labels.
    """

    file: str
    label: str
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Contract:
    """The facts that are needed to interpret a model's inputs and outputs.

    Attributes:
        labels: in the order of the model's outputs.
        preprocess: preprocessing of its input.
        operating_point: the thresholds.
        provenance: how the model was made, for people; nothing depends on it.
        normalization: the real numbers that the network expects for the bytes of an image.
        tiles: rows and columns of the tiles into which the model divides an image. With more than
            one tile the output has scores per tile, row by row, and the worst tile decides.
        logits: whether the output is logits, without the final softmax.
        golden: golden samples, replayed on the device.
        heatmap: rows and columns of the class activation map, the model's second output; None
            without one. Each value is a margin: the mean logit of the labels of bad parts minus
            that of the labels of good parts; for two labels, the log-odds that the part is bad.
            The mean over the map is the margin of the image. With tiles, the map contains their
            maps side by side, and the mean over each is the margin of the tile.
        layout: of the tensors of a third-party model.
        reference: statistics of good parts for the detection of drift; None if not measured.
        product: that the model is for, in the form for comparison (see ``product``), or None.

    Raises:
        ValueError: fewer than two labels, a duplicate or empty label, an operating point with an
            unknown label, tiles without accept labels, or a heat map without a size.
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
            # labels.txt contains one per line, in UTF-8.
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
            raise ValueError(f"tiles {self.tiles} need accept labels, to find the worst tile")
        if any(len(sample.scores) != len(self.labels) for sample in self.golden):
            raise ValueError(f"each golden sample must have {len(self.labels)} scores")
        if self.product is not None:
            try:
                object.__setattr__(self, "product", clean_product(self.product))
            except ValueError as error:
                raise ValueError(f"{error}. Received: {self.product!r}") from error

    @property
    def version(self) -> str | None:
        """The version named by the model's maker, or the time of its training, or None."""
        value: Any = self.provenance
        for name in ("settings", "card", "model_version"):
            value = value.get(name) if isinstance(value, Mapping) else None
        return str(value or self.provenance.get("created_at") or "") or None

    @property
    def advice(self) -> str | None:
        """A warning for the user of the model in one line, or None."""
        if self.operating_point.accept_labels:
            return None
        step = "train again with" if self.provenance else "name it with"
        return (
            "no label of the model is known to mean a good part, so every verdict will be review; "
            f"{step} --accept-label. Labels: {', '.join(self.labels)}."
        )


def _are_sides(values: tuple[int, ...]) -> bool:
    return [type(value) is int and value > 0 for value in values] == [True, True]


def contract_to_document(contract: Contract) -> dict[str, Any]:
    """The contract as JSON values.

    Newer keys with default values are left out, so that older versions can read the contract.
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
    """The contract of a parsed JSON document.

    Raises:
        KeyError: a key is missing.
        TypeError: a key is unknown, or its value has another type.
        ValueError: a value is invalid.
    """
    unknown = set(document) - {field.name for field in dataclasses.fields(Contract)}
    if unknown:
        raise TypeError(f"{sorted(unknown)} are keys that this partsight does not know")
    document = {"normalization": {}, **document}  # missing in files of older versions
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
    """The normalization; older files have one number instead of a list."""
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
