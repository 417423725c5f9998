"""The identities: what the matrices claim, checked entry by entry."""

from minicnn.identities.certificate import Certificate, CertificateError, Comparison, Entry
from minicnn.identities.certification import certify

__all__ = ["Certificate", "CertificateError", "Comparison", "Entry", "certify"]
