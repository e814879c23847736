"""What becomes of the words of a job when models in it get other names."""

from __future__ import annotations

import pytest

from modelyard.domain.jobs.cloning import renamed

NAMES = {"fraud": "prod.ml.fraud"}


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        ("fraud", "prod.ml.fraud"),
        ("models:/fraud/Production", "models:/prod.ml.fraud/Production"),
        ("models:/fraud@champion", "models:/prod.ml.fraud@champion"),
        ("--model=fraud --out x", "--model=prod.ml.fraud --out x"),
        ("name = 'fraud'", "name = 'prod.ml.fraud'"),
        ("the model fraud.", "the model prod.ml.fraud."),
    ],
)
def test_the_name_of_a_model_is_changed(said: str, becomes: str) -> None:
    assert renamed({"a": [said]}, NAMES) == {"a": [becomes]}


@pytest.mark.parametrize(
    "said",
    [
        "fraudulent", "anti-fraud", "fraud-uc", "fraud.csv", "dev.ml.fraud", "upgrade/fraud", "/Shared/fraud/score",
        "fraud/train.py", "models:/fraudulent/1",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_stays(said: str) -> None:
    assert renamed({"a": said}, NAMES) == {"a": said}
