"""One bounded pass over a delivered text file: read, hash, gunzip, drop a byte order mark, write."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import BinaryIO

from ingest.errors import DeliveryError
from ingest.manifest import SourceFile

BLOCK_BYTES = 4 * 1024 * 1024
MAX_UNPACKED_BYTES = 64 * 1024**3
MAX_UNPACK_RATIO = 200
RATIO_FREE_BYTES = 64 * 1024**2
_UTF8_BOM = b"\xef\xbb\xbf"


class Unpacker:
    """Unpacks one file; decompression stops at ``max_bytes`` or at an absurd ratio."""

    def __init__(self, name: str, max_bytes: int) -> None:
        self.name, self.max_bytes = name, max_bytes
        self.read_bytes, self.written, self.digest = 0, 0, hashlib.sha256()

    def run(self, stream: BinaryIO, target: Path) -> SourceFile:
        """Write the unpacked text to ``target``; size and SHA-256 are those of the delivered bytes.

        Raises:
            DeliveryError: empty, truncated, damaged or exploding.
        """
        with target.open("wb") as handle:
            first = self._next(stream)
            if not first:
                raise self._error(
                    "the file is empty", found="0 bytes", expected="a file with at least a header"
                )
            if first[:2] == b"\x1f\x8b":
                self._gunzip(first, stream, handle)
            else:
                while first:
                    self._write(handle, first)
                    first = self._next(stream)
        if self.written == 0:
            raise self._error(
                "the file is empty", found="0 bytes after unpacking", expected="a file with at least a header"
            )
        return SourceFile(self.name, self.read_bytes, self.digest.hexdigest())

    def _next(self, stream: BinaryIO) -> bytes:
        block = stream.read(BLOCK_BYTES)
        self.digest.update(block)
        self.read_bytes += len(block)
        return block

    def _write(self, handle: BinaryIO, block: bytes) -> None:
        if self.written == 0 and block.startswith(_UTF8_BOM):
            block = block[len(_UTF8_BOM) :]
        self.written += len(block)
        limit = min(self.max_bytes, max(RATIO_FREE_BYTES, MAX_UNPACK_RATIO * self.read_bytes))
        if self.written > limit:
            raise self._error(
                "the file unpacks to more than is allowed",
                found=f"{self.written} bytes and more from {self.read_bytes}",
                expected=f"at most {limit} bytes (ratio {MAX_UNPACK_RATIO})",
            )
        handle.write(block)

    def _gunzip(self, block: bytes, stream: BinaryIO, handle: BinaryIO) -> None:
        machine = zlib.decompressobj(wbits=31)
        try:
            while block:
                self._write(handle, machine.decompress(block, BLOCK_BYTES))
                block = machine.unconsumed_tail
                if machine.eof:
                    block = machine.unused_data.lstrip(b"\0") or self._next(stream).lstrip(b"\0")
                    machine = zlib.decompressobj(wbits=31) if block else machine
                elif not block:
                    block = self._next(stream)
        except zlib.error as error:
            raise self._error(
                "the gzip file is damaged", found=str(error), expected="a complete gzip file"
            ) from error
        if not machine.eof:
            raise self._error(
                "the gzip file is truncated",
                found=f"it ends after {self.read_bytes} bytes",
                expected="a complete gzip file",
            )

    def _error(self, what: str, *, found: str, expected: str) -> DeliveryError:
        fix = "fetch the file again, or let the provider deliver it again"
        return DeliveryError(what, where={"file": self.name}, found=found, expected=expected, fix=fix)
