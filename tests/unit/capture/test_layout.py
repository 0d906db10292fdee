"""Which objects a run reads: hour folders, variants, manifests, flat folders, and how parts are cut."""

import json
import shutil
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from open_model_monitor.capture.layout import _part_bytes, plan, variant_of
from open_model_monitor.capture.record import Format, Part, Window
from open_model_monitor.errors import NoData, StorageError
from open_model_monitor.storage import Storage, is_remote

CAPTURE, CSV, LINES = Format("capture"), Format("csv"), Format("jsonlines")
SEVEN = datetime(2024, 1, 19, 7, tzinfo=UTC)


def window(start, end):
    return Window(SEVEN + timedelta(hours=start), SEVEN + timedelta(hours=end))


class Watched(Storage):
    """Remembers what was listed."""

    def __init__(self):
        super().__init__()
        self.listed = []

    def list(self, prefix):
        self.listed.append(prefix)
        return super().list(prefix)


@pytest.fixture
def storage():
    return Watched()


@pytest.fixture(params=["local", "memory"])
def root(request, tmp_path):
    return str(tmp_path / "root") if request.param == "local" else f"memory://{uuid.uuid4().hex}/root"


def fill(storage, root, *names, data=b"{}\n"):
    for name in names:
        storage.write(f"{root}/{name}", data)


def chosen(plan, root):
    return [address.removeprefix(f"{root}/") for part in plan.parts for address in part.objects]


ENDPOINT = (
    "e/AllTraffic/2023/12/31/23/a.jsonl",
    "e/AllTraffic/2024/01/19/06/a.jsonl",
    "e/AllTraffic/2024/01/19/07/b.jsonl",
    "e/AllTraffic/2024/01/19/07/a.jsonl.gz",
    "e/AllTraffic/2024/01/19/08/a.jsonl",
    "e/AllTraffic/2024/01/20/07/a.jsonl",
)


@pytest.mark.parametrize("source", ["e/AllTraffic", "e/AllTraffic/", "e", "", "e//AllTraffic"])
def test_the_hour_folders_of_the_window_are_read_at_any_level(storage, root, source):
    fill(storage, root, *ENDPOINT)
    found = plan(storage, f"{root}/{source}", CAPTURE, window(0, 1))
    assert chosen(found, root) == [
        "e/AllTraffic/2024/01/19/07/a.jsonl.gz",
        "e/AllTraffic/2024/01/19/07/b.jsonl",
    ]
    assert (found.objects, found.bytes, found.warnings) == (2, 6, ())


def test_nothing_but_the_hours_needed_is_listed(storage, root):
    fill(storage, root, *ENDPOINT)
    plan(storage, f"{root}/e", CAPTURE, window(-1, 3))
    folder = f"{root}/e/AllTraffic/2024/01/19"
    assert storage.listed == [f"{folder}/06", f"{folder}/07", f"{folder}/08"]


def test_a_window_may_cross_years(storage, root):
    fill(storage, root, *ENDPOINT)
    found = plan(storage, f"{root}/e", CAPTURE, Window(datetime(2023, 12, 31, 23, tzinfo=UTC), SEVEN))
    assert chosen(found, root) == [ENDPOINT[0], ENDPOINT[1]]


def test_without_a_window_everything_is_read_in_path_order(storage, root):
    fill(storage, root, *ENDPOINT)
    assert chosen(plan(storage, f"{root}/e", CAPTURE, None), root) == sorted(ENDPOINT)


@pytest.mark.parametrize(
    "source", ["e/AllTraffic/2024/01/19/07", "e/AllTraffic/2024/01/19", "e/AllTraffic/2024"]
)
def test_a_source_may_itself_end_in_a_date(storage, root, source):
    fill(storage, root, *ENDPOINT)
    found = plan(storage, f"{root}/{source}", CAPTURE, window(0, 1))
    assert chosen(found, root) == [
        "e/AllTraffic/2024/01/19/07/a.jsonl.gz",
        "e/AllTraffic/2024/01/19/07/b.jsonl",
    ]


def test_a_source_that_ends_in_another_hour_has_no_data(storage, root):
    fill(storage, root, *ENDPOINT)
    with pytest.raises(NoData, match="2024/01/19/06"):
        plan(storage, f"{root}/e/AllTraffic/2024/01/19/06", CAPTURE, window(0, 1))


