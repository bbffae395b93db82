"""The one pair of keys of the stand-ins, for systems to which we prove ourselves by a signature.

Known to everybody, and good for nothing: no real system knows its public half. It is made of two fixed primes, so that the
process that signs and the sandbox that checks have the same one without telling each other.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

KEY_ID = "sandbox-key"
ACCOUNT = "puente@sandbox.iam.gserviceaccount.example"
EXPONENT = 65537
FIRST_PRIME = (
    "f8290e9e58cf9896df20c60333a5071cf4a08e8ccb076aefe9d2d4de9d0cef478d574f4d7804ce4ee1bebf1cd13b50ed"
    "989151efb0ba39e0e8c1db75ade1101c632bce93ac762f2e204f41a9354329b96a2bfa2cd09f760eb978bb88acb3ef53"
    "512da8d5388d8d5be6229208edacf159a60f313a167cec98f38c6431c85bc79f"
)
SECOND_PRIME = (
    "daecf3de5f67fa100f9a12eff541755d9a20f02985df45f861ae8351af6506a5a4f9b5b0e1f2e1e5477402dfe17d0d13"
    "c1e4ce6a07572dfc3e72eb43ee54fd08b3f2f9703ce3305d3f3e3d08c5cc061e633bacfa17aa57edb3c97ef01e6c9acd"
    "68dd7d45abb98a1a4b502dc9ccacbe27580ce875cc085c8d22c27271a141ccc1"
)


@cache
def private_key() -> RSAPrivateKey:
    """The half that signs."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    p, q = int(FIRST_PRIME, 16), int(SECOND_PRIME, 16)
    d = pow(EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(EXPONENT, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), public)
    return numbers.private_key()


def public_key() -> RSAPublicKey:
    """The half that checks."""
    return private_key().public_key()


@cache
def pem() -> str:
    """The private half as a PEM."""
    from cryptography.hazmat.primitives import serialization as form

    return private_key().private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()


def google_account() -> str:
    """The key file of a service account, as Google gives it out, with what of it is used."""
    return json.dumps({"type": "service_account", "client_email": ACCOUNT, "private_key_id": KEY_ID, "private_key": pem()})
