"""Canary (NeMo's EncDecMultiTaskModel): FastConformer encoder, Transformer decoder, a prompt of languages and task.

NeMo's modules are driven here, not by its training_step: losses are sums over utterances as of every other family, and
batches come from our data path, which can feed it. Labels are prompt, text and end, all learnt, as NeMo does by default.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from lhotse.cut import Cut
from numpy.typing import NDArray
from torch import Tensor

from cyasr.adaptation.adapt import adapt, load_saved_state
from cyasr.cli import UsageError
from cyasr.data.audio import Augment, load, load_augmented, load_noisy
from cyasr.data.audiofile import SAMPLE_RATE
from cyasr.data.features import mask, pad
from cyasr.experiment import FilterbankConf
from cyasr.losses.conf import FRAMES, TASKS, TEXT, TOKENS, LossConf
from cyasr.losses.cross_entropy import IGNORE
from cyasr.losses.extra import Extra, Extras, transcript, translation
from cyasr.losses.focal import token_weights
from cyasr.losses.objective import Frames, Losses, Outputs, Tokens, losses
from cyasr.modules import nemo_extension, nemo_models
from cyasr.modules.nemo_audio import Features, encode, keep_frozen_statistics, pieces, shared
from cyasr.modules.nemo_prompt import Prompt, language_of, unclear
from cyasr.modules.nemo_search import Steps, search
from cyasr.modules.nemo_spelling import Speller, Unspellable, check_spelling, new_pieces
from cyasr.nbest import Hypothesis, Nbest, distinct, less_internal
from cyasr.search.conf import DecodeConf
from cyasr.search.interfaces import TokenLm

CLASS = "EncDecMultiTaskModel"
TABLES = ("token_embedding", "log_softmax")  # parts with a row for each token
LEAST = 1.0  # seconds that a Canary hears, with silence around shorter audio: as NeMo's own transcribe() gives it
MORE_TOKENS = 50  # than frames of the encoder, at most, are written: NeMo's own limit


@dataclass
class Conf(FilterbankConf):
    """`native:` reaches the model's configuration, dotted (encoder.dropout, transf_decoder.config_dict.ffn_dropout, …)."""

    GIVES: ClassVar[frozenset[str]] = frozenset({FRAMES, TOKENS, TASKS, TEXT})  # frames: of a CTC head that is new

    pretrained: str = ""  # a .nemo file, or a name on the Hugging Face hub
    revision: str | None = None  # of the hub's repository
    language: str | None = None  # that all cuts are spoken in; null: each says its own
    punctuation: bool = False  # what the prompt asks for: capitals and punctuation; texts of tier T1 have none
    unspellable: Unspellable = "refuse"  # letters that the tokenizer lacks; fold: without marks; extend: as new tokens
    window_seconds: float = 30.0  # longer cuts are left out of training and decoded in pieces
    freeze_encoder: bool = False
    hidden_tokens: float = 0.0  # share of what it wrote that the decoder is not told while training: it has to listen
    loss: LossConf = field(default_factory=lambda: LossConf(cross_entropy=1.0))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.pretrained:
            raise ValueError("key 'pretrained' is missing: a .nemo file or a hub name, as nvidia/canary-1b-v2")
        if self.tokenizer != "pretrained":
            raise ValueError("tokenizer: NeMo's models keep their own; write `tokenizer: pretrained`")
        if self.window_seconds <= 0:
            raise ValueError("window_seconds: above 0")
        if not 0 <= self.hidden_tokens < 1:
            raise ValueError("hidden_tokens: from 0 to below 1")


@dataclass
class Batch:
    """features: (N, T, bins); lengths: (N,); tokens: (N, U), prompt first, padded with IGNORE; told: (N, U) the same as the
    decoder is told them; spelled: (N, U') the text's alone."""

    ids: list[str]
    features: Tensor
    lengths: Tensor
    tokens: Tensor
    told: Tensor
    spelled: Tensor
    spelled_lengths: Tensor
    extra: Extra = field(default_factory=Extra)

    def to(self, device: torch.device | str) -> Batch:
        moved = {name: value.to(device, non_blocking=True) for name, value in vars(self).items() if name != "ids"}
        return Batch(self.ids, **moved)


