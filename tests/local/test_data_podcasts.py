"""Greek podcasts: WhisperX transcripts with their episodes, scores thresholded, and no way into dev or test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cyasr.cli import UsageError
from local import data_podcasts as adapter
from tests.local.adapters import kinds, prepared, settings, sound, stages


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def segment(start: float | None, end: float | None, text: str, score: float | None = 0.8, **more: Any) -> dict[str, Any]:
    words = [{"word": word, "start": start, "end": end} | ({"score": score} if score else {}) for word in text.split()]
    return {"start": start, "end": end, "text": f" {text}", "words": words} | more


def write_corpus(folder: Path) -> Path:
    """Domains with podcasts with episodes: one's transcript beside it, one's in a folder of its own."""
    sound(folder / "audio/Science/ena-podcast/ep1.wav", 12, seed=1)
    sound(folder / "audio/True Crime/allo/ep2.wav", 8, seed=2)
    first = [
        segment(5.5, 9.0, "και σήμερα μιλάμε", 0.1),
        segment(0.5, 5.0, "Γεια σας φίλοι", speaker="SPEAKER_00"),
        segment(None, None, ""),
    ]
    second = [segment(0.0, 4.0, "Καλώς ήρθατε", None), segment(4.0, 3.0, "λάθος")]
    for path, segments in (("audio/Science/ena-podcast/ep1.json", first), ("transcripts/ep2.json", second)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        content = {"segments": segments, "word_segments": [], "language": "el"}
        (folder / path).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return folder


def test_each_segment_is_an_utterance_of_its_episode_in_order() -> None:
    utterances, rejects = prepared(adapter, write_corpus(Path("corpus")), settings("gpc_el"))
    assert [(one.text, one.start, one.domain, one.speaker) for one in utterances] == [
        ("Γεια σας φίλοι", 0.5, "Science", "ep1_SPEAKER_00"),
        ("και σήμερα μιλάμε", 5.5, "Science", None),
        ("Καλώς ήρθατε", 0.0, "True Crime", None),
    ]
    assert {(one.split, one.language) for one in utterances} == {("train", "el")} and kinds(rejects) == {"no valid times": 2}


def test_segments_below_min_score_are_listed_and_those_without_scores_kept() -> None:
    utterances, rejects = prepared(adapter, write_corpus(Path("corpus")), settings("gpc_el", options={"min_score": 0.5}))
    assert kinds(rejects) == {"no valid times": 2, "low alignment score": 1} and len(utterances) == 2


def test_transcripts_and_audio_without_each_other_and_broken_ones_are_listed() -> None:
    corpus = write_corpus(Path("corpus"))
    sound(corpus / "audio/Science/ena-podcast/ep3.wav", 1)
    sound(corpus / "a/twice.wav", 1)
    sound(corpus / "b/twice.wav", 1)
    for name, content in (("nobody", '{"segments": []}'), ("twice", '{"segments": []}'), ("ep4", '{"text": "x"}'), ("ep5", "{")):
        (corpus / "transcripts" / f"{name}.json").write_text(content)
    sound(corpus / "audio/Science/ena-podcast/ep4.wav", 1)
    sound(corpus / "audio/Science/ena-podcast/ep5.mp3", 1)
    (corpus / "audio/Science/ena-podcast/ep5.json").write_text('[{"start": 0, "end": 1, "text": "\\ud800 μισό"}]')
    utterances, rejects = prepared(adapter, corpus, settings("gpc_el"))
    assert kinds(rejects) == {
        "no valid times": 2,
        "transcript without audio": 1,
        "transcript with several audio files": 1,
        "no transcript of WhisperX": 2,
        "audio without transcript": 1,
    }
    assert "? μισό" in [one.text for one in utterances]


@pytest.mark.parametrize("changes", [{"label": "gold"}, {"split": "speakers"}])
def test_machine_labels_never_pass_for_gold_nor_come_into_dev_or_test(changes: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="it needs label: silver and split: train"):
        prepared(adapter, write_corpus(Path("corpus")), settings("gpc_el", **changes))


def test_a_folder_without_transcripts_or_a_wrong_option_is_refused() -> None:
    sound(Path("corpus/ep1.wav"), 1)
    with pytest.raises(UsageError, match=r"holds no \.json\. Greek Podcast Corpus"):
        prepared(adapter, Path("corpus"), settings("gpc_el"))
    with pytest.raises(UsageError, match="min_score: between 0 and 1"):
        prepared(adapter, Path("corpus"), settings("gpc_el", options={"min_score": 2}))


def test_both_stages_make_silver_train_cuts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = write_corpus(Path("corpus"))
    content = json.loads((corpus / "transcripts/ep2.json").read_text())
    (corpus / "transcripts/ep2.json").write_text(json.dumps({"segments": content["segments"][:1]}))
    first = corpus / "audio/Science/ena-podcast/ep1.json"
    first.write_text(json.dumps({"segments": json.loads(first.read_text())["segments"][:2], "language": "el"}))
    rows, report = stages(adapter, "gpc_el", corpus, monkeypatch)
    assert len(rows["train"]) == 3 and not rows.get("dev") and report["rejected"] == {}
    assert {cut["custom"]["licence"] for cut in rows["train"]} == {"on request"}
