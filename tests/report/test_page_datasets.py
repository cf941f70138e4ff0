"""What stage 2 found stands in RESULTS.md in a sentence and on the page in a table, and both follow when it changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cyasr.files import write_json
from tests.report.test_page import EVIL, page, text_of, toy  # noqa: F401  the fixture is used by name

RESULTS = Path("egs/toy/RESULTS.md")


def checks(count: int) -> dict[str, Any]:
    noisy = {
        "kind": "noisy audio",
        "what": "estimated SNR below 10 dB",
        "count": count,
        "share": count / 100,
        "splits": {"test": count},
    }
    noisy |= {"examples": [{"id": EVIL, "detail": "SNR 3 dB"}], "done": "kept"}
    gone = {"kind": "too long", "count": 7, "examples": [{"id": "u9", "detail": "40 s"}], "done": "rejected", "stage": 2}
    measures = {"snr": {"5%": 8, "50%": 20, "95%": 33}}
    found = {"findings": [noisy, gone], "clean": ["clipped audio"], "measures": measures}
    return {"name": "toy", "utterances": 100, "measured": 60} | found


def test_findings_are_told_in_results_and_shown_on_the_page(toy: Path) -> None:  # noqa: F811
    write_json(Path("data/toy/report.json"), {"name": "toy", "corpus": "toy", "split": "official", "splits": {}})
    write_json(Path("data/toy/checks.json"), checks(4))
    html = page()
    text = text_of(html)
    assert "What was found in the data" in text and "noisy audio estimated SNR below 10 dB 4 4.00 kept test 4" in text
    assert "too long 7 – rejected in stage 2 – u9: 40 s" in text and "Looked for and not found: clipped audio." in text
    assert "Audio of 60 of 100 utterances was measured." in text and "SNR, dB 8 20 33" in text
    assert EVIL not in html
    assert "Checked (audio of 60 measured, SNR 8 to 33 dB): noisy audio 4." in RESULTS.read_text(encoding="utf-8")
    write_json(Path("data/toy/checks.json"), checks(5))
    assert "noisy audio estimated SNR below 10 dB 5" in text_of(page())


def test_folds_are_checked_once_and_a_set_without_checks_is_shown_as_before(toy: Path) -> None:  # noqa: F811
    assert "What was found in the data" not in text_of(page())
    for fold, count in (("a", 2), ("b", 3)):
        write_json(Path(f"data/toy/{fold}/report.json"), {"name": f"toy/{fold}", "corpus": "toy", "split": "folds", "splits": {}})
        write_json(Path(f"data/toy/{fold}/checks.json"), checks(count))
    assert "noisy audio estimated SNR below 10 dB 3" in text_of(page())
    assert "noisy audio 3." in RESULTS.read_text(encoding="utf-8")
