"""TLS: keys that sinks and triggers share."""

from __future__ import annotations

from pydantic import ValidationInfo, field_validator

from partsight.config.section import ConfigPath, Section, key

__all__ = ["TlsSection"]


class TlsSection(Section):
    """Certificates of an encrypted connection."""

    ca_file: ConfigPath | None = key(
        None, "Certificates (PEM) of the authorities that sign the server's. Default: the system's."
    )
    certificate_file: ConfigPath | None = key(
        None, "Certificate (PEM) that identifies this device."
    )
    key_file: ConfigPath | None = key(None, "Private key (PEM), if not in certificate_file.")
    insecure: bool = key(
        False,
        "Accept any certificate. For trials only: anyone on the network can read and change "
        "everything. Each connection logs a warning.",
    )

    @field_validator("key_file", check_fields=False)
    @classmethod
    def _key_of_a_certificate(
        cls, key: ConfigPath | None, info: ValidationInfo
    ) -> ConfigPath | None:
        if key is not None and info.data.get("certificate_file") is None:
            raise ValueError("needs certificate_file, the certificate of this key")
        return key