def test_whole_hours_need_no_look_at_the_times(storage, root):
    fill(storage, root, *ENDPOINT)
    [part] = plan(storage, f"{root}/e", CAPTURE, window(-1, 1)).parts
    assert part.check_times == (False, False, False)
    assert part.keep_undated == (True, True, True)


def test_a_window_not_on_whole_hours_checks_each_record(storage, root):
    fill(storage, root, *ENDPOINT)
    [part] = plan(storage, f"{root}/e", CAPTURE, window(-0.5, 1.5)).parts
    assert [address[-13:] for address in part.objects] == [
        "19/06/a.jsonl",
        "07/a.jsonl.gz",
        "19/07/b.jsonl",
        "19/08/a.jsonl",
    ]
    assert part.check_times == (True,) * 4
    assert part.keep_undated == (False, True, True, False)  # only seven o'clock lies inside as a whole


def test_windows_in_other_zones_are_read_as_utc(storage, root):
    fill(storage, root, *ENDPOINT)
    berlin = timezone(timedelta(hours=1))
    there = Window(SEVEN.astimezone(berlin), (SEVEN + timedelta(hours=1)).astimezone(berlin))
    assert len(chosen(plan(storage, f"{root}/e", CAPTURE, there), root)) == 2


def test_flat_folders_are_filtered_record_by_record(storage, root):
    fill(storage, root, "b.jsonl", "a.json", "sub/c.jsonl")
    found = plan(storage, root, CAPTURE, window(0, 1))
    assert chosen(found, root) == ["a.json", "b.jsonl", "sub/c.jsonl"]
    assert found.parts[0].check_times == (True,) * 3
    assert found.parts[0].keep_undated == (True,) * 3


def test_one_object_is_a_source(storage, root):
    fill(storage, root, "_odd name", "b.jsonl")
    assert chosen(plan(storage, f"{root}/_odd name", CAPTURE, None), root) == ["_odd name"]


def test_every_variant_is_read_unless_some_are_named(storage, root):
    fill(storage, root, "e/A/2024/01/19/07/x.jsonl", "e/B/2024/01/19/07/x.jsonl")
    for hours in (window(0, 1), None):
        assert len(chosen(plan(storage, f"{root}/e", CAPTURE, hours), root)) == 2
        only = plan(storage, f"{root}/e", CAPTURE, hours, variants=("B",))
        assert chosen(only, root) == ["e/B/2024/01/19/07/x.jsonl"]
        with pytest.raises(NoData, match="variants C; there are A, B"):
            plan(storage, f"{root}/e", CAPTURE, hours, variants=("C",))


def test_a_variant_named_in_the_source_needs_no_naming(storage, root):
    fill(storage, root, "e/A/2024/01/19/07/x.jsonl")
    for hours in (window(0, 1), None):
        assert plan(storage, f"{root}/e/A", CAPTURE, hours, variants=("B",)).objects == 1


def test_the_variant_of_an_address():
    assert variant_of("s3://b/p/e/AllTraffic/2024/01/19/07/x.jsonl") == "AllTraffic"
    assert variant_of("/p/x.jsonl") is None


def test_hidden_unfinished_empty_and_foreign_objects_are_skipped(storage, root):
    fill(storage, root, "h/.a.jsonl", "h/_SUCCESS", "h/b.jsonl.tmp", "h/c.jsonl._COPYING_", "h/d.txt")
    fill(storage, root, "h/_temporary/0/e.jsonl", "h/.ipynb_checkpoints/f.jsonl", "h/good.jsonl")
    fill(storage, root, "h/empty.jsonl", data=b"")
    assert chosen(plan(storage, f"{root}/h", CAPTURE, None), root) == ["h/good.jsonl"]
    assert chosen(plan(storage, f"{root}/h", CSV, None), root) == ["h/d.txt", "h/good.jsonl"]


def test_a_hidden_folder_above_the_source_does_not_matter(storage, root):
    fill(storage, root, "_tmp/.x/a.jsonl")
    assert plan(storage, f"{root}/_tmp/.x", CAPTURE, None).objects == 1


def test_a_plain_dataset_is_read_whole_whatever_the_window(storage, root):
    fill(storage, root, "a.csv", "more/b.csv")
    found = plan(storage, root, CSV, window(0, 1))
    assert chosen(found, root) == ["a.csv", "more/b.csv"]
    assert found.parts[0].check_times == (False, False)


