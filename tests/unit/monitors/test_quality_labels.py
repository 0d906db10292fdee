import pytest

from open_model_monitor.errors import DataError
from open_model_monitor.monitors.quality_labels import (
    Confusion,
    reduce_binary,
    reduce_multiclass,
    sorted_labels,
)
from open_model_monitor.profiling.samples import SAMPLES


@pytest.mark.parametrize(
    ("labels", "predicted", "expected"),
    [
        ({"0", "1"}, {"1"}, {"0": "0", "1": "1"}),
        ({"Yes", "no"}, {"1", "0"}, {"Yes": "1", "no": "0", "1": "1", "0": "0"}),
        ({"t", "f"}, {"TRUE"}, {"t": "1", "f": "0", "TRUE": "1"}),
        ({"-1", "1"}, {"1"}, {"-1": "0", "1": "1"}),
    ],
)
def test_two_labels_become_bits(labels, predicted, expected):
    assert reduce_binary(labels, predicted, None, by_threshold=False).labels == expected


def test_other_words_need_to_be_told_apart():
    told = reduce_binary({"churn", "stay"}, {"stay"}, "churn", by_threshold=False)
    assert told.labels == {"churn": "1", "stay": "0"}
    assert told.warnings == ()
    guessed = reduce_binary({"churn", "stay"}, {"stay"}, None, by_threshold=False)
    assert guessed.labels == {"churn": "0", "stay": "1"}
    assert "'stay' is taken as the positive one" in guessed.warnings[0]


def test_a_positive_label_that_never_occurred():
    assert reduce_binary({"stay"}, {"stay"}, "churn", by_threshold=False).labels == {
        "churn": "1",
        "stay": "0",
    }


def test_predictions_by_threshold_are_bits_whatever_labels_are_called():
    reduced = reduce_binary({"1", "2"}, {"0", "1"}, "2", by_threshold=True)
    assert reduced.labels == {"1": "0", "2": "1"}
    assert reduced.predictions == {"0": "0", "1": "1"}


def test_a_third_label_is_refused():
    with pytest.raises(
        DataError, match="two labels, here are '0', '1', 'maybe'; use problem_type Multiclass"
    ):
        reduce_binary({"0", "1"}, {"maybe"}, None, by_threshold=False)


def test_words_of_many_classes_stay_unless_one_side_has_bits():
    assert reduce_multiclass({"yes", "no"}, {"yes"}).labels == {"yes": "yes", "no": "no"}
    assert reduce_multiclass({"yes", "no"}, {"1"}).labels == {"yes": "1", "no": "0", "1": "1"}
    assert reduce_multiclass({"yes", "1", "2"}, {"2"}).labels == {"yes": "yes", "1": "1", "2": "2"}


def test_labels_are_ordered_by_number_or_by_code_point():
    assert sorted_labels(["10", "2", "-1"]) == ["-1", "2", "10"]
    assert sorted_labels(["b", "10", "2"]) == ["10", "2", "b"]


def test_a_matrix_has_every_cell():
    reduced = reduce_binary({"0", "1"}, {"1"}, None, by_threshold=False)
    confusion = Confusion.of({("0", "1"): [3] * SAMPLES, ("1", "1"): [2] * SAMPLES}, reduced)
    assert confusion.to_dict() == {"0": {"0": 0, "1": 3}, "1": {"0": 0, "1": 2}}
    alone = Confusion.of({("1", "1"): [2] * SAMPLES}, reduced)
    assert alone.to_dict() == {"1": {"1": 2}}
    assert alone.binary()[0].tolist() == [[0, 0], [0, 2]]
