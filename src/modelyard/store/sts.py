"""Temporary credentials of S3 for one folder, from a security token service (AWS STS, or what speaks like it).

The role that is assumed may do much; the session policy that is sent along leaves of that what one client may do with
one version (AWS IAM User Guide, "Session policies"). Its library is an optional extra, `aws`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from modelyard.domain.files import Lease
from modelyard.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from modelyard.config import Settings

LEASE_SECONDS: Final = 3_600
"""How long credentials live; a client may need them for a large model."""
_READ: Final = ("s3:GetObject",)
_WRITE: Final = ("s3:PutObject", "s3:AbortMultipartUpload")


@dataclass(frozen=True, slots=True)
class TokenService:
    """The service as boto3's client of it, and the role that is assumed there."""

    client: Any
    role: str

    @classmethod
    def of(cls, settings: Settings, options: Mapping[str, str]) -> TokenService:
        """The service that the settings name, asked with the credentials that the store is reached with."""
        try:
            # An optional extra, slow to load, and without types.
            import boto3  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]
            from botocore.config import Config  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]
        except ImportError:
            raise Invalid("sts_role needs boto3; install modelyard[aws].") from None
        waiting = Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 3})
        library: Any = boto3
        client: Any = library.client(
            "sts",
            endpoint_url=settings.sts_endpoint or None,
            region_name=options.get("region", "us-east-1"),
            aws_access_key_id=options.get("access_key_id"),
            aws_secret_access_key=options.get("secret_access_key"),
            config=waiting,
        )
        return cls(client, settings.sts_role)

    def lease(self, url: str, *, write: bool) -> Lease:
        """Credentials for the folder `s3://bucket/key`: to put objects there, or to read and list them."""
        # As above.
        from botocore.exceptions import (  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]
            BotoCoreError,
            ClientError,
        )

        try:
            said = self.client.assume_role(
                RoleArn=self.role,
                RoleSessionName="modelyard-" + url.rpartition("/")[2],
                Policy=json.dumps(policy(url, write=write)),
                DurationSeconds=LEASE_SECONDS,
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("The token service failed or cannot be reached; try again.") from error
        given = said["Credentials"]
        until = int(given["Expiration"].timestamp() * 1000)
        return Lease(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], until)


def policy(url: str, *, write: bool) -> dict[str, object]:
    """What is left to who gets the credentials: one folder, which nobody can both read and write."""
    place = urlsplit(url)
    bucket, key = f"arn:aws:s3:::{place.netloc}", place.path.strip("/")
    statements: list[dict[str, object]] = [
        {"Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": bucket},
        {"Effect": "Allow", "Action": _WRITE if write else _READ, "Resource": f"{bucket}/{key}/*"},
    ]
    if not write:
        only = {"StringLike": {"s3:prefix": [f"{key}/*"]}}
        statements.append({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket, "Condition": only})
    return {"Version": "2012-10-17", "Statement": statements}
