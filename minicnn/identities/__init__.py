"""The identities: what the matrices claim, checked entry by entry."""

from minicnn.identities.certificate import Certificate, CertificateError
from minicnn.identities.certification import certify
from minicnn.identities.comparison import Comparison, Entry
from minicnn.identities.models import certify_model

__all__ = ["Certificate", "CertificateError", "Comparison", "Entry", "certify", "certify_model"]
