"""The key `adapt:` of a train conf: its own keys, or the name of a file that holds them, as `adapt_dialect.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

# what `targets` may name besides modules: the same parts under the names that each family gives them
# (Whisper and wav2vec 2.0; w2v-BERT, ESPnet and NeMo's encoders; NeMo's decoder)
GROUPS: dict[str, tuple[str, ...]] = {
    "query_value": ("q_proj", "v_proj", "linear_q", "linear_v", "query_net", "value_net"),
    "attention": (
        *("q_proj", "k_proj", "v_proj", "out_proj", "linear_q", "linear_k", "linear_v", "linear_out"),
        *("query_net", "key_net", "value_net", "out_projection"),
    ),
    "feed_forward": (
        *("fc1", "fc2", "intermediate_dense", "output_dense", "w_1", "w_2", "linear1", "linear2", "dense_in", "dense_out"),
    ),
    "block_outputs": ("out_proj", "linear_out", "fc2", "output_dense", "w_2", "linear2", "out_projection", "dense_out"),
}


@dataclass
class AdaptConf:
    """What is trained. full: all that the system does not freeze itself. partial: only what `train` names."""

    kind: Literal["full", "lora", "qlora", "adapters", "partial"] = "full"
    # lora, adapters: linear layers by the end of their dotted names (`fc1`, `encoder_attn.q_proj`, `decoder.*.fc1`), or GROUPS
    targets: list[str] = field(default_factory=list)
    rank: int = 16
    alpha: float = 32.0  # the update is alpha / rank times B A
    dropout: float = 0.05
    bottleneck: int = 64  # adapters: width
    train: list[str] = field(default_factory=list)  # trained in full besides: parts of dotted names (`layers.2[0-3]`, `bias`)
    native: dict[str, Any] = field(default_factory=dict)  # lora: reaches PEFT's LoraConfig untouched (use_rslora, use_dora)

    def __post_init__(self) -> None:
        targeted = self.kind in {"lora", "qlora", "adapters"}
        if targeted and not self.targets:
            raise ValueError(f"kind: {self.kind} needs targets: names of modules, or {', '.join(GROUPS)}")
        if not targeted and self.targets:
            raise ValueError(f"kind: {self.kind} takes no targets; lora, qlora and adapters do")
        if self.kind == "partial" and not self.train:
            raise ValueError("kind: partial needs train, the parts that are trained")
        if self.kind == "full" and self.train:
            raise ValueError("kind: full trains everything and takes no train; kind: partial does")
        if min(self.rank, self.bottleneck) < 1 or self.alpha <= 0 or not 0 <= self.dropout < 1:
            raise ValueError("rank and bottleneck from 1, alpha above 0, dropout from 0 to below 1")
        ours = {"r", "lora_alpha", "lora_dropout", "target_modules", "modules_to_save", "bias"} & self.native.keys()
        if ours or (self.native and self.kind not in {"lora", "qlora"}):
            raise ValueError("native: options of PEFT's LoraConfig besides rank, alpha, dropout, targets and train")
