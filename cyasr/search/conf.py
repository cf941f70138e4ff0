"""What a decode conf says: which search, with which weights, and what to keep of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cyasr.conf import run_key
from cyasr.search.bias import BiasConf


@dataclass
class SearchConf:
    """The joint search. Weights multiply natural logs; the decoder's is 1 - ctc_weight. Ratios are of encoder frames."""

    beam: int = 10
    nbest: int = 10
    ctc_weight: float = 0.3
    lm_weight: float = 0.0
    penalty: float = 0.0  # added for every token, the end included: positive favours long outputs
    minlenratio: float = 0.0
    maxlenratio: float = 0.0  # 0: as many tokens as frames, but stop when ending later cannot win; below 0: so many tokens
    pre_beam_ratio: float = 1.5  # candidates of a hypothesis that CTC scores, over the beam
    guards: bool = True  # against empty and looping outputs

    def weights(self) -> dict[str, float]:
        return {"ctc": self.ctc_weight, "att": 1.0 - self.ctc_weight, "lm": self.lm_weight, "length": self.penalty}


@dataclass
class DecodeConf(SearchConf):
    """conf/decode_<name>.yaml. The joint search's keys are unused by `greedy`."""

    search: Literal["greedy", "joint"] = "joint"
    lm: str | None = None  # a language model of the same data set: lm_<name>
    lms: dict[str, float] = field(default_factory=dict)  # more of them with their weights; below 0: taken away
    ilm_weight: float = 0.0  # of the decoder's own language model, taken away; by Whisper and Canary of finished hypotheses
    ilm: Literal["zero", "mean"] = "zero"  # what the decoder hears for it: nothing, or the mean of dev's speech
    bias: BiasConf = field(default_factory=BiasConf)  # phrases to favour: {words: FILE, weight: 2.0}
    posteriors: bool = False  # keep CTC's log-probabilities beside the n-best lists
    # speech in a language -> language of the text, for systems that translate: {el: en, en: el}; others are transcribed
    translate_to: dict[str, str] = field(default_factory=dict)
    noise_snr: float | None = None  # dB of noise added to every utterance: how a system stands up to it
    batch: int = run_key(10)  # utterances decoded together

    def __post_init__(self) -> None:
        if min(self.beam, self.nbest, self.batch) < 1:
            raise ValueError("beam, nbest and batch: must be at least 1")
        if not 0 <= self.ctc_weight <= 1:
            raise ValueError(f"ctc_weight: must be from 0 to 1, not {self.ctc_weight}")
        if self.lm is None and self.lm_weight:
            raise ValueError("lm_weight: needs a key `lm` naming the language model")
        if self.lm is not None and self.search == "greedy":
            raise ValueError("lm: greedy search takes none; use `search: joint`")
        if self.search == "greedy" and (self.lms or self.ilm_weight or self.bias.words):
            raise ValueError("lms, ilm_weight, bias: greedy search takes none; use `search: joint`")
        if self.lm in self.lms:
            raise ValueError(f"lms: {self.lm} is named by `lm` already")
        if self.ilm_weight and self.ctc_weight == 1:
            raise ValueError("ilm_weight: with ctc_weight 1 there is no decoder whose language model could be taken away")
        if self.ilm_weight < 0:
            raise ValueError(f"ilm_weight: how much of it is taken away, 0 or more, not {self.ilm_weight}")

    def models(self) -> dict[str, float]:
        """Weights of all language models by name."""
        return ({} if self.lm is None else {self.lm: self.lm_weight}) | self.lms

    def decoder_weights(self) -> dict[str, float]:
        """Of an attention decoder's lists that only its own language model is taken off."""
        return {"att": 1.0} | ({"ilm": -self.ilm_weight} if self.ilm_weight else {})

    def weights(self) -> dict[str, float]:
        more = self.lms | ({"ilm": -self.ilm_weight} if self.ilm_weight else {})
        return super().weights() | more | ({"bias": self.bias.weight} if self.bias.words else {})
