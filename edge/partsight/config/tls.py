"""How a connection is encrypted: keys that the sections of sinks and triggers share."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from partsight.config.section import Place, Section

__all__ = ["TlsSection"]


class TlsSection(Section):
    """Whom to believe at the other end, and who we are."""

    ca_file: Place | None = Field(
        default=None,
        description="Certificates (PEM) that the other end's must be signed by; those that the "
        "system trusts if left out.",
    )
    certificate_file: Place | None = Field(
        default=None, description="Certificate (PEM) by which this device shows who it is."
    )
    key_file: Place | None = Field(
        default=None, description="Private key (PEM) of certificate_file, if not in it."
    )
    insecure: bool = Field(
        default=False,
        description="Believe any certificate. For trials: whoever is between reads and changes "
        "all. Each connection logs a warning.",
    )

    @field_validator("key_file", check_fields=False)
    @classmethod
    def _key_of_a_certificate(cls, key: Place | None, info: ValidationInfo) -> Place | None:
        if key is not None and info.data.get("certificate_file") is None:
            raise ValueError("needs certificate_file, the certificate that it is the key of")
        return key
