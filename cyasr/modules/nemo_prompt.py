"""Canary's prompt: which languages, which task, with or without punctuation; and the labels that follow it."""

from __future__ import annotations

import re
from typing import Any

from lhotse.cut import Cut

from cyasr.cli import UsageError
from cyasr.conf import nearest

LANGUAGE = re.compile(r"<\|([a-z]{2,3}(?:-[A-Z]{2})?)\|>")
SPECIAL = re.compile(r"<\|[^|]*\|>|<pad>|<unk>")


class Prompt:
    """A model's prompt format over its tokenizer, one tokenizer for all languages or one for each."""

    def __init__(self, model: Any, punctuation: bool) -> None:
        from nemo.collections.common.tokenizers.aggregate_tokenizer import AggregateTokenizer

        self.format, self.tokenizer, self.punctuation = model.prompt, model.tokenizer, punctuation
        self.aggregate = isinstance(model.tokenizer, AggregateTokenizer)
        tokens = (str(model.tokenizer.ids_to_tokens([i])[0]) for i in range(model.tokenizer.vocab_size))
        marked = {found[1] for token in tokens if (found := LANGUAGE.fullmatch(token))}
        self.languages = sorted(marked & set(model.tokenizer.langs) if self.aggregate else marked)
        self.end: int = model.tokenizer.eos_id
        if not isinstance(self.end, int) or self.end < 0:
            raise UsageError("pretrained: its tokenizer has no <|endoftext|>: it is not the one that a Canary is trained with")
        self._known: dict[tuple[str, str], list[int]] = {}

    def check(self, language: str, whose: str) -> None:
        """Raises UsageError for a language that the model lacks."""
        if language not in self.languages:
            known = ", ".join(self.languages)
            raise UsageError(
                f"{whose}: the model has no language {language!r}{nearest(language, self.languages)} (it has {known})"
            )

    def ids(self, source: str, target: str) -> list[int]:
        """The prompt that asks for speech in `source` as text in `target`."""
        if (source, target) not in self._known:
            self._known[source, target] = self._encoded(source, target)
        return self._known[source, target]

    def labels(self, text: str, source: str, target: str) -> list[int]:
        """Prompt, text, end."""
        return [*self.ids(source, target), *self.text_ids(text, target), self.end]

    def text_ids(self, text: str, language: str) -> list[int]:
        ids: list[int] = self.tokenizer.text_to_ids(text, language) if self.aggregate else self.tokenizer.text_to_ids(text)
        return ids

    def text(self, ids: list[int]) -> str:
        """What `ids` read, without special tokens."""
        return " ".join(SPECIAL.sub(" ", str(self.tokenizer.ids_to_text(ids))).split()) if ids else ""

    def _encoded(self, source: str, target: str) -> list[int]:
        mark = "yes" if self.punctuation else "no"
        slots = {
            "source_lang": source, "target_lang": target, "pnc": mark, "task": "transcribe" if source == target else "translate",
            "decodercontext": "", "emotion": "<|emo:undefined|>", "itn": "no", "timestamp": "no", "diarize": "no",
        }  # fmt: skip
        asked = {name: slots[name] for name in self.format.get_slots("user")}
        ids: list[int] = self.format.encode_dialog([{"role": "user", "slots": asked}])["context_ids"].tolist()
        return ids


def language_of(cut: Cut, default: str | None) -> str | None:
    """The language that `cut` is spoken in, its first part (`el` of `el-CY`); None where it says none or several."""
    if default is not None:
        return default
    said = {(one.language or "").partition("-")[0].lower() for one in cut.supervisions}
    return said.pop() or None if len(said) == 1 else None


def unclear(cut: Cut) -> str:
    """Why `language_of` found none."""
    said = sorted({one.language for one in cut.supervisions if one.language})
    found = f"speaks {' and '.join(said)}" if len(said) > 1 else "does not say its language"
    return f"no one language: {cut.id} {found}; give its supervision one, or the conf `language:`"
