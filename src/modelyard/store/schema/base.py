"""What the tables are made of: names of constraints, and three types that both databases have."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Integer, MetaData, Text

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    },
)

Name: Final = Text().with_variant(Text(collation="C"), "postgresql")
Number: Final = BigInteger()
Serial: Final = BigInteger().with_variant(Integer(), "sqlite")
