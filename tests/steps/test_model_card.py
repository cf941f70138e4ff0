"""A model card says what a system was trained on, under which licences, what they allow, and how it did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cyasr.files import write_text
from tests.steps.conftest import Recipe

EXP = Path("exp/toy/train_a")
RUN = {"system": "espnet", "commit": "abc123", "started": "2026-01-02T03:04:05Z", "parameters": 1_500_000, "seconds": 600}
CARD = """\
corpus: toy
profile: t1
card:
  title: Toy corpus
  source: nowhere
  hours: "1.0"
  layout: documented
  cite: Nobody 2020
  traps: [all voices are one]
"""


def row(name: str, text: str = "ένα δύο τρία", **rest: Any) -> dict[str, Any]:
    return {"id": name, "text": text, "speaker": "s1", "corpus": "toy", "licence": "CC-BY-4.0", "label": "gold"} | rest


@pytest.fixture
def trained(recipe: Recipe) -> Recipe:
    """A finished and scored system whose train cuts are of two licences, decoded with a language model of a third."""
    recipe.data("toy", "train", [row("t1"), row("t2"), row("t3", corpus="radio", licence="CC-BY-NC-4.0", label="silver")])
    recipe.data("toy", "dev", [row("d1")])
    recipe.data("toy", "test", [row("u1", licence="CC-BY-ND-4.0")])
    write_text(Path("data/toy/conf.yaml"), CARD)
    recipe.json(f"{EXP}/run.json", RUN | {"status": "finished"})
    write_text(EXP / "conf.yaml", "system: espnet\nseed: 7\nspeed: [0.9, 1.1]\n")
    recipe.nbest("toy/train_a/decode_joint/test", {"u1": ["ένα δύο δύο"]})
    write_text(EXP / "decode_joint/conf.yaml", "search: joint\nlm: lm_ngram\n")
    recipe.json("exp/toy/lm_ngram/run.json", {"licences": ["CC-BY-NC-SA-4.0"]})
    recipe.run("score", "--exp", "exp/toy")
    return recipe


def card(recipe: Recipe, exp: str = "exp/toy") -> str:
    recipe.run("model_card", "--exp", exp)
    return (EXP / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_it_lists_the_cuts_by_corpus_licence_and_label_in_hours(trained: Recipe) -> None:
    trained.data("toy", "train", [row(f"t{number}") for number in range(1800)] + [row("r", corpus="radio", label="silver")] * 900)
    text = card(trained)
    assert "| toy | CC-BY-4.0 | gold: written down by people | 1.00 | 0.00 | – |" in text
    assert "| toy | CC-BY-ND-4.0 | gold: written down by people | – | – | 0.00 |" in text
    assert "| radio | CC-BY-4.0 | silver: written down by a machine | 0.50 | – | – |" in text
    assert "Part of its training text was written by a machine" in text


def test_the_weights_are_under_what_they_were_trained_on_and_not_what_they_were_tested_on(trained: Recipe) -> None:
    text = card(trained)
    (line,) = [line for line in text.splitlines() if line.startswith("| the weights |")]
    assert "| CC-BY-4.0, CC-BY-NC-4.0 | attribution, non-commercial | **with conditions**: name the sources" in line
    assert "ND" not in line


def test_language_models_its_scores_used_stand_with_their_own_terms_and_count_for_the_strictest(trained: Recipe) -> None:
    text = card(trained)
    assert "| lm_ngram | CC-BY-NC-SA-4.0 | attribution, share-alike, non-commercial | **with conditions**" in text
    assert "- share-alike: CC-BY-NC-SA-4.0" in text and "- non-commercial: CC-BY-NC-4.0, CC-BY-NC-SA-4.0" in text


def test_recorded_noise_brings_its_licence_into_the_weights(trained: Recipe) -> None:
    write_text(EXP / "conf.yaml", "system: espnet\nnoise_from:\n- {path: noise, snr: [5, 20], licence: ''}\n")
    assert "**unclear**: a source states no licence" in card(trained)


def test_scores_stand_with_their_intervals_and_the_tainted_language_model(trained: Recipe) -> None:
    (line,) = [line for line in card(trained).splitlines() if line.startswith("| toy | test |")]
    assert "| decode_joint | lm_ngram (non-commercial) | 33.33 [" in line and "†" in line


def test_it_shows_the_corpus_card_with_its_traps_and_the_training(trained: Recipe) -> None:
    text = card(trained)
    assert "- **Toy corpus**: nowhere; as published 1.0 h. Read as its documentation says; its files were not seen." in text
    assert "Cite: Nobody 2020" in text and "- Toy corpus: all voices are one" in text
    assert "- seed 7" in text and "speed [0.9, 1.1]" in text and "1.50 M parameters" in text and "commit abc123" in text


def test_a_mixture_shows_the_cards_of_its_parts(trained: Recipe) -> None:
    write_text(Path("data/toy/conf.yaml"), "corpus: ''\nmixture: {one: 1.0, two: 0.5}\n")
    write_text(Path("data/one/conf.yaml"), CARD)
    write_text(Path("data/two/conf.yaml"), CARD.replace("Toy corpus", "Second corpus"))
    text = card(trained)
    assert "**Toy corpus**" in text and "**Second corpus**" in text


def test_without_its_data_nothing_is_claimed(trained: Recipe) -> None:
    for path in Path("data/toy").iterdir():
        path.unlink()
    text = card(trained)
    assert (
        "trained on data that is not here" in text
        and "data/toy is not here" in text
        and "| the weights | unstated | unknown | **unclear**" in text
    )


def test_a_card_outlives_its_data(trained: Recipe) -> None:
    before = card(trained)
    for path in Path("data/toy").iterdir():
        path.unlink()
    assert card(trained) == before


def test_data_that_changed_since_the_training_is_said(trained: Recipe) -> None:
    trained.json(f"{EXP}/run.json", RUN | {"inputs": {"data/toy/train.jsonl.gz": "0" * 64}})
    assert "data/toy/train.jsonl.gz changed since the training" in card(trained)


def test_an_unchanged_card_is_left_alone_and_a_changed_score_or_licence_writes_it_anew(
    trained: Recipe, capsys: pytest.CaptureFixture[str]
) -> None:
    card(trained)
    before = (EXP / "MODEL_CARD.md").stat().st_mtime_ns
    card(trained)
    assert (EXP / "MODEL_CARD.md").stat().st_mtime_ns == before and "none written anew" in capsys.readouterr().out
    trained.json("exp/toy/lm_ngram/run.json", {"licences": ["CC0-1.0"]})
    assert "| lm_ngram | CC0-1.0 | none | **allowed**" in card(trained)


def test_folds_have_a_card_each_with_their_own_scores(trained: Recipe) -> None:
    for fold in ("a", "b"):
        trained.data(f"folds/{fold}", "train", [row("t1")])
        trained.data(f"folds/{fold}", "test", [row("u1")])
        trained.json(f"exp/folds/{fold}/train_a/run.json", RUN | {"status": "finished"})
        trained.nbest(f"folds/{fold}/train_a/decode_joint/test", {"u1": ["ένα δύο τρία" if fold == "a" else "ένα"]})
    trained.run("score", "--exp", "exp/folds")
    trained.run("model_card", "--exp", "exp")
    texts = [Path(f"exp/folds/{fold}/train_a/MODEL_CARD.md").read_text(encoding="utf-8") for fold in ("a", "b")]
    assert [text.count("| decode_joint |") for text in texts] == [1, 1]
    assert (
        "| folds/a | test | decode_joint | – | 0.00 [" in texts[0] and "| folds/b | test | decode_joint | – | 66.67 [" in texts[1]
    )


def test_a_folder_that_is_none_of_exp_is_refused(recipe: Recipe) -> None:
    status, message = recipe.fails("model_card", "--exp", "exp/none")
    assert status == 2 and "exp/none" in message


def test_what_a_system_started_from_is_named_and_its_licences_count_for_the_weights(trained: Recipe) -> None:
    trained.data("older", "train", [row("o1", corpus="radio", licence="CC-BY-NC-SA-4.0")])
    write_text(Path("exp/older/train_b/conf.yaml"), "system: espnet\n")
    write_text(EXP / "conf.yaml", "system: espnet\ninit_from: exp/older/train_b\n")
    text = card(trained)
    assert "It started from older/train_b, trained on radio." in text
    (line,) = [line for line in text.splitlines() if line.startswith("| the weights |")]
    assert "CC-BY-NC-SA-4.0" in line and "share-alike" in line
