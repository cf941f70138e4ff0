"""Whisper from transformers: loaded, checked, and told its language and task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cyasr.cli import UsageError
from cyasr.modules import hub

WINDOW_SECONDS = 30.0  # the encoder takes exactly this much
MAX_LABELS = 448  # decoder positions, prefix and end included


def load(pretrained: str, revision: str | None, language: str, task: str, native: dict[str, Any]) -> tuple[Any, Any]:
    """(model, processor), in float32. Raises UsageError where there is no such model, or it is none of Whisper's kin."""
    config, processor = _config(pretrained, revision, native), _processor(pretrained, revision)
    whisper = hub.transformers().WhisperForConditionalGeneration
    model, _ = hub.weights(whisper, pretrained, revision, config, new=("proj_out.weight",))  # tied to the embeddings
    speak(model, processor, language, task)
    return model, processor


def empty(directory: Path, language: str, task: str, native: dict[str, Any]) -> tuple[Any, Any]:
    """The same from what `save` left in `directory`, with weights still to come."""
    library = hub.transformers()
    model = library.WhisperForConditionalGeneration(_config(str(directory), None, native))
    model.generation_config = library.GenerationConfig.from_pretrained(str(directory))
    processor = _processor(str(directory), None)
    speak(model, processor, language, task)
    return model, processor


def save(model: Any, processor: Any, directory: Path) -> None:
    """Config, generation config, tokenizer and feature extractor; no weights."""
    model.config.save_pretrained(directory)
    # transformers forgets the languages of a generation config that it takes for one made from the model's config
    model.generation_config._from_model_config = False
    model.generation_config.save_pretrained(directory)
    processor.save_pretrained(directory)


def speak(model: Any, processor: Any, language: str, task: str) -> None:
    """Set language and task on tokenizer and model, so that neither guesses. Raises UsageError for a language it lacks."""
    known = getattr(model.generation_config, "lang_to_id", None)
    if not known:
        if getattr(model.generation_config, "is_multilingual", None) is False and language == "en" and task == "transcribe":
            return  # an English-only model takes neither
        raise UsageError("the model's generation_config.json names no languages (lang_to_id); take it from the original model")
    if f"<|{language}|>" not in known:
        names = ", ".join(sorted(name.strip("<|>") for name in known))
        raise UsageError(f"language: the model has no {language!r}; it has {names}")
    processor.tokenizer.set_prefix_tokens(language=language, task=task, predict_timestamps=False)
    model.generation_config.language, model.generation_config.task = language, task
    model.generation_config.forced_decoder_ids = None


def _config(pretrained: str, revision: str | None, native: dict[str, Any]) -> Any:
    return hub.configuration(pretrained, revision, native, {"whisper"}, "hf_seq2seq")


def _processor(pretrained: str, revision: str | None) -> Any:
    try:
        return hub.transformers().WhisperProcessor.from_pretrained(pretrained, revision=revision)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{pretrained}: its tokenizer or feature extractor is missing: {str(error).splitlines()[0]}") from None
