"""Models written as transformers' own checkpoints: weights, configuration, and the processor that belongs to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from cyasr.cli import RunError
from cyasr.data.audiofile import SAMPLE_RATE
from cyasr.files import write_json
from cyasr.modules import hub, whisper
from cyasr.text.tokenizer import BLANK, SOS_EOS, SPACE, UNK, Tokenizer

SPELLINGS = {SPACE: "|", BLANK: "<pad>", UNK: "<unk>"}  # ours -> theirs


def export_whisper(model: Any, processor: Any, directory: Path) -> None:
    """A Whisper that speaks its language without being told. Raises RunError where it does not read back the same."""
    _save(model, directory)
    whisper.save(model, processor, directory)


def export_ctc(model: Any, tokenizer: Tokenizer, directory: Path) -> None:
    """A CTC model whose vocabulary is ours. Sentencepiece pieces, which no tokenizer of transformers joins, get the
    vocabulary only. Raises RunError where the model does not read back the same."""
    _save(model, directory)
    library = hub.transformers()
    write_json(directory / "vocab.json", {SPELLINGS.get(token, token): row for row, token in enumerate(tokenizer.tokens)})
    bert = model.config.model_type == "wav2vec2-bert"
    if bert:
        features = library.SeamlessM4TFeatureExtractor()
    else:
        masked = model.config.feat_extract_norm == "layer"
        features = library.Wav2Vec2FeatureExtractor(sampling_rate=SAMPLE_RATE, return_attention_mask=masked)
    if any(SPACE in token and token != SPACE for token in tokenizer.tokens):
        features.save_pretrained(directory)
        return
    letters = library.Wav2Vec2CTCTokenizer(str(directory / "vocab.json"), bos_token=None, eos_token=SOS_EOS)
    processor = library.Wav2Vec2BertProcessor if bert else library.Wav2Vec2Processor
    processor(features, letters).save_pretrained(directory)


def _save(model: Any, directory: Path) -> None:
    """The weights and the configuration, read back and compared."""
    model.save_pretrained(directory)
    again = type(model).from_pretrained(directory, dtype="float32").state_dict()
    for name, weight in model.state_dict().items():
        if name not in again or not torch.equal(again[name], weight.cpu()):
            raise RunError(f"{directory}: {name} does not read back as it was written")