def test_an_empty_window_names_the_places_and_the_window(storage, root):
    fill(storage, root, *ENDPOINT)
    with pytest.raises(NoData) as caught:
        plan(storage, f"{root}/e", CAPTURE, window(3, 6))
    message = str(caught.value)
    assert message.startswith("Job inputs had no data")
    folder = f"{root}/e/AllTraffic/2024/01/19"
    assert f"{folder}/10 to {folder}/12 (3 hour folders)" in message
    assert "[2024-01-19T10:00:00+00:00, 2024-01-19T13:00:00+00:00)" in message


def test_an_empty_folder_says_what_was_skipped(storage, root):
    fill(storage, root, "x/_SUCCESS")
    with pytest.raises(NoData, match=r"^Job inputs had no data.*/x; 1 empty, hidden.*_SUCCESS"):
        plan(storage, f"{root}/x", CSV, None)
    with pytest.raises(NoData, match=r"^Job inputs had no data.*/nowhere"):
        plan(storage, f"{root}/nowhere", CAPTURE, window(0, 1))


def test_parts_are_cut_by_size_alone(storage, root):
    for name, size in {"a": 4, "b": 4, "c": 9, "d": 1, "e": 1}.items():
        storage.write(f"{root}/{name}.csv", b"x" * size)
    found = plan(storage, root, CSV, None, part_bytes=8)
    assert [[address[-5] for address in part.objects] for part in found.parts] == [
        ["a", "b"],
        ["c"],
        ["d", "e"],
    ]
    assert len(plan(storage, root, CSV, None).parts) == 1
    assert found == plan(Storage(), root, CSV, None, part_bytes=8)


