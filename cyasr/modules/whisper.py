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
    settings, end = model.generation_config, model.config.eos_token_id
    settings.language, settings.task = language, task
    settings.forced_decoder_ids = None
    # the prefix has said what languages and tasks say: what follows is text, timestamps, and the end
    said = range(end + 1, settings.no_timestamps_token_id + 1)
    settings.suppress_tokens = sorted({*said, *(settings.suppress_tokens or [])} - {end})


def search(
    model: Any, encoded: Tensor, prefix: list[int], beam: int, nbest: int, timed: bool = False
) -> list[list[tuple[list[int], float]]]:
    """Each utterance's best token sequences and their scores, best first, through transformers' search.

    encoded: (N, T, D); prefix: start, language and task, so that nothing is left to guess; timed: timestamps may be
    written too, and must be where Whisper's rules say so. Returns, for each utterance, `nbest` pairs of tokens and the sum
    of their natural-log probabilities and the end's (where it came before the decoder's last position). Nothing but text
    is written, and of that nothing that the model's own settings suppress.
    """
    from transformers import GenerationMixin, LogitsProcessorList, WhisperTimeStampLogitsProcessor
    from transformers.modeling_outputs import BaseModelOutput

    settings, end = model.generation_config, model.config.eos_token_id
    no_text = range(end + 1, settings.no_timestamps_token_id + 1 if timed else model.config.vocab_size)
    rules: list[Any] = [WhisperTimeStampLogitsProcessor(settings, begin_index=len(prefix))] if timed else []
    start = torch.tensor([prefix], device=encoded.device).expand(len(encoded), -1)
    # not Whisper's own `generate`: that one drops prefix and end, and encodes an utterance once for each hypothesis
    made: Any = GenerationMixin.generate(
        model, encoder_outputs=BaseModelOutput(encoded), decoder_input_ids=start, num_beams=beam, num_return_sequences=nbest,
        do_sample=False, length_penalty=0.0, max_length=model.config.max_target_positions,
        suppress_tokens=sorted({*no_text, *(settings.suppress_tokens or [])} - {end}),
        logits_processor=LogitsProcessorList(rules), pad_token_id=end, return_dict_in_generate=True, output_scores=beam > 1,
    )  # fmt: skip
    texts = [row[: row.index(end)] if end in row else row for row in made.sequences[:, len(prefix) :].tolist()]
    scores = made.sequences_scores if beam > 1 else log_probs(model, encoded, made.sequences, len(prefix)).sum(1)
    pairs = list(zip(texts, scores.tolist(), strict=True))
    return [pairs[first : first + nbest] for first in range(0, len(pairs), nbest)]


def log_probs(model: Any, encoded: Tensor, sequences: Tensor, prefix: int) -> Tensor:
    """(N, U - prefix): the natural-log probability of each token after the prefix, 0 behind the first end.

    encoded: (N, T, D); sequences: (N, U), filled up with ends.
    """
    inputs, targets = sequences[:, :-1], sequences[:, prefix:]
    logits = model(encoder_outputs=(encoded,), decoder_input_ids=inputs, use_cache=False).logits[:, prefix - 1 :].float()
    ends = (targets == model.config.eos_token_id).int()
    inside = ends.cumsum(1) - ends == 0
    return -torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none") * inside


def internal_log_probs(model: Any, texts: list[list[int]], prefix: list[int]) -> list[float]:
    """What the decoder expects of each text and its end, natural log, where it hears nothing: its internal language model
    (Meng et al., SLT 2021, with an encoder of zeros). texts: tokens behind the prefix."""
    end, longest = model.config.eos_token_id, max(map(len, texts))
    rows = [[*prefix, *text, *[end] * (longest + 1 - len(text))] for text in texts]
    silence = torch.zeros(len(texts), 1, model.config.d_model, device=model.device, dtype=model.dtype)
    found: list[float] = log_probs(model, silence, torch.tensor(rows, device=model.device), len(prefix)).sum(1).tolist()
    return found


def _config(pretrained: str, revision: str | None, native: dict[str, Any]) -> Any:
    return hub.configuration(pretrained, revision, native, {"whisper"}, "hf_seq2seq")


def _processor(pretrained: str, revision: str | None) -> Any:
    try:
        return hub.transformers().WhisperProcessor.from_pretrained(pretrained, revision=revision)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{pretrained}: its tokenizer or feature extractor is missing: {str(error).splitlines()[0]}") from None
