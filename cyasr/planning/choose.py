"""Which conf to take: the guide's decision tree, corrected, as questions answered beforehand.

Corrected: under an hour of speech a CTC model on self-supervised features *or* LoRA, never all of Whisper's weights;
licence, streaming and what a model may have seen are asked as well; hardware decides by the plan, not by model size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from cyasr.cli import UsageError

OPEN, RESEARCH = "commercial use allowed", "non-commercial"
ELSEWHERE = {
    "understanding": "speech understanding takes an audio language model (Qwen2-Audio, SALMONN)",
    "dialogue": "spoken dialogue takes a speech-to-speech model (Ultravox, Mini-Omni)",
}


@dataclass(frozen=True)
class Candidate:
    """A conf and what the tree asks of it. hours: of transcribed speech that it wants at least."""

    name: str  # conf/train_<name>.yaml
    why: str
    licence: str = OPEN
    greek: bool = False  # has learnt from Greek transcripts
    translates: bool = False  # into English
    chunks: bool = True  # answers while somebody speaks, chunk by chunk
    published: bool = True  # what it was trained on is known
    hours: float = 0.0
    cpu: bool = False  # trains on CPU cores in days, not weeks


def _whisper(name: str, why: str, translates: bool = True, hours: float = 0.0) -> Candidate:
    """It encodes 30 s for each answer."""
    return Candidate(name, why, greek=True, translates=translates, chunks=False, published=False, hours=hours)


# best first; order after published el-CY and Greek results (FACTS of conf/papers.yaml), then size
CANDIDATES = (
    _whisper("whisper_large_v3", "in full: fine-tuned, the best WER published on el-CY", hours=5),
    _whisper("whisper_large_v3_lora", "Whisper large-v3 knows Greek; LoRA trains 1 % of it"),
    _whisper("whisper_large_v3_turbo_lora", "as large-v3 with 4 decoder layers instead of 32", translates=False),
    Candidate("canary_1b_v2_lora", "Canary 1B v2 knows Greek, both ways", greek=True, translates=True, chunks=False),
    _whisper("whisper_medium_lora", "half of large's size, 4 WER points behind it on el-CY"),
    _whisper("whisper_small", "the smallest Whisper with usable Greek", hours=1),
    Candidate("xlsr53_greek", "XLSR-53 fine-tuned on Standard Greek: head and encoder know the letters", greek=True, hours=0.1),
    Candidate("parakeet_tdt_0.6b_v3_lora", "Parakeet 0.6B v3 knows Greek; a transducer, made for speed", greek=True),
    Candidate("mms_1b", "MMS has a Greek adapter; a new one for Cypriot trains 2 M parameters", RESEARCH, greek=True),
    Candidate("w2v_bert", "w2v-BERT 2.0, pretrained on 4.5 million hours; a new head", hours=1),
    Candidate("xls_r_1b_lora", "XLS-R 1B by LoRA; a new head", hours=0.5),
    Candidate("xls_r_300m", "XLS-R 300M, the usual choice for an hour of speech; a new head", hours=0.1),
    Candidate("xls_r_300m_lora", "XLS-R 300M by LoRA, for small memories", hours=0.1),
    Candidate("mhubert147", "mHuBERT-147: 95 M parameters, first at an hour in ML-SUPERB", RESEARCH, hours=0.1, cpu=True),
    Candidate("ebranchformer_10h", "no pretrained weights, so no licence and no unknown training data", hours=8),
    Candidate("ebranchformer_mini", "1.9 M parameters from scratch: for CPU cores", hours=0.5, cpu=True),
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """What is known beforehand. hours: of transcribed speech."""

    task: Literal["asr", "translation", "understanding", "dialogue"] = "asr"
    hours: float = 10.0
    commercial: bool = False
    streaming: bool = False
    greek: bool = False  # must have learnt from Greek transcripts
    published_data: bool = False  # its training data must be known, so that tests are surely unseen
    cpu: bool = False


def choose(question: Question) -> tuple[list[Candidate], list[str]]:
    """Candidates, best first, and the reasons that led there.

    Raises UsageError where nothing here can do what is asked, naming the answers that stand against each other.
    """
    if question.task in ELSEWHERE:
        raise UsageError(f"--task {question.task}: {ELSEWHERE[question.task]}; this recipe has no conf for one")
    if question.hours <= 0:
        raise UsageError("--hours: nothing to train on; decode with a model as it is, or give the hours of transcribed speech")
    left, reasons, asked = list(CANDIDATES), [], []
    for applies, option, keeps, reason in _branches(question):
        if not applies:
            continue
        asked.append(option)
        left = [one for one in left if keeps(one)]
        reasons.append(f"{option}: {reason}")
        if not left:
            raise UsageError(f"no model here meets {' and '.join(asked)} together: {reason}; give up one of them")
    return left, reasons


def _branches(question: Question) -> Iterator[tuple[bool, str, Callable[[Candidate], bool], str]]:
    """(does it apply, the option, which candidates it keeps, why), in the tree's order."""
    hours = question.hours
    few = "CTC on self-supervised features, or LoRA: all of Whisper's weights would forget more than they learn"
    yield from (
        (question.task == "translation", "--task translation", lambda one: one.translates,
         "Whisper and Canary write English; CTC models and transducers write what is said, turbo was not trained to translate"),
        (question.greek, "--greek", lambda one: one.greek, "models that have learnt from Greek transcripts"),
        (True, f"--hours {hours:g}", lambda one: one.hours <= hours,
         few if hours < 1 else f"models that {hours:g} hours of transcribed speech are enough for"),
        (question.commercial, "--licence commercial", lambda one: one.licence == OPEN,
         "MMS and mHuBERT may not be used commercially; check the corpus' licence as well"),
        (question.streaming, "--streaming", lambda one: one.chunks,
         "Whisper encodes 30 s for each answer, Canary's decoder waits for the end; others take what is there, in chunks"),
        (question.published_data, "--published-data", lambda one: one.published,
         "what Whisper was trained on is not published: that it never saw a test cannot be shown"),
        (question.cpu, "--gpu none", lambda one: one.cpu, "models that CPU cores can train"),
    )  # fmt: skip
