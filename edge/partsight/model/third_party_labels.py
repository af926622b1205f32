"""Labels in a third-party model: in the file named by its metadata, or else in its zip tail."""

from __future__ import annotations

import posixpath
import re

from partsight.errors import ContractError
from partsight.image_files.walk import is_ignored
from partsight.model.label_files import labels_in
from partsight.model.tflite.standard_metadata import StandardMetadata
from partsight.model.zip_tail import TailDamage, member_names, read_others_member
from partsight.utils.counts import counted
from partsight.utils.text_files import decode_text

__all__ = ["third_party_labels"]

_MAX_BYTES = 1 << 20
# Unusable files that a message names at most.
_MAX_NAMED = 3
_HINT = "Name its outputs: --labels labels.txt, an option of classify, evaluate, watch and inspect"
# ``labels.txt``, ``probability-labels-en.txt``, ``labelmap.txt``, ``dict.txt``, ``metadata.json``.
_NAME = re.compile(r".*(label|class|dict|names|meta).*(\.(txt|json|ya?ml|csv|names))?", re.I)


def third_party_labels(
    data: bytes, metadata: StandardMetadata, counts: tuple[int, ...], name: str
) -> tuple[str, ...]:
    """The labels in a model.

    Args:
        data: the model.
        metadata: its standard metadata.
        counts: possible numbers of labels; lists of other lengths in the zip tail are ignored.
        name: of the model, for messages.

    Raises:
        ContractError: there are none, or several different lists.
        TailDamage: its zip tail is damaged.
        ValueError: the file named by its metadata is not a list of labels.
    """
    if metadata.labels_file is None:
        return _in_tail(data, counts, name)
    try:
        return _read(data, metadata.labels_file)
    except LookupError as error:
        raise ContractError(
            f"{name} has lost {metadata.labels_file!a}, which its metadata names: the file is "
            "truncated. Copy it again, or give its labels: --labels labels.txt"
        ) from error


def _in_tail(data: bytes, counts: tuple[int, ...], name: str) -> tuple[str, ...]:
    found: dict[tuple[str, ...], str] = {}
    unusable: list[str] = []
    for member in dict.fromkeys(member_names(data)):
        if not _NAME.fullmatch(posixpath.basename(member)) or _is_hidden(member):
            continue
        try:
            labels = _read(data, member)
        except (LookupError, TailDamage, ValueError) as error:
            unusable.append(str(error).removesuffix(f". {_HINT}"))
            continue
        if len(labels) in counts:
            found.setdefault(labels, member)
        else:
            expected = " or ".join(map(str, counts))
            unusable.append(f"{member!a} has {counted(len(labels), 'label')}, expected {expected}")
    if not found:
        raise ContractError(
            f"{name} has neither a partsight contract nor usable labels: it was made by another "
            f"tool{''.join(f'; {each}' for each in unusable[:_MAX_NAMED])}. {_HINT}"
        )
    if len(found) > 1:
        raise ContractError(
            f"{name} has different labels in {' and in '.join(map(ascii, found.values()))}. {_HINT}"
        )
    return next(iter(found))


def _is_hidden(member: str) -> bool:
    """Whether a member was added by an archiver, such as ``__MACOSX/._labels.txt``."""
    return any(is_ignored(part) for part in member.split("/") if part)


def _read(data: bytes, member: str) -> tuple[str, ...]:
    try:
        return labels_in(decode_text(read_others_member(data, member, _MAX_BYTES)))
    except ValueError as error:
        raise ValueError(f"the labels in {member!a}: {str(error).rstrip('.')}. {_HINT}") from error
