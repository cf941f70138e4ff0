"""The `kaldi` backend: kaldi-decoder's lattice-generating search, in this process."""

from __future__ import annotations

from collections.abc import Iterator

from cyasr.cli import UsageError
from cyasr.wfst.graph import INSTALL, Graph
from cyasr.wfst.lattice import Lattice, from_text
from cyasr.wfst.search import Search, Utterances


def lattices(graph: Graph, utterances: Utterances, search: Search) -> Iterator[tuple[str, Lattice]]:
    """(id, raw lattice) of each utterance. Where no path ends, those that got furthest count; where none lives, it is empty."""
    try:
        import kaldifst
        from kaldi_decoder import DecodableCtc, LatticeSimpleDecoder, LatticeSimpleDecoderConfig
    except ImportError:
        raise UsageError(INSTALL) from None
    fst = kaldifst.StdVectorFst.read(str(graph.fst))
    beam, lattice_beam = (nats / search.lm_weight for nats in (search.beam, search.lattice_beam))
    for name, log_probs in utterances:
        decoder = LatticeSimpleDecoder(fst, LatticeSimpleDecoderConfig(beam=beam, lattice_beam=lattice_beam))
        text = ""
        if len(log_probs) and decoder.decode(DecodableCtc(search.scaled(log_probs))):
            found, raw = decoder.get_raw_lattice()
            text = raw.to_str() if found else ""
        yield name, from_text(text)
