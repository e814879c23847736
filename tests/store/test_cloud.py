"""A store in an object store, on a real one."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace

import pytest

from modelyard.domain.files import Condition, Stored
from modelyard.errors import Invalid, NotFound, TooLarge, Unavailable, WrongState
from modelyard.store.cloud import Cloud
from tests.object_stores import ObjectStore, Place

UPLOAD = "0123456789abcdef" * 2
LIMIT = 1 << 30
MIB = 1 << 20


@pytest.fixture
def place(object_store: ObjectStore) -> Place:
    return object_store.place()


@pytest.fixture
def cloud(place: Place) -> Cloud:
    return opened(place)


def opened(place: Place) -> Cloud:
    cloud = Cloud(place.url, place.options).open_store()
    cloud.store_id = "the-store"
    return cloud


def put(cloud: Cloud, content: bytes, *, size: int | None = None) -> Stored:
    incoming = cloud.receive(limit=LIMIT, size=size)
    for start in range(0, len(content), MIB):
        incoming.write([content[start : start + MIB]])
    return incoming.commit()


def whole(cloud: Cloud, stored: Stored) -> bytes:
    reader = cloud.open(stored)
    return b"".join(reader.read(offset, MIB) for offset in range(0, stored.size, MIB))


def send(cloud: Cloud, number: int, content: bytes, upload: str = UPLOAD) -> tuple[int, str]:
    part = cloud.receive_part(upload, number, len(content))
    part.write([content])
    return number, part.commit().etag


@pytest.mark.parametrize("size", [0, 1, MIB + 1, 20 * MIB + 3])
@pytest.mark.parametrize("is_said", [True, False])
def test_what_was_sent_comes_back(cloud: Cloud, place: Place, size: int, *, is_said: bool) -> None:
    content = bytes(index * 7 % 251 for index in range(min(size, 100_000))) * (size // 100_000 or 1)
    stored = put(cloud, content, size=len(content) if is_said else None)
    assert (stored.store_id, stored.size) == ("the-store", len(content))
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert whole(cloud, stored) == content
    assert place.objects == {"store.json", stored.key}


def test_any_range_can_be_read_in_any_order(cloud: Cloud) -> None:
    content = b"".join(b"%07d " % number for number in range(500_000))
    reader = cloud.open(put(cloud, content))
    for offset, length in ((0, 10), (10, 10), (3_000_000, 2 * MIB), (5, 1), (len(content) - 3, 100), (len(content), 5)):
        assert reader.read(offset, length) == content[offset : offset + length]
    reader.close()


def test_equal_bytes_have_names_of_their_own(cloud: Cloud) -> None:
    one, two = put(cloud, b"same"), put(cloud, b"same")
    assert one.sha256 == two.sha256
    assert one.key != two.key


@pytest.mark.parametrize("size", [100, 30 * MIB])
def test_an_upload_that_is_given_up_leaves_nothing(cloud: Cloud, place: Place, size: int) -> None:
    incoming = cloud.receive(limit=LIMIT, size=None)
    incoming.write([bytes(size)])
    incoming.abort()
    incoming.abort()
    assert place.objects == {"store.json"}
    with pytest.raises(Unavailable):
        incoming.write([b"more"])


def test_too_much_and_too_little_are_refused_and_leave_nothing(cloud: Cloud, place: Place) -> None:
    with pytest.raises(TooLarge):
        cloud.receive(limit=3, size=4)
    large = cloud.receive(limit=3, size=None)
    with pytest.raises(TooLarge):
        large.write([b"four"])
    more = cloud.receive(limit=LIMIT, size=20 * MIB)
    more.write([bytes(20 * MIB)])
    with pytest.raises(Invalid, match="More than the announced"):
        more.write([b"x"])
    less = cloud.receive(limit=LIMIT, size=20 * MIB)
    less.write([bytes(10 * MIB)])
    with pytest.raises(Invalid, match="Only 10485760 of 20971520 bytes arrived"):
        less.commit()
    assert place.objects == {"store.json"}


def test_after_a_commit_an_abort_does_nothing(cloud: Cloud) -> None:
    incoming = cloud.receive(limit=LIMIT, size=None)
    incoming.write([b"kept"])
    stored = incoming.commit()
    incoming.abort()
    assert whole(cloud, stored) == b"kept"


def test_missing_bytes_and_bytes_of_another_size_are_not_found(cloud: Cloud, place: Place) -> None:
    stored = put(cloud, b"here")
    with pytest.raises(NotFound, match="fsck"):
        cloud.open(replace(stored, size=5))
    place.delete(stored.key)
    with pytest.raises(NotFound, match="fsck"):
        cloud.open(stored)


def test_a_place_is_entered_again_and_keeps_its_id(place: Place) -> None:
    first = opened(place)
    stored = put(first, b"kept")
    second = opened(place)
    assert second.marker == first.marker
    assert len(first.marker) == 32
    assert whole(second, stored) == b"kept"


def test_a_place_with_other_things_is_refused(place: Place) -> None:
    place.put("somebody", b"else's")
    with pytest.raises(Invalid, match="holds other things"):
        opened(place)


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2, "id": "x"}', '{"version": 1}'])
def test_a_marker_of_something_else_is_refused(place: Place, text: str) -> None:
    place.put("store.json", text.encode())
    with pytest.raises(Invalid, match=r"store\.json"):
        opened(place)


def test_a_place_that_cannot_be_reached_is_told_without_its_secret(place: Place) -> None:
    wrong = replace(place, options={**place.options, "secret_access_key": "wrong-secret-0123456789"})
    with pytest.raises(Invalid, match="cannot be used") as refused:
        opened(wrong)
    assert "wrong-secret" not in str(refused.value)
    with pytest.raises(Invalid, match="cannot be used"):
        Cloud(place.url, {**place.options, "no_such_option": "x"})


# Parts


def test_parts_make_one_file_in_any_order_and_the_same_when_asked_again(cloud: Cloud, place: Place) -> None:
    second = send(cloud, 2, b"2" * 10)
    first = send(cloud, 1, b"1" * 6 * MIB)
    stored = cloud.join(UPLOAD, [first, second], limit=LIMIT)
    assert whole(cloud, stored) == b"1" * 6 * MIB + b"2" * 10
    assert cloud.join(UPLOAD, [first, second], limit=LIMIT) == stored
    with pytest.raises(WrongState):
        cloud.join(UPLOAD, [first], limit=LIMIT)
    cloud.drop(UPLOAD)
    assert place.objects == {"store.json", stored.key}


def test_another_process_joins_what_one_took_in(cloud: Cloud, place: Place) -> None:
    parts = [send(cloud, number, b"%d" % number) for number in (1, 2, 3)]
    assert whole(cloud, opened(place).join(UPLOAD, parts, limit=LIMIT)) == b"123"


def test_a_part_that_is_sent_again_counts_by_its_etag(cloud: Cloud) -> None:
    first, again = send(cloud, 1, b"first"), send(cloud, 1, b"again")
    assert first != again
    assert whole(cloud, cloud.join(UPLOAD, [again], limit=LIMIT)) == b"again"


def test_wrong_lists_of_parts_are_refused(cloud: Cloud, place: Place) -> None:
    one, two = send(cloud, 1, b"1"), send(cloud, 2, b"2")
    for parts in ([], [two, one], [one, one]):
        with pytest.raises(Invalid, match="ascending"):
            cloud.join(UPLOAD, parts, limit=LIMIT)
    for etag in ("0" * 32, "../../store", ""):
        with pytest.raises(Invalid, match="Part 1 is missing"):
            cloud.join(UPLOAD, [(1, etag)], limit=LIMIT)
    with pytest.raises(TooLarge):
        cloud.join(UPLOAD, [one, two], limit=1)
    assert len(place.objects) == 3


@pytest.mark.parametrize("upload", ["", "..", "a" * 31, "A" * 32, f"{'a' * 32}/x"])
def test_uploads_have_names_that_the_server_made(cloud: Cloud, upload: str) -> None:
    for use in (cloud.begin, cloud.drop, lambda name: cloud.receive_part(name, 1, 1)):
        with pytest.raises(Invalid):
            use(upload)


def test_a_part_that_is_given_up_leaves_nothing(cloud: Cloud, place: Place) -> None:
    part = cloud.receive_part(UPLOAD, 1, None)
    part.write([bytes(20 * MIB)])
    part.abort()
    assert place.objects == {"store.json"}


def test_only_old_uploads_are_swept(cloud: Cloud, place: Place) -> None:
    send(cloud, 1, b"1")
    assert cloud.sweep(60) == 0
    time.sleep(1.1)
    stored = put(cloud, b"kept")
    assert cloud.sweep(1) == 1
    assert place.objects == {"store.json", stored.key}


# For the collector and the check


def test_objects_are_listed_checked_and_removed(cloud: Cloud, place: Place) -> None:
    stored = put(cloud, b"whole")
    (held,) = cloud.held()
    assert (held.key, held.size) == (stored.key, 5)
    assert abs(held.written_at - time.time()) < 60
    assert cloud.check(stored, verify=True) is Condition.WHOLE
    assert cloud.check(replace(stored, size=4), verify=False) is Condition.DAMAGED
    place.put(stored.key, b"rotte")
    assert cloud.check(stored, verify=False) is Condition.WHOLE
    assert cloud.check(stored, verify=True) is Condition.DAMAGED
    assert not cloud.remove(stored.key, older_than_seconds=60)
    assert cloud.remove(stored.key, older_than_seconds=0)
    assert cloud.remove(stored.key, older_than_seconds=60)
    assert cloud.check(stored, verify=False) is Condition.MISSING
    assert list(cloud.held()) == []


def test_a_signed_url_gives_the_bytes_to_whoever_has_it(cloud: Cloud) -> None:
    import httpx  # noqa: PLC0415  the only test that needs it

    stored = put(cloud, b"for you")
    url = cloud.sign_get(stored, 60)
    assert url is not None
    assert httpx.get(url, trust_env=False).content == b"for you"
    assert httpx.get(url[:-1] + "0", trust_env=False).status_code == 403 or url.endswith("0")
