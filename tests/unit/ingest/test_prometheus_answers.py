"""Series are found in streamed answers wherever blocks end, whatever labels say, in any JSON layout."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import DeliveryError
from ingest.sources import prometheus_answers
from ingest.sources.prometheus_answers import NotTelemetry, read_series
from tests.unit.ingest.telemetry_deliveries import answer, export_line, series

NASTY = ']]}]}},{"metric":{"a":"b"},"values":[[1,"2"]]}'
LABELS = st.dictionaries(
    st.sampled_from(["__name__", "pod", "metric", "values", "job"]),
    st.one_of(st.text(max_size=20), st.just(NASTY), st.sampled_from(["\\", '"', "\n", "😀", "]}"])),
    max_size=4,
)
SAMPLES = st.lists(st.tuples(st.integers(0, 2_000_000_000), st.sampled_from(["1", "NaN", "+Inf", "0.25"])), max_size=5)
SERIES = st.builds(lambda labels, samples: {"metric": labels, "values": [list(pair) for pair in samples]}, LABELS, SAMPLES)


def read(text: str, *, block: int = prometheus_answers.BLOCK_BYTES) -> list[dict]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prometheus_answers, "BLOCK_BYTES", block)
        found = list(read_series(io.BytesIO(text.encode()), name="x.json"))
    assert all(b"\n" not in item.text for item in found)
    return [json.loads(item.text) for item in found]


@settings(deadline=None)
@given(
    answers=st.lists(st.lists(SERIES, max_size=4), min_size=1, max_size=3),
    block=st.integers(1, 3000),
    layout=st.sampled_from(["compact", "spaced", "indented", "array", "ascii"]),
)
def test_series_are_the_same_as_a_json_parser_finds(answers, block, layout):
    documents = [answer(*found, warnings=["partial"]) for found in answers]
    expected = [item for found in answers for item in found]
    match layout:
        case "compact":
            text = "\n".join(json.dumps(item, separators=(",", ":"), ensure_ascii=False) for item in documents)
        case "spaced" | "ascii":
            text = " ".join(json.dumps(item, ensure_ascii=layout == "ascii") for item in documents)
        case "indented":
            text = "\r\n".join(json.dumps(item, indent=4) for item in documents)
        case _:
            text = json.dumps(documents)
    assert read(text, block=block) == expected


@settings(deadline=None)
@given(lines=st.lists(SAMPLES, min_size=1, max_size=4), block=st.integers(1, 500))
def test_export_lines_are_read_without_an_envelope(lines, block):
    text = "".join(export_line([v for _, v in pairs], [at for at, _ in pairs], pod=NASTY) for pairs in lines)
    assert read(text, block=block) == [json.loads(line) for line in text.splitlines()]


def test_first_and_last_times_come_from_every_form():
    vector = {"metric": {"__name__": "a"}, "value": [5.5, "1"]}
    histogram = {
        "metric": {"__name__": "h"},
        "histograms": [[5, {"count": "1", "buckets": [[0, "1", "2", "3"]]}]],
    }
    text = json.dumps(answer(series([(1, "0"), (2, "0"), (9.25, "0")]), vector, histogram, series([])))
    found = list(read_series(io.BytesIO(text.encode()), name="x"))
    assert [(item.form, item.first, item.last) for item in found] == [
        ("pairs", 1, 9.25),
        ("pairs", 5.5, 5.5),
        ("none", None, None),
        ("none", None, None),
    ]
    line = export_line([1, None, "Infinity"], [1.5, 2, 3])
    (exported,) = read_series(io.BytesIO(line.encode()), name="x")
    assert (exported.form, exported.first, exported.last) == ("export", 1.5, 3)


@pytest.mark.parametrize("cut", [20, 60, 150, 230, -1, -2, -3, -4])
def test_a_truncated_answer_is_refused(cut):
    text = json.dumps(answer(series([(1, "0"), (2, "0")]), series([(3, "0")], gpu="1")))
    with pytest.raises(DeliveryError, match="truncated or damaged"):
        read(text[:cut])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"status":"error","errorType":"timeout","error":"query timed out"}', "timeout: query timed out"),
        ('{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}', "resultType scalar"),
    ],
)
def test_an_answer_without_series_says_why(text, found):
    with pytest.raises(DeliveryError, match=found):
        read(text)


@pytest.mark.parametrize("text", ["", "  \n", "[]", '{"a": 1}', "5", '[{"object": "bucket"}]'])
def test_other_json_is_told_apart(text):
    with pytest.raises(NotTelemetry):
        read(text)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"metric":{"a":' + "[" * 200_000])
def test_json_that_is_nested_without_end_is_refused(text):
    with pytest.raises(DeliveryError):
        read(text)


def test_text_that_never_becomes_an_answer_is_not_read_to_the_end(monkeypatch):
    monkeypatch.setattr(prometheus_answers, "MAX_HEADER_BYTES", 1000)
    with pytest.raises(NotTelemetry, match="no series in the first"):
        read("[" + "1," * 100_000, block=500)