@pytest.mark.parametrize(
    ("megabytes", "parts"),
    [(0, 1), (1, 1), (64, 1), (65, 2), (256, 4), (1000, 4), (1024, 4), (1025, 5), (10_000, 40)],
)
def test_the_size_of_parts_follows_from_that_of_the_input(megabytes, parts):
    size = megabytes << 20
    assert -(-size // (part := _part_bytes(size) or 1)) == parts * (size > 0)
    assert part <= 256 << 20


def test_a_remainder_makes_no_part_of_its_own():
    """Five parts for two workers would be three rounds."""
    for size in (832_000_001, 832_000_003, (256 << 20) - 1):
        assert -(-size // _part_bytes(size)) == 4


def ranges(plan):
    return [(part.start, part.end) for part in plan.parts]


def test_small_inputs_are_one_part_without_a_range(storage, root):
    fill(storage, root, "a.jsonl", "b.jsonl")
    [part] = plan(storage, root, LINES, None).parts
    assert (len(part.objects), part.is_cut) == (2, False)


def test_a_huge_object_is_cut_into_equal_ranges_between_the_others(storage, root):
    for name, size in {"a": 4, "b": 25, "c": 4, "d": 4}.items():
        storage.write(f"{root}/{name}.jsonl", b"x" * size)
    for format in (LINES, CAPTURE, Format("merged"), Format("parquet")):
        found = plan(storage, root, format, None, range_bytes=10)
        assert ranges(found) == [(0, None), (0, 8), (8, 16), (16, None), (0, None)]
        assert [[address[-7] for address in part.objects] for part in found.parts] == [
            ["a"], ["b"], ["b"], ["b"], ["c", "d"],
        ]  # fmt: skip
        assert (found.objects, found.bytes) == (4, 37)
    assert found.parts[1].check_times == (False,)
    assert ranges(plan(storage, root, LINES, None, range_bytes=None)) == [(0, None)]


def test_what_cannot_be_cut_stays_whole(storage, root):
    text = b'{"a": 1}\n' * 9
    for name in ("a.jsonl.gz", "b.json.GZ"):
        storage.write(f"{root}/{name}", text)
    assert ranges(plan(storage, root, LINES, None, range_bytes=10)) == [(0, None)]
    assert ranges(plan(storage, root, Format("json"), None, range_bytes=10)) == [(0, None)]


def test_csv_is_cut_where_it_is_local_and_holds_no_quote(storage, root):
    storage.write(f"{root}/plain.csv", b"1,2\n" * 1_000_000)
    storage.write(f"{root}/quoted.csv", b"1,2\n" * 1_000_000 + b'"')
    found = plan(storage, root, CSV, None, range_bytes=2_000_000)
    whole = [("plain.csv", 0, None), ("quoted.csv", 0, None)]
    cut = [("plain.csv", 0, 2_000_000), ("plain.csv", 2_000_000, None), ("quoted.csv", 0, None)]
    expected = whole if is_remote(root) else cut
    assert [
        (address.rpartition("/")[2], part.start, part.end) for part in found.parts for address in part.objects
    ] == expected


def test_a_part_has_no_more_objects_than_are_opened_in_good_time(storage, root, monkeypatch):
    monkeypatch.setattr("open_model_monitor.capture.layout.PART_OBJECTS", 2)
    fill(storage, root, *(f"{n}.jsonl" for n in range(5)))
    assert [len(part.objects) for part in plan(storage, root, LINES, None).parts] == [2, 2, 1]


def test_compressed_objects_weigh_what_they_hold(storage, root):
    for name in ("a.jsonl.gz", "b.jsonl.gz", "c.jsonl", "d.jsonl"):
        storage.write(f"{root}/{name}", b"x" * 10)
    found = plan(storage, root, LINES, None, part_bytes=90)
    assert [len(part.objects) for part in found.parts] == [2, 2]


def test_a_part_survives_json(storage, root):
    fill(storage, root, *ENDPOINT)
    [part] = plan(storage, f"{root}/e", CAPTURE, window(-0.5, 1.5)).parts
    assert Part.from_dict(json.loads(json.dumps(part.to_dict()))) == part


def manifest(storage, root, name, prefix, *names):
    storage.write(f"{root}/{name}", json.dumps([{"prefix": prefix}, *names]).encode())


def test_d10_a_manifest_is_replaced_by_the_objects_it_lists(storage, data, tmp_path):
    shutil.copy(data / "recorded" / "batch-capture-output-manifest.json", tmp_path / "m.json")
    text = (tmp_path / "m.json").read_text()
    prefix = json.loads(text)[0]["prefix"]
    name = uuid.uuid4().hex
    (tmp_path / "m.json").write_text(text.replace("s3://example-bucket", f"memory://{name}"))
    target = prefix.replace("s3://example-bucket", f"memory://{name}") + "test-dataset.jsonl.out"
    storage.write(target, b"{}\n")
    found = plan(storage, str(tmp_path / "m.json"), LINES, None)
    assert [part.objects for part in found.parts] == [(target,)]
    assert found.bytes == 3


def test_manifests_are_chosen_by_their_hour(storage, root):
    fill(storage, root, "in/1.csv", "in/2.csv", "in/3.csv")
    manifest(storage, root, "cap/input/2024/01/19/06/u.json", f"{root}/in/", "1.csv")
    manifest(storage, root, "cap/input/2024/01/19/07/u.jsonl", f"{root}/in", "3.csv", "2.csv")
    manifest(storage, root, "cap/input/2024/01/19/07/v.json", f"{root}/in/", "/2.csv")
    found = plan(storage, f"{root}/cap/input", CSV, window(0, 1))
    assert chosen(found, root) == ["in/2.csv", "in/3.csv"]
    assert not any(found.parts[0].check_times)


def test_a_manifest_may_have_one_element_per_line(storage, root):
    fill(storage, root, "in/1.csv", "in/2.csv")
    lines = json.dumps({"prefix": f"{root}/in/"}) + '\n"1.csv"\n\n"2.csv"\n'
    storage.write(f"{root}/m/u.jsonl", lines.encode())
    assert chosen(plan(storage, f"{root}/m", CSV, None), root) == ["in/1.csv", "in/2.csv"]


def test_a_prefix_may_end_inside_a_name_and_be_relative_to_the_manifest(storage, root):
    fill(storage, root, "m/part-1.csv")
    manifest(storage, root, "m/u.json", "part-", "1.csv")
    assert chosen(plan(storage, f"{root}/m/u.json", CSV, None), root) == ["m/part-1.csv"]


def test_missing_objects_of_a_manifest_are_warned_about(storage, root):
    fill(storage, root, "in/1.csv")
    manifest(storage, root, "m/u.json", f"{root}/in/", "1.csv", "2.csv", "3.csv")
    found = plan(storage, f"{root}/m", CSV, None)
    assert chosen(found, root) == ["in/1.csv"]
    assert found.warnings == (
        f"2 objects listed by manifests do not exist: {root}/in/2.csv, {root}/in/3.csv",
    )


def test_a_manifest_of_nothing_but_missing_objects_has_no_data(storage, root):
    manifest(storage, root, "m/u.json", f"{root}/in/", "1.csv", "2.csv")
    with pytest.raises(NoData, match=r"^Job inputs had no data.*/in/1.csv, .*/in/2.csv"):
        plan(storage, f"{root}/m", CSV, None)
    manifest(storage, root, "n/u.json", f"{root}/in/")
    with pytest.raises(NoData, match="empty objects or none"):
        plan(storage, f"{root}/n", CSV, None)


@pytest.mark.parametrize(
    "text",
    [
        b'[{"prefix": 1}, "a"]',
        b'{"prefix": "x", "b": 2}\n',
        b"[1, 2]",
        b'[{"prefix": "x"',
        b'{"a": "prefix"}',
    ],
)
def test_what_is_no_manifest_is_data(storage, root, text):
    storage.write(f"{root}/d/2024/01/19/07/a.json", text)
    found = plan(storage, f"{root}/d", Format("json"), window(0, 1))
    assert chosen(found, root) == ["d/2024/01/19/07/a.json"]


def test_a_literal_doubled_slash_that_cannot_be_asked_for_is_told(storage):
    with pytest.raises(NoData, match=r"//e \(not readable: .*path segments"):
        plan(storage, f"memory://{uuid.uuid4().hex}/p//e", CAPTURE, None)


def test_a_storage_that_fails_is_not_called_empty():
    class Broken(Storage):
        def list(self, prefix):
            raise StorageError("no network", retry=True)

    with pytest.raises(StorageError, match="no network"):
        plan(Broken(), "memory://x/y", CAPTURE, None)


def test_an_open_window_looks_only_where_there_are_folders(storage, root):
    fill(storage, root, *ENDPOINT)
    open_window = Window(datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
    assert plan(storage, root, CAPTURE, open_window).objects == plan(storage, root, CAPTURE, None).objects


@pytest.mark.parametrize("hours", [window(0, 1), None])
def test_of_a_batch_capture_only_the_input_is_read(storage, root, hours):
    fill(storage, root, "in/1.csv", "out/1.csv.out")
    manifest(storage, root, "cap/input/2024/01/19/07/u.json", f"{root}/in/", "1.csv")
    manifest(storage, root, "cap/output/2024/01/19/07/u.json", f"{root}/out/", "1.csv.out")
    found = plan(storage, f"{root}/cap", CSV, hours)
    assert chosen(found, root) == ["in/1.csv"]
    [warning] = found.warnings
    assert f"{root}/cap/output" in warning
    for source in ("cap/output", "cap/output/2024/01/19/07"):  # asked for by name
        found = plan(storage, f"{root}/{source}", CSV, hours)
        assert (chosen(found, root), found.warnings) == (["out/1.csv.out"], ())


def test_the_output_of_a_batch_capture_does_not_stand_in_for_its_input(storage, root):
    fill(storage, root, "in/1.csv", "out/1.csv.out")
    manifest(storage, root, "cap/input/2024/01/19/06/u.json", f"{root}/in/", "1.csv")
    manifest(storage, root, "cap/output/2024/01/19/07/u.json", f"{root}/out/", "1.csv.out")
    with pytest.raises(NoData, match=r"^Job inputs had no data.*cap/output"):
        plan(storage, f"{root}/cap", CSV, window(0, 1))


def test_folders_called_input_and_output_that_hold_data_are_read(storage, root):
    names = ["d/input/2024/01/19/07/a.csv", "d/output/2024/01/19/07/a.csv"]
    fill(storage, root, *names)
    found = plan(storage, f"{root}/d", CSV, window(0, 1))
    assert (chosen(found, root), found.warnings) == (names, ())
    captures = ["e/input/2024/01/19/07/a.jsonl", "e/output/2024/01/19/07/a.jsonl"]  # two odd variants
    fill(storage, root, *captures)
    assert chosen(plan(storage, f"{root}/e", CAPTURE, window(0, 1)), root) == captures


def test_an_output_alone_is_read(storage, root):
    fill(storage, root, "out/1.csv.out")
    manifest(storage, root, "cap/output/2024/01/19/07/u.json", f"{root}/out/", "1.csv.out")
    assert chosen(plan(storage, f"{root}/cap", CSV, window(0, 1)), root) == ["out/1.csv.out"]
