"""Put payments that are to be scored into a volume, as yesterday's payments would come from a payment system."""

from __future__ import annotations

import argparse
import io

from data import payments
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.catalog import VolumeType


def main() -> None:
    """Make the volume if it is not there, and upload one Parquet file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--volume", required=True, help="catalog.schema.volume")
    parser.add_argument("--rows", type=int, default=2_000, help="how many payments")
    options = parser.parse_args()
    client = WorkspaceClient()
    try:
        client.volumes.read(options.volume)
    except NotFound:
        client.volumes.create(*options.volume.split("."), VolumeType.MANAGED)
    table = payments(options.rows, seed=3).drop(columns="is_fraud")
    path = f"/Volumes/{options.volume.replace('.', '/')}/payments.parquet"
    client.files.upload(path, io.BytesIO(table.to_parquet(index=False)), overwrite=True)
    print(f"{path}: {len(table)} payments")


if __name__ == "__main__":
    main()
