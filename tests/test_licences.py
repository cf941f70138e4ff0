"""A licence says what it asks for under any of its usual names, and one that is not understood is never taken for free."""

from __future__ import annotations

from pathlib import Path

import pytest

from cyasr import conf as confs
from cyasr.licences import UNSTATED, Term, combined, publishing, taint, terms_of
from tests.conftest import ROOT

BY, SA, NC, ND = Term.ATTRIBUTION, Term.SHARE_ALIKE, Term.NON_COMMERCIAL, Term.NO_DERIVATIVES
REF, AGREED, UNKNOWN = Term.NO_REDISTRIBUTION, Term.AGREEMENT, Term.UNKNOWN


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("CC0-1.0", set()),
        ("CC0", set()),
        ("cc0-1.0", set()),
        ("Public Domain", set()),
        ("https://creativecommons.org/publicdomain/zero/1.0/", set()),
        ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", set()),
        ("CC-BY-4.0", {BY}),
        ("CC BY 4.0", {BY}),
        ("Creative Commons Attribution 4.0 International", {BY}),
        ("CC-BY-SA-4.0", {BY, SA}),
        ("cc-by-nc-sa-4.0", {BY, NC, SA}),
        ("CC BY-NC-ND 4.0", {BY, NC, ND}),
        ("https://creativecommons.org/licenses/by-nc-nd/4.0/", {BY, NC, ND}),
        ("Creative Commons Attribution-NonCommercial 4.0 International (CC BY-NC 4.0)", {BY, NC}),
        ("Creative Commons Attribution-ShareAlike", {BY, SA}),
        ("Apache-2.0", {BY}),
        ("Apache License 2.0", {BY}),
        ("MIT", {BY}),
        ("BSD-3-Clause", {BY}),
        ("GPL-3.0-or-later", {BY, SA}),
        ("GNU General Public License v3", {BY, SA}),
        ("ODbL-1.0", {BY, SA}),
        ("ODC-BY-1.0", {BY}),
        ("LDC User Agreement for Non-Members", {AGREED, REF}),
        ("ELRA-S0148", {AGREED, REF}),
        ("LicenseRef-ELRA-end-user", {AGREED, REF}),
        ("on request", {AGREED, REF}),
        ("All rights reserved", {AGREED, REF}),
        ("academic use only", {NC}),
        ("research only", {NC}),
        ("CC-BY-4.0 AND CC0-1.0", {BY}),
        ("CC-BY-SA-4.0, CC-BY-NC-4.0", {BY, SA, NC}),
        ("CC-BY-NC-4.0 OR MIT", {BY}),
        ("", {UNKNOWN}),
        ("unknown", {UNKNOWN}),
        ("unstated", {UNKNOWN}),
        ("other", {UNKNOWN}),
        ("CC", {UNKNOWN}),
        ("CC0-1.0 except for the clips", {UNKNOWN}),
        ("not CC0", {UNKNOWN}),
        ("CC-BY-XX-4.0", {UNKNOWN}),
        ("free for all", {UNKNOWN}),
        ("4.0", {UNKNOWN}),
    ],
)
def test_the_terms_of_a_licence_under_its_usual_names(name: str, terms: set[Term]) -> None:
    assert terms_of(name) == terms


def test_what_is_made_under_several_licences_keeps_every_condition_with_its_source() -> None:
    assert combined(["CC-BY-NC-4.0", "CC0-1.0", "CC-BY-SA-4.0", "CC0-1.0"]) == {
        BY: ["CC-BY-NC-4.0", "CC-BY-SA-4.0"],
        SA: ["CC-BY-SA-4.0"],
        NC: ["CC-BY-NC-4.0"],
    }
    assert combined([]) == {UNKNOWN: ["unstated"]}


@pytest.mark.parametrize(
    ("licences", "verdict", "said"),
    [
        (["CC0-1.0"], "allowed", "CC0-1.0"),
        (["CC0-1.0", "CC-BY-4.0"], "with conditions", "name the sources (CC-BY-4.0)"),
        (["CC-BY-SA-4.0", "CC-BY-SA-3.0"], "with conditions", "under the same licence (CC-BY-SA-3.0 and CC-BY-SA-4.0)"),
        (["CC-BY-NC-4.0"], "with conditions", "non-commercial use only"),
        (["CC-BY-SA-4.0", "CC-BY-NC-SA-4.0"], "unclear", "each ask for their own licence"),
        (["CC0-1.0", "CC-BY-NC-ND-4.0"], "no", "CC-BY-NC-ND-4.0 does not let derivatives be shared"),
        (["ELRA-S0148", "CC0-1.0"], "unclear", "agreed on ELRA-S0148"),
        (["CC0-1.0", "unstated"], "unclear", "a source states no licence"),
        (["CC0-1.0", "ACME terms"], "unclear", "what ACME terms allows is not known"),
        ([], "unclear", "a source states no licence"),
    ],
)
def test_publishing_weights_is_allowed_only_where_the_terms_say_so(licences: list[str], verdict: str, said: str) -> None:
    found = publishing(licences)
    assert found.verdict == verdict and said in found.why


def test_only_what_readers_of_a_result_must_know_is_a_taint() -> None:
    assert taint(["CC0-1.0", "CC-BY-SA-4.0"]) == ""
    assert taint(["CC-BY-NC-SA-4.0", "mystery"]) == "non-commercial, unknown licence"


@pytest.mark.parametrize("path", sorted((ROOT / "conf").glob("data_*.yaml")), ids=lambda path: path.stem)
def test_the_licence_of_every_corpus_here_is_understood_or_said_to_be_unstated(path: Path) -> None:
    keys = confs.read(path)
    assert keys.get("mixture") or keys["licence"] == UNSTATED or UNKNOWN not in terms_of(keys["licence"])
