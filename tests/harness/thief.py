"""Who has got a copy of the storage folder, and a key ring. Written from the description of the formats (shared/keys/README.md), with
nothing of the product's code, and cheating where it can: no tag and no context is checked, so that nothing hides behind a wrong one."""
import base64
import json
import re
import sqlite3

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TAG, NONCE, ID = 16, 12, 10
WRAPPED = ID + NONCE + 32 + TAG
SEALED = re.compile(rb"\x01" + re.escape(bytes([WRAPPED])) + rb"(?=\d{4}-\d\d-\d\d)")
PREFIX, CHUNK = 7, 64 * 1024


def decrypt(key, nonce, octets):
    """AES-256-GCM without its tag."""
    return Cipher(algorithms.AES(key), modes.CTR(nonce + b"\0\0\0\2")).decryptor().update(octets)


class Thief:
    def __init__(self, ring_file):
        ring = json.loads(ring_file.read_text())
        self.epochs = {day: base64.b64decode(key) for day, key in ring["epochs"].items()}

    def _mail_key(self, wrapped):
        epoch = self.epochs.get(wrapped[:ID].decode())
        return epoch and decrypt(epoch, wrapped[ID:ID + NONCE], wrapped[ID + NONCE:-TAG])

    def _openings(self, octets, content_key):
        """What each sealed blob in `octets` says; a blob that runs on to their end, at least."""
        for start in (m.start() for m in SEALED.finditer(octets)):
            body = start + 2 + WRAPPED
            key = self._mail_key(octets[start + 2:body])
            if key is None:
                continue
            yield decrypt(key, octets[body:body + NONCE], octets[body + NONCE:])
            if content_key is not None:
                stream = HKDF(hashes.SHA256(), 32, None, f"content file {content_key}".encode()).derive(key)
                prefix, rest = octets[body:body + PREFIX], octets[body + PREFIX:]
                chunks = [rest[i:i + CHUNK + TAG] for i in range(0, len(rest), CHUNK + TAG)]
                yield b"".join(decrypt(stream, prefix + number.to_bytes(4, "big") + bytes([number == len(chunks) - 1]), chunk[:-TAG])
                               for number, chunk in enumerate(chunks))

    def _rows(self, database):
        with sqlite3.connect(database) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            for table in tables:
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    for value in row:
                        if isinstance(value, bytes):
                            yield table, value

    def loot(self, folder):
        """{where: all that can be read there}; `where` is a table, or "files" for contents that lie in files."""
        found = {}
        for table, value in self._rows(folder / "sekisho.db"):
            for clear in self._openings(value, None):
                found[table] = found.get(table, b"") + clear
        for file in (folder / "content").rglob("*"):
            if file.is_file():
                mail, name = file.name.split(".")[:2]
                for clear in self._openings(file.read_bytes(), f"{mail}/{name}"):
                    found["files"] = found.get("files", b"") + clear
        return found
