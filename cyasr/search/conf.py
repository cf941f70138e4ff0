"""What a decode conf says: which search, with which weights, and what to keep of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cyasr.conf import run_key


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
