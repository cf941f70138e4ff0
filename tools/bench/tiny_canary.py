"""A small random Canary whose tokenizer is learnt from a data set's train texts, for CPU cores: does the training path learn?

    ./run.sh --corpus mini_commands --stop-stage 2
    python -m tools.bench.tiny_canary --data data/mini_commands --out exp/mini_commands/canary_tiny.nemo
    ./run.sh --corpus mini_commands --systems canary_tiny --decodes canary --lms "" --fuses "" --stage 5

NeMo's published configuration with other sizes; one tokenizer for both languages, as Canary 1B v2 has.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sentencepiece
import torch

from cyasr.files import read_jsonl_gz
from cyasr.modules import nemo_architecture, nemo_models

NAME = "canary-1b-v2"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="data/<set>")
    parser.add_argument("--out", type=Path, required=True, help=".nemo file to make")
    parser.add_argument("--pieces", type=int, default=96)
    parser.add_argument("--size", type=int, default=144)
    parser.add_argument("--encoder-layers", type=int, default=4)
    parser.add_argument("--decoder-layers", type=int, default=2)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    published = nemo_architecture.published(NAME)
    config, size = published["config"], arguments.size
    _resize(config, size, arguments.encoder_layers, arguments.decoder_layers)
    with TemporaryDirectory() as directory:
        _tokenizer(arguments.data / "train.jsonl.gz", Path(directory), arguments.pieces, published["special"])
        model = nemo_architecture.build(config, {"dir": directory})
        nemo_models.save(model, arguments.out)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{arguments.out}: {parameters:,} parameters, {model.tokenizer.vocab_size} pieces")


def _resize(config: dict[str, Any], size: int, encoder_layers: int, decoder_layers: int) -> None:
    config["model_defaults"] = dict.fromkeys(config["model_defaults"], size)
    config["preprocessor"]["features"] = config["encoder"]["feat_in"] = 80
    config["encoder"] |= {
        "n_layers": encoder_layers, "d_model": size, "n_heads": 4, "subsampling_factor": 4, "subsampling_conv_channels": 64,
        "dropout": 0.0, "dropout_pre_encoder": 0.0, "dropout_att": 0.0,
        "conv_norm_type": "layer_norm",  # of batches as small as a CPU's the statistics say little
    }  # fmt: skip
    config["transf_encoder"] |= {"hidden_size": size, "inner_size": 4 * size, "num_attention_heads": 4}
    config["transf_decoder"]["config_dict"] |= {
        "hidden_size": size, "inner_size": 4 * size, "num_layers": decoder_layers, "num_attention_heads": 4,
        "max_sequence_length": 256, "embedding_dropout": 0.0, "ffn_dropout": 0.0, "attn_score_dropout": 0.0,
        "attn_layer_dropout": 0.0,
    }  # fmt: skip
    config["head"]["hidden_size"] = size


def _tokenizer(train: Path, directory: Path, size: int, special: list[str]) -> None:
    texts = (one["text"] for row in read_jsonl_gz(train) for one in row["supervisions"])
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=texts, model_writer=made, vocab_size=size, model_type="bpe", character_coverage=1.0, unk_id=0,
        bos_id=-1, eos_id=-1, pad_id=-1, user_defined_symbols=special, minloglevel=2, normalization_rule_name="identity",
    )  # fmt: skip
    nemo_architecture.write_tokenizer(directory, made.getvalue())


if __name__ == "__main__":
    main()