@dataclass
class Collate:
    """Cuts into a Batch: in training augmented and masked by (seed, epoch, cut id), in evaluation as they are."""

    writer: Writer
    features: Features
    conf: Conf
    train: bool
    extras: Extras | None = None
    augment: Augment = field(init=False)

    def __post_init__(self) -> None:
        self.augment = Augment.of(self.conf, self.train)

    def __call__(self, cuts: list[Cut], epoch: int = 0) -> Batch:
        made = [self._row(cut, epoch) for cut in cuts]
        features, lengths = pad([one for one, _, _, _ in made], 0.0)
        tokens, told = (pad([row[place] for row in made], IGNORE)[0] for place in (1, 2))
        spelled = pad([one for _, _, _, one in made], IGNORE)
        extra = Extra() if self.extras is None else self.extras(cuts, epoch, self.writer.labels)
        return Batch([cut.id for cut in cuts], features, lengths, tokens, told, *spelled, extra)

    def _row(self, cut: Cut, epoch: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The cut's features, tokens, told and spelled."""
        tokens = torch.tensor(self.writer.labels(transcript(cut), cut, None))
        prompt = len(self.writer.prompt_of(cut))
        spelled = tokens[prompt:-1]
        if not self.train:
            return self.features(load(cut)), tokens, tokens, spelled
        random = self.augment.random(epoch, cut)
        features = self.features(load_augmented(cut, self.augment, random))
        conf = self.conf
        mask(features, random, conf.time_masks, conf.time_mask_share, conf.frequency_masks, conf.frequency_mask_bins)
        hidden = torch.from_numpy(random.random(len(tokens)) < conf.hidden_tokens)
        hidden[:prompt] = False
        return features, tokens, tokens.masked_fill(hidden, self.writer.prompt.end), spelled


class Writer:
    """Texts as the model is to write them: the prompt of a cut's languages, letters that it can spell, the end."""

    def __init__(self, conf: Conf, prompt: Prompt) -> None:
        self.conf, self.prompt = conf, prompt
        unknown = frozenset(i for i in range(prompt.tokenizer.vocab_size) if prompt.tokenizer.ids_to_tokens([i])[0] == "<unk>")
        self.spellers = {
            language: Speller(partial(prompt.text_ids, language=language), prompt.text, unknown) for language in prompt.languages
        }

    def language(self, cut: Cut) -> str:
        """Raises UsageError for a cut without one, or with one that the model lacks."""
        language = language_of(cut, self.conf.language)
        if language is None:
            raise UsageError(unclear(cut))
        self.prompt.check(language, cut.id)
        return language

    def prompt_of(self, cut: Cut, target: str | None = None) -> list[int]:
        source = self.language(cut)
        return self.prompt.ids(source, target or source)

    def labels(self, text: str, cut: Cut, translated: str | None) -> list[int]:
        """translated: the language of `text` where it is another than the cut's."""
        source = self.language(cut)
        target = translated or source
        return self.prompt.labels(self.spell(text, target), source, target)

    def spell(self, text: str, language: str) -> str:
        return self.spellers[language].spell(text)


class System(torch.nn.Module):
    """A Canary, `model`, under the names that NeMo gives its parts. new: those of them that are trained in any case."""

    translates = True
    weighs_own_lists = True  # ilm_weight: of finished hypotheses, not in the search
    padded_to = 0.0  # seconds: to no more than the longest of a batch

    def __init__(self, conf: Conf, model: Any, new: Sequence[str] = ()) -> None:
        super().__init__()
        self.conf = conf
        self.model = model
        self.writer = Writer(conf, Prompt(model, conf.punctuation))
        self.features = Features(model.preprocessor, LEAST)
        if conf.language is not None:
            self.writer.prompt.check(conf.language, "language")
        if conf.freeze_encoder or conf.loss.needs == {TEXT}:
            model.encoder.requires_grad_(False)
        if conf.loss.needs == {FRAMES}:
            for part in (model.transf_decoder, model.log_softmax):
                part.requires_grad_(False)
        adapt(model, conf.adapt, new)
        size = model.transf_decoder.embedding.token_embedding.num_embeddings
        self.vocabulary = nemo_models.vocabulary(model, size)
        self.ctc: torch.nn.Linear | None = None  # over the encoder, while training: it teaches to listen, and does not search
        if FRAMES in conf.loss.needs:
            if self.vocabulary[0] != "<unk>":
                raise UsageError(f"loss: ctc: token 0, its blank, is {self.vocabulary[0]!r}, which texts may hold")
            self.ctc = torch.nn.Linear(model.transf_decoder.hidden_size, size)
        self.extras: Extras | None = None  # what the loss learns from besides transcripts; set by training
        self.alpha: Tensor | None
        self.register_buffer("alpha", token_weights(conf.loss.focal_alpha, self._ids, size, self._unknown), persistent=False)

    def train(self, mode: bool = True) -> System:
        super().train(mode)
        keep_frozen_statistics(self)
        return self

    def save_assets(self, directory: Path) -> None:
        """What restoring needs besides the weights."""
        nemo_models.save_shell(self.model, directory / "pretrained")

    def export(self, directory: Path) -> None:
        """A .nemo file, which NeMo restores and a train conf takes as `pretrained`."""
        nemo_models.save(self.model, directory / "model.nemo")

    def collator(self, train: bool) -> Collate:
        return Collate(self.writer, self.features, self.conf, train, self.extras)

    def unusable(self, cut: Cut) -> str | None:
        """Why the model cannot learn from `cut`, or None."""
        if cut.duration > self.conf.window_seconds + 1e-3:
            return f"longer than window_seconds, {self.conf.window_seconds:g} s: {cut.duration:.1f} s"
        language = language_of(cut, self.conf.language)
        if language is None:
            return unclear(cut)
        if language not in self.writer.prompt.languages:
            return f"the model has no language {language!r}: {cut.id}"
        texts: list[tuple[str, str | None]] = [(transcript(cut), None)]
        if self.conf.loss.translation and (found := translation(cut, self.conf.loss.translate_to))[0]:
            if found[1] not in self.writer.prompt.languages:
                return f"the model has no language {found[1]!r} to translate into: {cut.id}"
            texts.append(found)
        length = max(len(self.writer.labels(text, cut, language)) for text, language in texts)
        most = int(self.model.transf_decoder.max_sequence_length)
        return f"more labels than the decoder's {most}: {length}" if length > most else None

    def forward(self, batch: Batch) -> Losses:
        """What the conf's loss is made of, summed over utterances."""
        return losses(self.conf.loss, self.outputs(batch, self.conf.loss.needs), self.training)

    def outputs(self, batch: Batch, needs: set[str]) -> Outputs:
        """The decoder's log-probabilities for transcripts, translations and text alone, as far as `needs` asks for them."""
        made, extra = Outputs(len(batch.ids)), batch.extra
        encoded, inside = self._encode(batch.features, batch.lengths)
        if FRAMES in needs and self.ctc is not None:
            log_probs = self.ctc(encoded).float().log_softmax(-1)
            made.frames = Frames(log_probs, inside.sum(1).long(), batch.spelled, batch.spelled_lengths, extra.frames)
        if TOKENS in needs:
            made.tokens = self._decode(encoded, inside, batch.tokens, batch.told)
            made.tokens.teacher, made.tokens.alpha = extra.tokens, self.alpha
        if TASKS in needs and extra.translation is not None:
            made.translation = self._decode(encoded, inside, extra.translation, extra.translation)
        if TEXT in needs and extra.text is not None:
            made.text = self._decode(torch.zeros_like(encoded[:, :1]), inside[:, :1], extra.text, extra.text)
        return made

    def _encode(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(N, T', D) and (N, T'), one where there is speech."""
        encoded, frames = encode(self.model, features, lengths)
        encoded = self.model.encoder_decoder_proj(encoded)
        inside = (torch.arange(encoded.shape[1], device=encoded.device) < frames[:, None]).to(encoded.dtype)
        if self.model.use_transf_encoder:
            encoded = self.model.transf_encoder(encoder_states=encoded, encoder_mask=inside)
        return encoded, inside

    def _decode(self, encoded: Tensor, inside: Tensor, labels: Tensor, told: Tensor) -> Tokens:
        """The decoder. labels: (N, U), prompt first; told: (N, U) what it knows of them when it writes the next."""
        inputs, targets = told[:, :-1], labels[:, 1:]
        seen = (inputs != IGNORE).long()
        states = self.model.transf_decoder(
            input_ids=inputs.clamp(min=0), decoder_mask=seen, encoder_embeddings=encoded, encoder_mask=inside
        )
        return Tokens(self.model.log_softmax(hidden_states=states), targets)

    @property
    def _unknown(self) -> int | None:
        return next(iter(next(iter(self.writer.spellers.values())).unknown), None)

    def _ids(self, text: str) -> list[int]:
        prompt = self.writer.prompt
        language = self.conf.language or ("el" if "el" in prompt.languages else prompt.languages[0])
        return prompt.text_ids(self.writer.spell(text, language), language)

    @torch.inference_mode()
    def transcribe(self, cuts: list[Cut], conf: DecodeConf, lm: TokenLm | None) -> list[tuple[Nbest, None]]:
        """Each cut's n-best list, in the order of `cuts`; of one longer than a window, its best hypothesis only."""
        if lm is not None:
            raise UsageError("nemo takes no language model in its search; stage 7 ranks its n-best lists with one")
        if conf.ctc_weight and conf.search == "joint":
            raise UsageError("nemo's Canary has no CTC to search by: set ctc_weight: 0 in the decode conf")
        if conf.posteriors:
            raise UsageError("nemo's Canary has no CTC posteriors to keep: leave `posteriors` out of the decode conf")
        if conf.ilm_weight and conf.ilm != "zero":
            raise UsageError("nemo's internal language model hears nothing: `ilm: zero`")
        for language in conf.translate_to.values():
            self.writer.prompt.check(language, "translate_to")
        started = time.monotonic()
        audio = load_noisy(cuts, conf.noise_snr)
        bounds = [pieces(one, self.conf.window_seconds) for one in audio]
        prompts = [self.writer.prompt_of(cut, conf.translate_to.get(self.writer.language(cut))) for cut in cuts]
        parts = [(n, one[start:end]) for n, one in enumerate(audio) for start, end in bounds[n]]
        beam = 1 if conf.search == "greedy" else conf.beam
        found: list[list[list[Hypothesis]]] = [[] for _ in cuts]
        for first in range(0, len(parts), max(conf.batch, 1)):
            some = parts[first : first + conf.batch]
            lists = self._search([part for _, part in some], [prompts[n] for n, _ in some], beam, conf)
            for (n, _), hyps in zip(some, lists, strict=True):
                found[n].append(hyps)
        seconds = (time.monotonic() - started) / sum(cut.duration for cut in cuts)
        weights = conf.decoder_weights()
        lists_made = []
        for cut, made, ends in zip(cuts, found, bounds, strict=True):
            best = made[0] if len(made) == 1 else [_together([one[0] for one in made], ends)]
            nbest = Nbest(cut.id, best, "nemo", weights, round(seconds * cut.duration, 4), round(cut.duration, 3))
            lists_made.append((nbest, None))
        return lists_made

    def _search(
        self, audio: list[NDArray[np.float32]], prompts: list[list[int]], beam: int, conf: DecodeConf
    ) -> list[list[Hypothesis]]:
        """Utterances whose prompts are of one length are searched together."""
        device = next(self.parameters()).device
        features, lengths = pad([self.features(one) for one in audio], 0.0)
        encoded, inside = self._encode(features.to(device), lengths.to(device))
        made: list[list[Hypothesis]] = [[] for _ in audio]
        for size in sorted({len(one) for one in prompts}):
            rows = [n for n, one in enumerate(prompts) if len(one) == size]
            at = torch.tensor(rows, device=device)
            tokens = int(self.model.tokenizer.vocab_size)
            steps = Steps(self.model.transf_decoder, self.model.log_softmax, encoded[at], inside[at], tokens)
            limit = int(self.model.transf_decoder.max_sequence_length) - size
            most = [min(limit, int(frames) + MORE_TOKENS) for frames in inside[at].sum(1).tolist()]
            given = torch.tensor([prompts[n] for n in rows], device=device)
            lists = search(steps, given, self.writer.prompt.end, beam, min(conf.nbest, beam), most)
            for n, pairs in zip(rows, lists, strict=True):
                hyps = [self._hypothesis(tokens, total) for tokens, total in pairs]
                if conf.ilm_weight:
                    internal = self._internal_log_probs([tokens for tokens, _ in pairs], prompts[n])
                    hyps = less_internal(hyps, internal, conf.ilm_weight)
                made[n] = distinct(hyps)
        return made

    def _internal_log_probs(self, texts: list[list[int]], prompt: list[int]) -> list[float]:
        """What the decoder expects of each text and its end, natural log, where it hears nothing: its internal language
        model (Meng et al., SLT 2021, with an encoder of zeros)."""
        device, size = next(self.parameters()).device, int(self.model.transf_decoder.hidden_size)
        labels, _ = pad([torch.tensor([*prompt, *text, self.writer.prompt.end]) for text in texts], IGNORE)
        labels = labels.to(device)
        silence = torch.zeros(len(texts), 1, size, device=device)
        made = self._decode(silence, silence[..., 0] + 1, labels, labels)
        log_probs = made.logits.float().log_softmax(-1)[:, len(prompt) - 1 :]
        targets = labels[:, len(prompt) :]
        found = log_probs.gather(-1, targets.clamp(min=0)[..., None])[..., 0] * (targets != IGNORE)
        totals: list[float] = found.sum(1).tolist()
        return totals

    def _hypothesis(self, ids: list[int], total: float) -> Hypothesis:
        return Hypothesis(self.writer.prompt.text(ids), [self.vocabulary[i] for i in ids], {"att": total}, total)


def build(conf: Conf, data: Path) -> System:
    """A system on pretrained weights. Raises UsageError where they cannot be had, or cannot spell the texts of `data`."""
    model = nemo_models.load(conf.pretrained, conf.revision, conf.native, CLASS, conf.system)
    new: Sequence[str] = ()
    if conf.unspellable == "extend":
        spellers = Writer(conf, Prompt(model, conf.punctuation)).spellers
        if added := new_pieces(spellers, data, conf.language):
            model, new = nemo_extension.extended(model, added, TABLES), TABLES
    system = System(conf, model, new)
    check_spelling(system.writer.spellers, data, conf.language, conf.unspellable)
    return system


def restore(conf: Conf, directory: Path) -> System:
    """The system that training left in `directory`, in evaluation mode, on a GPU where there is one."""
    model, new = nemo_extension.restored(conf, directory / "pretrained", CLASS, TABLES)
    system = System(conf, model, new)
    load_saved_state(system, torch.load(directory / "model.pt", map_location="cpu", weights_only=True), conf.adapt)
    return system.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _together(hyps: list[Hypothesis], bounds: list[tuple[int, int]]) -> Hypothesis:
    """The pieces of a long recording, their words timed as far as the pieces tell."""
    words = [
        word
        for hyp, (start, end) in zip(hyps, bounds, strict=True)
        for word in shared(hyp.text, start / SAMPLE_RATE, end / SAMPLE_RATE, math.exp(hyp.scores["att"] / (len(hyp.tokens) + 1)))
    ]
    scores = {name: sum(hyp.scores[name] for hyp in hyps) for name in hyps[0].scores}
    text = " ".join(hyp.text for hyp in hyps if hyp.text)
    return Hypothesis(text, [token for hyp in hyps for token in hyp.tokens], scores, sum(hyp.total for hyp in hyps), words)
