"""What a reader has to know of a data set before looking at its error rates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cyasr.cli import UsageError
from cyasr.conf import read_frozen
from cyasr.files import read_json
from cyasr.report.collect import Json

FINDINGS = 6  # kinds that are named
SYNTHETIC = "synthetic speech: shows that the pipeline works, nothing more"


def describe(data: Path) -> list[str]:
    """Sentences on data/<name>, over its folds where it has them: corpus and release, sizes, label, overlaps."""
    folders = [data] if (data / "report.json").exists() else sorted(path.parent for path in data.glob("*/report.json"))
    reports = [report for folder in folders if (report := _read(folder / "report.json"))]
    if not reports:
        return [f"No report on this data set ({data}/report.json)."]
    conf = next((keys for folder in [*folders, data] if (keys := read_frozen(folder / "conf.yaml"))), {})
    first = reports[0]
    release = first.get("release") or "not given"
    facts = [f"corpus {first.get('corpus', '–')}", f"release {release}", f"split: {first.get('split', '–')}"]
    if conf.get("licence"):
        facts.append(f"licence {conf['licence']}")
    if len(reports) > 1:
        facts.append(f"{len(reports)} folds")
    sentences = [f"{_capital('; '.join(facts))}.", _sizes(reports)]
    found = _findings(checks(data))
    return [sentence for sentence in [*sentences, _labels(reports), _overlaps(reports), found] if sentence]


def checks(data: Path) -> Json:
    """checks.json of data/<name>; of a set in folds, which hold the same utterances, the one that found most; else {}."""
    paths = [data / "checks.json"] if (data / "checks.json").exists() else sorted(data.glob("*/checks.json"))
    found = [one for path in paths if (one := _read(path))]
    return max(found, key=lambda one: sum(finding["count"] for finding in one.get("findings", [])), default={})


def _sizes(reports: list[Json]) -> str:
    """`train 1800 utterances, 1.20 h, 8 speakers; …`; for folds only what all of them have."""
    parts = []
    for split in ("train", "dev", "test"):
        sizes = {_size(report["splits"][split]) for report in reports if split in report.get("splits", {})}
        if len(sizes) == 1:
            parts.append(f"{split} {sizes.pop()}")
        elif sizes:
            hours = [report["splits"][split].get("hours", 0.0) for report in reports if split in report.get("splits", {})]
            parts.append(f"{split} {min(hours):.2f} to {max(hours):.2f} h by fold")
    rejected = sum(sum(report.get("rejected", {}).values()) for report in reports)
    parts.append(f"{rejected} rejected" if rejected else "none rejected")
    return f"{_capital('; '.join(parts))}."


def _size(split: Json) -> str:
    return f"{split.get('utterances', '–')} utterances, {split.get('hours', 0.0):.2f} h, {split.get('speakers', '–')} speakers"


def _labels(reports: list[Json]) -> str:
    """A warning where what is scored, or trained on, is not human speech written down by people."""
    by_split: dict[str, set[str]] = {}
    for report in reports:
        for split, sizes in report.get("splits", {}).items():
            by_split.setdefault(split, set()).update(sizes.get("labels", {}))
    sentences = []
    if "synthetic" in by_split.get("test", ()):
        sentences.append(f"**{_capital(SYNTHETIC)}.**")
    if "silver" in by_split.get("test", ()):
        sentences.append("**Test references are silver: partly a machine's output.**")
    trained = sorted(by_split.get("train", set()) - {"gold"} - by_split.get("test", set()))
    if trained:
        sentences.append(f"Training text is partly {' and '.join(trained)}.")
    return " ".join(sentences)


def _overlaps(reports: list[Json]) -> str:
    """What splits share, for all kinds and pairs; the largest count where folds differ."""
    shared: dict[tuple[str, str], list[int]] = {}
    for report in reports:
        for kind, pairs in report.get("overlap", {}).items():
            for pair, found in pairs.items():
                shared.setdefault((kind, pair), []).append(_count(found))
    faults = []
    for (kind, pair), counts in shared.items():
        folds = sum(count > 0 for count in counts)
        if folds:
            where = f" (most; in {folds} of {len(reports)} folds)" if len(reports) > 1 else ""
            faults.append(f"{pair.replace('-', ' and ')} share {max(counts)} {kind}{where}")
    if faults:
        return f"Overlap: {'; '.join(faults)}."
    kinds = sorted({kind for kind, _ in shared})
    return f"No overlap between splits in {', '.join(kinds)}." if kinds else ""


def _findings(found: Json) -> str:
    """What stage 2 found in audio and text that was kept, most often first; what was rejected is told elsewhere."""
    if not found:
        return ""
    kept = sorted((one for one in found["findings"] if one["done"] == "kept"), key=lambda one: -int(one["count"]))
    listed = [f"{one['kind']} {one['count']}" for one in kept]
    snr = found.get("measures", {}).get("snr")
    measured = found["measured"]
    heard = f"audio of {measured} measured" if measured < found["utterances"] else "all audio measured"
    if snr:
        heard += f", SNR {snr['5%']} to {snr['95%']} dB"
    what = f"{', '.join(listed[:FINDINGS])}{f' and {len(listed) - FINDINGS} more' if len(listed) > FINDINGS else ''}"
    return f"Checked ({heard if measured else 'text only'}): {what or 'nothing found'}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _count(found: Any) -> int:
    return int(found["shared"] if isinstance(found, dict) else found)


def _read(path: Path) -> Json:
    try:
        report = read_json(path)
    except UsageError:
        return {}
    return report if isinstance(report, dict) else {}
