"""Signs a test repository: Ed25519 (RFC 8032) in OpenPGP packets of version 4 (RFC 9580).

A machine that installs packages can verify signatures but need not be able to make any: tests make their own.
"""

import base64
import hashlib
from dataclasses import dataclass

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_SQRT_MINUS_1 = pow(2, (_P - 1) // 4, _P)
Point = tuple[int, int, int, int]

_ALGORITHM_EDDSA, _HASH_SHA256 = 22, 8
_CERTIFICATION, _BINARY_DOCUMENT = 0x13, 0x00
_CURVE_OID = bytes.fromhex("2b06010401da470f01")


def _add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _multiply(scalar: int, point: Point) -> Point:
    result: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _base_point() -> Point:
    y = 4 * pow(5, _P - 2, _P) % _P
    x2 = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P)
    x = pow(x2, (_P + 3) // 8, _P)
    if (x * x - x2) % _P:
        x = x * _SQRT_MINUS_1 % _P
    if x & 1:
        x = _P - x
    return x, y, 1, x * y % _P


_BASE = _base_point()


def _compress(point: Point) -> bytes:
    inverse = pow(point[2], _P - 2, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | ((x & 1) << 255)).to_bytes(32, "little")


def _ed25519(secret: bytes) -> tuple[int, bytes, bytes]:
    """Scalar, prefix and public key of a secret."""
    digest = hashlib.sha512(secret).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    return scalar, digest[32:], _compress(_multiply(scalar, _BASE))


def _ed25519_sign(secret: bytes, message: bytes) -> tuple[bytes, bytes]:
    scalar, prefix, public = _ed25519(secret)
    nonce = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % _ORDER
    first = _compress(_multiply(nonce, _BASE))
    challenge = int.from_bytes(hashlib.sha512(first + public + message).digest(), "little") % _ORDER
    return first, ((nonce + challenge * scalar) % _ORDER).to_bytes(32, "little")


def _packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def _mpi(value: bytes) -> bytes:
    number = int.from_bytes(value, "big")
    return number.bit_length().to_bytes(2, "big") + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _subpacket(kind: int, body: bytes) -> bytes:
    return bytes([len(body) + 1, kind]) + body


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key; `created` in seconds since the epoch."""

    secret: bytes
    created: int
    user: str = "Test archive <archive@example.org>"

    def _public_body(self) -> bytes:
        point = _mpi(b"\x40" + _ed25519(self.secret)[2])
        head = b"\x04" + self.created.to_bytes(4, "big") + bytes([_ALGORITHM_EDDSA, len(_CURVE_OID)])
        return head + _CURVE_OID + point

    def _fingerprint(self) -> bytes:
        body = self._public_body()
        return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body).digest()

    def _signature(self, kind: int, content: bytes, at: int) -> bytes:
        hashed = _subpacket(2, at.to_bytes(4, "big")) + _subpacket(33, b"\x04" + self._fingerprint())
        if kind == _CERTIFICATION:
            hashed += _subpacket(27, b"\x03")  # this key may certify and sign
        head = bytes([4, kind, _ALGORITHM_EDDSA, _HASH_SHA256]) + len(hashed).to_bytes(2, "big") + hashed
        trailer = b"\x04\xff" + len(head).to_bytes(4, "big")
        digest = hashlib.sha256(content + head + trailer).digest()
        first, second = _ed25519_sign(self.secret, digest)
        issuer = _subpacket(16, self._fingerprint()[-8:])
        body = head + len(issuer).to_bytes(2, "big") + issuer + digest[:2] + _mpi(first) + _mpi(second)
        return _packet(2, body)

    def keyring(self) -> bytes:
        """The public key as a file that apt's `signed-by` takes."""
        public, user = self._public_body(), self.user.encode()
        content = b"\x99" + len(public).to_bytes(2, "big") + public
        content += b"\xb4" + len(user).to_bytes(4, "big") + user
        binding = self._signature(_CERTIFICATION, content, self.created)
        return _packet(6, public) + _packet(13, user) + binding

    def sign(self, document: bytes, at: int) -> str:
        """An armoured detached signature."""
        packet = self._signature(_BINARY_DOCUMENT, document, at)
        check = base64.b64encode(_crc24(packet).to_bytes(3, "big")).decode()
        lines = base64.encodebytes(packet).decode()
        return f"-----BEGIN PGP SIGNATURE-----\n\n{lines}={check}\n-----END PGP SIGNATURE-----\n"


def _crc24(data: bytes) -> int:
    value = 0xB704CE
    for byte in data:
        value ^= byte << 16
        for _ in range(8):
            value <<= 1
            if value & 0x1000000:
                value ^= 0x1864CFB
    return value
