"""Deliveries in S3, through boto3 and its default credential chain; endpoint and region are options.

Transient faults (throttling, broken connections, a file replaced while it is read) become TransientError,
missing rights or buckets ConfigError. No credential ever stands in a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, BinaryIO, cast

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from ingest.errors import ConfigError, TransientError
from ingest.sources.delivery_store import StoredFile

_MISSING = {"404", "NoSuchKey", "NotFound"}
_FORBIDDEN = {
    "403",
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "NoSuchBucket",
}
_CHANGED = {"412", "PreconditionFailed"}
_CREDENTIAL_FAULTS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    ProfileNotFound,
    NoRegionError,
)


class S3Store:
    """``s3://bucket/prefix``; keys are relative to the prefix."""

    def __init__(self, location: str, *, endpoint_url: str | None = None, region: str | None = None) -> None:
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        self.location = location
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.endpoint_url, self.region = endpoint_url, region

    @cached_property
    def _client(self) -> Any:
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 4},
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=8,
        )
        session = Session(region_name=self.region)
        return session.client("s3", endpoint_url=self.endpoint_url, config=config)

    def find_manifests(self) -> Iterator[StoredFile]:
        """Descend folder by folder to ``metadata``; data folders are never listed."""
        pending = [self.prefix]
        while pending:
            folder = pending.pop()
            children = sorted(self._folders(folder))
            if f"{folder}metadata/" in children:
                for period in sorted(self._folders(f"{folder}metadata/")):
                    yield from self._manifests_in(period)
            else:
                pending.extend(reversed(children))

    def stat(self, key: str) -> StoredFile | None:
        """The object as it is now; its token is the ETag."""
        with self._reported(key):
            try:
                head = self._client.head_object(Bucket=self.bucket, Key=self.prefix + key)
            except ClientError as error:
                if _code(error) in _MISSING:
                    return None
                raise
        return StoredFile(key, head["ContentLength"], head["ETag"].strip('"'), head["LastModified"])

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """A part of an object by a range request."""
        span = f"bytes={start}" if start < 0 else f"bytes={start}-{'' if length is None else start + length - 1}"
        with self._reported(key):
            extra = {} if start == 0 and length is None else {"Range": span}
            body = self._client.get_object(Bucket=self.bucket, Key=self.prefix + key, **extra)["Body"]
            content = body.read()
        return content if length is None else content[:length]

    @contextmanager
    def open(self, file: StoredFile) -> Iterator[BinaryIO]:
        """A stream of the object as long as its ETag is the one that was seen."""
        with self._reported(file.key):
            answer = self._client.get_object(
                Bucket=self.bucket, Key=self.prefix + file.key, IfMatch=file.token
            )
            with answer["Body"] as body:
                yield cast(BinaryIO, body)

    def key_of(self, uri: str, *, export_root: str) -> str | None:
        """Only files of the location's own bucket and prefix belong to the delivery."""
        home = f"s3://{self.bucket}/{self.prefix}"
        return uri.removeprefix(home) if uri.startswith(home) else None

    def describe(self) -> str:
        """The location."""
        return self.location

    def _pages(self, folder: str) -> Iterator[dict[str, Any]]:
        with self._reported(folder):
            paginator = self._client.get_paginator("list_objects_v2")
            yield from paginator.paginate(Bucket=self.bucket, Prefix=folder, Delimiter="/")

    def _folders(self, folder: str) -> list[str]:
        return [item["Prefix"] for page in self._pages(folder) for item in page.get("CommonPrefixes", [])]

    def _manifests_in(self, folder: str) -> Iterator[StoredFile]:
        for page in self._pages(folder):
            for item in page.get("Contents", []):
                if item["Key"].endswith("-Manifest.json"):
                    key = item["Key"].removeprefix(self.prefix)
                    yield StoredFile(key, item["Size"], item["ETag"].strip('"'), item["LastModified"])

    @contextmanager
    def _reported(self, key: str) -> Iterator[None]:
        """Turn what boto3 raises into the project's errors."""
        where = {"location": self.location, "file": key}
        try:
            yield
        except ClientError as error:
            raise self._of_client(error, where) from error
        except _CREDENTIAL_FAULTS as error:
            raise ConfigError(
                "no usable AWS credentials",
                where={"location": self.location},
                found=type(error).__name__,
                expected="credentials and a region from the environment, a profile or the instance",
                fix="set AWS_PROFILE or the AWS_* variables of the AWS CLI; `region` can stand in tco.toml",
            ) from error
        except (BotoCoreError, OSError) as error:
            raise TransientError(
                "S3 cannot be reached",
                where=where,
                found=type(error).__name__,
                fix="check the network; try again",
            ) from error

    def _of_client(self, error: ClientError, where: dict[str, str]) -> ConfigError | TransientError:
        code = _code(error)
        if code in _FORBIDDEN:
            return ConfigError(
                "S3 refuses access",
                where=where,
                found=code,
                expected="an existing bucket with the rights s3:ListBucket and s3:GetObject",
                fix="correct `location`, or the rights of the credentials in use",
            )
        if code in _CHANGED or code in _MISSING:
            return TransientError(
                "the file changed while it was read", where=where, found=code, fix="try again"
            )
        return TransientError("S3 answered with an error", where=where, found=code, fix="try again")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
