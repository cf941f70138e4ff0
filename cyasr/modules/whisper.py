"""Whisper from transformers: loaded, checked, and told its language and task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cyasr.cli import UsageError
from cyasr.modules import hub


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


def search(model: Any, encoded: Tensor, prefix: list[int], beam: int, nbest: int) -> list[list[tuple[list[int], float]]]:
    """Each utterance's best token sequences and their scores, best first, through transformers' search.

    encoded: (N, T, D); prefix: start, language and task, so that nothing is left to guess. Returns, for each utterance,
    `nbest` pairs of text tokens and the sum of their natural-log probabilities and the end's (where it came before the
    decoder's last position). Tokens that are no text are not written, nor those that the model's own settings suppress.
    """
    from transformers import GenerationMixin
    from transformers.modeling_outputs import BaseModelOutput

    settings, end = model.generation_config, model.config.eos_token_id
    suppressed = {*range(end + 1, model.config.vocab_size), *(settings.suppress_tokens or [])} - {end}
    start = torch.tensor([prefix], device=encoded.device).expand(len(encoded), -1)
    # not Whisper's own `generate`: that one drops prefix and end, and encodes an utterance once for each hypothesis
    made: Any = GenerationMixin.generate(
        model, encoder_outputs=BaseModelOutput(encoded), decoder_input_ids=start, num_beams=beam, num_return_sequences=nbest,
        do_sample=False, length_penalty=0.0, max_length=model.config.max_target_positions, suppress_tokens=sorted(suppressed),
        pad_token_id=end, return_dict_in_generate=True, output_scores=beam > 1,
    )  # fmt: skip
    texts = [row[: row.index(end)] if end in row else row for row in made.sequences[:, len(prefix) :].tolist()]
    scores = made.sequences_scores if beam > 1 else score(model, encoded, made.sequences, len(prefix))
    pairs = list(zip(texts, scores.tolist(), strict=True))
    return [pairs[first : first + nbest] for first in range(0, len(pairs), nbest)]


def score(model: Any, encoded: Tensor, sequences: Tensor, prefix: int) -> Tensor:
    """(N,): the sum of the natural-log probabilities of each sequence's tokens after `prefix`, its first end included.

    encoded: (N, T, D); sequences: (N, U), filled up with ends.
    """
    inputs, targets = sequences[:, :-1], sequences[:, prefix:]
    logits = model(encoder_outputs=(encoded,), decoder_input_ids=inputs, use_cache=False).logits[:, prefix - 1 :].float()
    log_probs = -torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    ends = (targets == model.config.eos_token_id).int()
    inside = ends.cumsum(1) - ends == 0
    return (log_probs * inside).sum(1)


def _config(pretrained: str, revision: str | None, native: dict[str, Any]) -> Any:
    return hub.configuration(pretrained, revision, native, {"whisper"}, "hf_seq2seq")


def _processor(pretrained: str, revision: str | None) -> Any:
    try:
        return hub.transformers().WhisperProcessor.from_pretrained(pretrained, revision=revision)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{pretrained}: its tokenizer or feature extractor is missing: {str(error).splitlines()[0]}") from None
