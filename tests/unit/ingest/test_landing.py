"""Landing: containment, bounded unpacking, byte-for-byte copies."""

import gzip
import hashlib
import io
from decimal import Decimal

import pytest

from ingest.duckdb_session import connect
from ingest.errors import DeliveryError
from ingest.landing import convert_json, count_and_money, land_parquet, resolve_inside, unpack
from tests.unit.ingest.aws_exports import parquet


@pytest.mark.parametrize("name", ["../secret", "a/../../secret", "/etc/passwd", "a\\..\\b", "a\0b", "link/x"])
def test_names_that_lead_outside_are_refused(tmp_path, name):
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(DeliveryError, match="outside"):
        resolve_inside(root, name)


def test_names_inside_are_resolved(tmp_path):
    (tmp_path / "a").mkdir()
    assert resolve_inside(tmp_path, "a/b") == tmp_path.resolve() / "a" / "b"


def test_unpack_drops_the_byte_order_mark_and_hashes_the_delivered_bytes(tmp_path):
    packed = gzip.compress(b"\xef\xbb\xbfa,b\n1,2\n")
    source = unpack(io.BytesIO(packed), tmp_path / "out", name="x.csv.gz")
    assert (tmp_path / "out").read_bytes() == b"a,b\n1,2\n"
    assert (source.size, source.sha256) == (len(packed), hashlib.sha256(packed).hexdigest())


def test_unpack_takes_plain_text_and_several_gzip_members(tmp_path):
    unpack(io.BytesIO(b"a\n1\n"), tmp_path / "plain", name="x")
    unpack(
        io.BytesIO(gzip.compress(b"a\n") + gzip.compress(b"1\n") + b"\0\0"), tmp_path / "members", name="x"
    )
    assert (tmp_path / "plain").read_bytes() == (tmp_path / "members").read_bytes() == b"a\n1\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (gzip.compress(b""), "empty"),
        (gzip.compress(b"a,b\n" * 100)[:-12], "truncated"),
        (gzip.compress(bytes(range(256)) * 50)[:40] + b"\xff" * 60, "damaged"),
    ],
)
def test_unpack_names_what_is_wrong_with_a_gzip_file(tmp_path, content, words):
    with pytest.raises(DeliveryError, match=f"{words}(.|\n)*x.csv.gz"):
        unpack(io.BytesIO(content), tmp_path / "out", name="x.csv.gz")


def test_decompression_is_bounded_by_ratio_and_by_size(tmp_path):
    bomb = gzip.compress(b"\0" * (80 * 1024**2))
    with pytest.raises(DeliveryError, match="more than is allowed"):
        unpack(io.BytesIO(bomb), tmp_path / "out", name="bomb.gz")
    assert (tmp_path / "out").stat().st_size <= 64 * 1024**2
    with pytest.raises(DeliveryError, match="more than is allowed"):
        unpack(io.BytesIO(gzip.compress(b"a" * 2000)), tmp_path / "out", name="x.gz", max_bytes=1000)


def test_parquet_is_landed_byte_for_byte(tmp_path):
    content = parquet("SELECT 1 AS a", tmp_path)
    source = land_parquet(io.BytesIO(content), tmp_path / "part-00000.parquet", name="s3://b/x.parquet")
    assert (tmp_path / "part-00000.parquet").read_bytes() == content
    assert source.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (lambda content: b"", "the file is empty"),
        (lambda content: content[: len(content) // 2], "truncated"),
        (lambda content: b"not parquet at all", "not Parquet"),
        (lambda content: content[:4] + b"\xff" * (len(content) - 8) + content[-4:], "footer cannot be read"),
    ],
)
def test_broken_parquet_is_refused(tmp_path, cut, words):
    content = cut(parquet("SELECT range AS a FROM range(1000)", tmp_path))
    with pytest.raises(DeliveryError, match=words):
        land_parquet(io.BytesIO(content), tmp_path / "part-00000.parquet", name="x.parquet")


def test_count_and_money_sums_exactly_per_currency(tmp_path):
    path = tmp_path / "a[1].parquet"
    content = parquet(
        "SELECT * FROM (VALUES ('USD', 0.1::DECIMAL(38,18)), ('USD', 0.2), ('EUR', -1)) t(c, x)", tmp_path
    )
    path.write_bytes(content)
    with connect() as connection:
        rows, money = count_and_money(connection, [path], {"billed_cost": "x"}, "c")
    assert rows == 3
    assert money == {"EUR": {"billed_cost": Decimal(-1)}, "USD": {"billed_cost": Decimal("0.3")}}


def test_json_is_converted_from_its_text(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"amount": "0.123456789012345678", "other": 1}\n')
    target = tmp_path / "part-00000.parquet"
    with connect() as connection:
        rows = convert_json(
            connection,
            [tmp_path / "a.jsonl"],
            target,
            columns={"amount": "VARCHAR"},
            select="SELECT CAST(amount AS DECIMAL(38,18)) AS amount FROM delivered",
        )
        found = connection.execute("SELECT amount FROM read_parquet(?)", [str(target)]).fetchall()
    assert (rows, found) == (1, [(Decimal("0.123456789012345678"),)])
