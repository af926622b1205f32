"""TLS settings of connections, from their configuration."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING

from partsight.errors import ConfigError

if TYPE_CHECKING:
    from partsight.config.tls import TlsSection

__all__ = ["load_certificates", "tls_context"]

logger = logging.getLogger(__name__)


def tls_context(config: TlsSection, peer: str) -> ssl.SSLContext:
    """Return a client's TLS context for a section of the configuration.

    Args:
        config: the section.
        peer: name of the other end, for messages.

    Raises:
        ConfigError: a certificate or key cannot be read or is invalid.
    """
    context = load_certificates(config, peer)
    if config.insecure:
        logger.warning("insecure: the identity of %s is not verified", peer)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def load_certificates(config: TlsSection, peer: str) -> ssl.SSLContext:
    """Return a client's TLS context with the section's certificates, which are always verified.

    Raises:
        ConfigError: a certificate or key cannot be read or is invalid.
    """
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
        if config.certificate_file is not None:
            context.load_cert_chain(config.certificate_file, config.key_file, _no_password)
    except (OSError, ssl.SSLError) as error:
        named = ", ".join(
            str(file)
            for file in (config.ca_file, config.certificate_file, config.key_file)
            if file is not None
        )
        raise ConfigError(
            f"cannot use the certificates for {peer}: {error}. Expected files in PEM, and a key "
            f"without a password. Received: {named}"
        ) from error
    return context


def _no_password() -> str:
    """Return an empty password: OpenSSL would otherwise prompt for one on the terminal."""
    return ""
