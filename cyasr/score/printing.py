"""A score for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

LISTED = 20  # values of a breakdown, variants
NAMES = {"wer": "WER", "cer": "CER", "mer": "MER", "wil": "WIL", "wip": "WIP", "ser": "SER"}


def lines(score: dict[str, Any]) -> Iterator[str]:
    """Figures of score.json, most important first; rates in percent."""
    note = score["interval"]["note"]
    unit = f"{score['interval']['unit']}s drawn" + (f", {note}" if note else "")
    for side, what in (("reference", "references"), ("hypothesis", "hypotheses")):
        yield f"{what:<11} {score[side]['file']} ({score[side]['format']})"
    yield f"{'text':<11} {score['text']['signature']}"
    yield f"{'':<11} {_counts(score)}"
    yield ""
    yield f"{'':6}{'%':>7}  95 % ({unit})"
    details = {
        "wer": f"{score['errors']:,} errors in {score['words']:,} words: {_errors(score)}",
        "cer": f"{score['character_errors']:,} errors in {score['characters']:,} characters",
        "ser": f"{score['wrong_utterances']:,} of {score['utterances']:,} utterances",
    }
    for name, title in NAMES.items():
        one = score["metrics"][name]
        yield f"{title:<6}{_percent(one['value']):>7}  {_spread(one['interval']):<18}{details.get(name, '')}".rstrip()
    for name, title in (("bleu", "BLEU"), ("chrf", "chrF")):
        if name in score["metrics"]:
            one = score["metrics"][name]
            yield f"{title:<6}{one['score']:7.2f}  {one['signature']}"
    yield from _ladder(score)
    yield from _dialect(score["features"])
    for group, values in score["by"].items():
        if len(values) > 1:
            yield from _breakdown(group, values)


def _counts(score: dict[str, Any]) -> str:
    said = [f"{score['utterances']:,} utterances", f"{score['words']:,} words"]
    if score["speakers"]:
        said.append(f"{score['speakers']:,} speakers")
    if score["empty_references"]:
        said.append(f"{score['empty_references']:,} without reference words: what was heard there counts as insertions")
    missing = score["missing"]
    if missing["references"]:
        said.append(f"{missing['references']:,} without hypothesis {missing['rule']}")
    if missing["hypotheses"]:
        said.append(f"{missing['hypotheses']:,} hypotheses without reference left out")
    if score["optional_words_left_out"]:
        said.append(f"{score['optional_words_left_out']:,} optional words left out, as allowed")
    if score["costs"] != "levenshtein":
        said.append(f"aligned with the costs of {score['costs']}")
    said += [f"{group} {value}" for group, values in score["by"].items() if len(values) == 1 for value in values]
    return ", ".join(said)


def _ladder(score: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{'ladder':<9}{'WER':>7}  {'':<18}errors"
    for rung, one in score["ladder"].items():
        yield f"{rung:<9}{_percent(one['wer']):>7}  {_spread(one['interval']):<18}{one['errors']:,}"
    used = score["variants_used"]
    if used["times"]:
        shown = [f"{one['ref']} = {one['hyp']} {one['times']}" for one in used["top"][:LISTED]]
        more = f", and {used['distinct'] - len(shown)} more" if used["distinct"] > len(shown) else ""
        yield f"{used['times']:,} variants accepted, {used['distinct']:,} different: {', '.join(shown)}{more}"


def _dialect(features: dict[str, Any]) -> Iterator[str]:
    """Dialect features that occur, what became of dialect words with a Standard twin, and code-switched words."""
    found = {name: one for name, one in features["features"].items() if one["tokens"]}
    if found:
        yield ""
        yield f"{'dialect feature':<18}{'words':>8}{'wrong':>8}{'without it':>12}"
    for name, one in found.items():
        yield f"{name:<18}{one['tokens']:8,}{_percent(one['error_rate']):>8}{_percent(one['loss_rate']):>12}"
    standard, switched = features["standardisation"], features["pier"]
    if standard["tokens"]:
        share = f"{standard['standardised']:,} of {standard['tokens']:,} words that have a Standard twin"
        yield f"standardised {_percent(standard['rate'])} %: {share}"
    if switched["points"]:
        yield f"PIER {_percent(switched['pier'])} % over {switched['points']:,} code-switched words"


def _breakdown(group: str, values: dict[str, Any]) -> Iterator[str]:
    if not values:
        return
    most = sorted(values, key=lambda value: -values[value]["words"])[:LISTED] if len(values) > LISTED else list(values)
    room = max(len(group) + 3, *(len(value) for value in most))
    yield ""
    yield f"{f'by {group}':<{room}}  {'words':>8}{'WER':>8}  {'':<18}{'fold':>7}{'lenient':>9}{'CER':>8}"
    for value in most:
        one = values[value]
        spread = _spread(one["interval"]) if "interval" in one else ""
        rates = f"{_percent(one['fold_wer']):>7}{_percent(one['lenient_wer']):>9}{_percent(one['cer']):>8}"
        yield f"{value:<{room}}  {one['words']:8,}{_percent(one['wer']):>8}  {spread:<18}{rates}"
    if len(values) > len(most):
        yield f"… the {len(most)} of most words, of {len(values):,}"


def _errors(score: dict[str, Any]) -> str:
    return ", ".join(f"{score[kind]:,} {kind}" for kind in ("substitutions", "deletions", "insertions"))


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _spread(interval: dict[str, Any]) -> str:
    return "" if interval["low"] is None else f"[{interval['low']:.2f}, {interval['high']:.2f}]"
