"""Bytes: stored objects and manifests of their own, what a scan found, policies, signatures, quarantine and trash."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger()

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _bytes()
    _trash()
    _admission()
    _carry_over()
    _entries()
    _uploads()
    _versions()
    _gaps()
    _securables()


def _bytes() -> None:
    op.create_table(
        "manifests",
        sa.Column("id", NAME, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("digest", NAME, nullable=False, comment="SHA-256 of its lines, once it is frozen; empty until then"),
        sa.Column("files", NUMBER, nullable=False, comment="how many, once it is frozen"),
        sa.Column("size", NUMBER, nullable=False, comment="bytes of all files together, once it is frozen"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_manifests")),
    )
    op.create_table(
        "stores",
        sa.Column("id", NAME, nullable=False),
        sa.Column("url", NAME, nullable=False, comment="where it was when it was last opened"),
        sa.Column("marker", NAME, nullable=False, comment="the id in the store's own `store.json`"),
        sa.Column("added_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stores")),
        sa.UniqueConstraint("marker", name=op.f("uq_stores_marker")),
    )
    op.create_table(
        "blobs",
        sa.Column("id", NAME, nullable=False),
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("sha256", NAME, nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column(
            "key", NAME, nullable=False, comment="what the store calls the object; no URL that a client gets names it"
        ),
        sa.Column("touched_at", NUMBER, nullable=False, comment="when a file last brought these bytes"),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_blobs_store_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blobs")),
        sa.UniqueConstraint("store_id", "sha256", name=op.f("uq_blobs_store_id_sha256")),
    )
    op.create_index(op.f("ix_blobs_store_id_key"), "blobs", ["store_id", "key"], unique=False)
    op.create_index(op.f("ix_blobs_touched_at"), "blobs", ["touched_at"], unique=False)
    op.create_table(
        "garbage",
        sa.Column("store_id", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("since", NUMBER, nullable=False, comment="when the last row that named it went"),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_garbage_store_id")),
        sa.PrimaryKeyConstraint("store_id", "key", name=op.f("pk_garbage")),
    )
    op.create_table(
        "cards",
        sa.Column("manifest_id", NAME, nullable=False),
        sa.Column("contents", NAME, nullable=False, comment="data_only, code_bearing or unknown"),
        sa.Column("verdict", NAME, nullable=False, comment="clean, suspicious or unscanned"),
        sa.Column("findings", NAME, nullable=False, comment="a JSON list of objects with path and problem"),
        sa.Column(
            "facts", NAME, nullable=False, comment="a JSON object: what `MLmodel` says of flavors, signature and so on"
        ),
        sa.Column("scanned_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["manifest_id"], ["manifests.id"], name=op.f("fk_cards_manifest_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("manifest_id", name=op.f("pk_cards")),
    )
    op.create_table(
        "signatures",
        sa.Column("id", NAME, nullable=False),
        sa.Column("manifest_id", NAME, nullable=False),
        sa.Column("key_id", NAME, nullable=False, comment="SHA-256 of the public key that it was verified with"),
        sa.Column("bundle", NAME, nullable=False, comment="the signature as it came: a JSON bundle"),
        sa.Column("added_at", NUMBER, nullable=False),
        sa.Column("added_by", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["manifest_id"], ["manifests.id"], name=op.f("fk_signatures_manifest_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signatures")),
        sa.UniqueConstraint("manifest_id", "key_id", name=op.f("uq_signatures_manifest_id_key_id")),
    )
    op.create_index(op.f("ix_signatures_manifest_id"), "signatures", ["manifest_id"], unique=False)


def _trash() -> None:
    op.create_table(
        "trash",
        sa.Column("id", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False, comment="model or version"),
        sa.Column("full_name", NAME, nullable=False, comment="the model's, when it was deleted"),
        sa.Column("number", NUMBER, nullable=True, comment="of a version; empty for a model"),
        sa.Column("model_id", NAME, nullable=False),
        sa.Column("schema_id", NAME, server_default="", nullable=False, comment="in which the model was"),
        sa.Column("owner_id", NAME, nullable=False, comment="of the model"),
        sa.Column("size", NUMBER, nullable=False, comment="bytes of all files together"),
        sa.Column("deleted_at", NUMBER, nullable=False),
        sa.Column("deleted_by", NAME, nullable=False),
        sa.Column("content", NAME, nullable=False, comment="a JSON object: the rows that were removed"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trash")),
    )
    op.create_index(op.f("ix_trash_deleted_at"), "trash", ["deleted_at"], unique=False)
    op.create_index(op.f("ix_trash_full_name"), "trash", ["full_name"], unique=False)
    op.create_table(
        "trash_manifests",
        sa.Column("trash_id", NAME, nullable=False),
        sa.Column("manifest_id", NAME, nullable=False),
        sa.ForeignKeyConstraint(["manifest_id"], ["manifests.id"], name=op.f("fk_trash_manifests_manifest_id")),
        sa.ForeignKeyConstraint(
            ["trash_id"], ["trash.id"], name=op.f("fk_trash_manifests_trash_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trash_id", "manifest_id", name=op.f("pk_trash_manifests")),
    )
    op.create_index(op.f("ix_trash_manifests_manifest_id"), "trash_manifests", ["manifest_id"], unique=False)


def _admission() -> None:
    op.create_table(
        "policies",
        sa.Column("schema_id", NAME, nullable=False),
        sa.Column("admits", NAME, nullable=False, comment="anything or data_only"),
        sa.Column("clean_scan", sa.Integer(), nullable=False, comment="whether a clean scan is required"),
        sa.Column(
            "signers", NAME, nullable=False, comment="a JSON list of public keys in PEM; empty requires no signature"
        ),
        sa.Column("updated_at", NUMBER, nullable=False),
        sa.Column("updated_by", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["schema_id"], ["securables.id"], name=op.f("fk_policies_schema_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("schema_id", name=op.f("pk_policies")),
    )
    op.create_table(
        "finalizations",
        sa.Column("version_id", NAME, nullable=False),
        sa.Column("holder", NAME, nullable=False, comment="a random id of who examines the version's files now"),
        sa.Column(
            "until", NUMBER, nullable=False, comment="when the holder counts as gone, unless it says that it is not"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_finalizations_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_finalizations")),
    )
    op.create_table(
        "quarantines",
        sa.Column("version_id", NAME, nullable=False),
        sa.Column(
            "reasons", NAME, nullable=False, comment="a JSON list of texts: what the schema's policy has against it"
        ),
        sa.Column("since", NUMBER, nullable=False),
        sa.Column("released_at", NUMBER, nullable=True, comment="empty while it is in quarantine"),
        sa.Column("released_by", NAME, server_default="", nullable=False),
        sa.Column("comment", NAME, server_default="", nullable=False, comment="why, in the words of who released it"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_quarantines_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_quarantines")),
    )


def _carry_over() -> None:
    """A manifest for each version, under the version's own id, and a row for each object of the only store there was.

    That store is known to the database as `default` until the server opens it and notes its marker.
    """
    op.execute(
        "INSERT INTO manifests (id, created_at, digest, files, size) "
        "SELECT versions.id, created_at, digest, count(path), coalesce(sum(entries.size), 0) FROM versions "
        "LEFT JOIN entries ON version_id = versions.id AND is_directory = 0 GROUP BY versions.id, created_at, digest"
    )
    op.execute(
        "INSERT INTO stores (id, url, marker, added_at) "
        "SELECT 'default', '', '', since FROM (SELECT min(created_at) AS since FROM versions) AS told "
        "WHERE since IS NOT NULL"
    )
    op.execute(
        "INSERT INTO blobs (id, store_id, sha256, size, key, touched_at) "
        "SELECT sha256, 'default', sha256, max(size), sha256, max(modified_at) FROM entries "
        "WHERE is_directory = 0 GROUP BY sha256"
    )


def _entries() -> None:
    op.drop_index(op.f("ix_entries_sha256"), "entries")
    op.drop_index(op.f("ix_entries_version_id_parent_path"), "entries")
    with op.batch_alter_table("entries") as entries:
        entries.drop_constraint(op.f("fk_entries_version_id"), type_="foreignkey")
        entries.alter_column("version_id", new_column_name="manifest_id")
        entries.alter_column("sha256", comment="of the bytes; empty for a directory")
        entries.add_column(sa.Column("blob_id", NAME, nullable=True, comment="the stored bytes; empty for a directory"))
    with op.batch_alter_table("entries") as entries:  # again, because a renamed column is known only now
        entries.create_foreign_key(
            op.f("fk_entries_manifest_id"), "manifests", ["manifest_id"], ["id"], ondelete="CASCADE"
        )
        entries.create_foreign_key(op.f("fk_entries_blob_id"), "blobs", ["blob_id"], ["id"])
    op.execute("UPDATE entries SET blob_id = sha256 WHERE is_directory = 0")
    op.create_index(op.f("ix_entries_blob_id"), "entries", ["blob_id"], unique=False)
    op.create_index(
        op.f("ix_entries_manifest_id_parent_path"), "entries", ["manifest_id", "parent", "path"], unique=False
    )


def _uploads() -> None:
    with op.batch_alter_table("uploads") as uploads:
        uploads.add_column(
            sa.Column(
                "key", NAME, server_default="", nullable=False, comment="what the store calls the whole file's object"
            )
        )
        uploads.add_column(sa.Column("store_id", NAME, nullable=True, comment="where its parts are"))
        uploads.add_column(
            sa.Column(
                "staged",
                NAME,
                server_default="",
                nullable=False,
                comment="JSON: what a client sent to the store itself",
            )
        )
        uploads.create_foreign_key(op.f("fk_uploads_store_id"), "stores", ["store_id"], ["id"])
    op.execute("UPDATE uploads SET store_id = 'default', key = sha256")


def _versions() -> None:
    op.add_column("versions", sa.Column("manifest_id", NAME, nullable=True))
    op.add_column("versions", sa.Column("store_id", NAME, nullable=True, comment="where its files are brought"))
    op.execute("UPDATE versions SET manifest_id = id, store_id = 'default'")
    with op.batch_alter_table("versions") as versions:
        versions.alter_column("manifest_id", nullable=False)
        versions.alter_column("store_id", nullable=False)
        versions.create_foreign_key(op.f("fk_versions_manifest_id"), "manifests", ["manifest_id"], ["id"])
        versions.create_foreign_key(op.f("fk_versions_store_id"), "stores", ["store_id"], ["id"])
    op.create_index(op.f("ix_versions_manifest_id"), "versions", ["manifest_id"], unique=False)


def _gaps() -> None:
    op.create_table(
        "gaps",
        sa.Column("model_id", NAME, nullable=False),
        sa.Column(
            "first_number", NUMBER, nullable=False, comment="of a run of numbers that imports left out: never given"
        ),
        sa.Column("last_number", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_gaps_model_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_id", "first_number", name=op.f("pk_gaps")),
    )


def _securables() -> None:
    with op.batch_alter_table("securables") as securables:
        securables.add_column(
            sa.Column("store_id", NAME, nullable=True, comment="where new versions inside are kept, if not as above")
        )
        securables.create_foreign_key(op.f("fk_securables_store_id"), "stores", ["store_id"], ["id"])


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was kept before the upgrade")
