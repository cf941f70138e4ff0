"""Where Greek spelling alone does not say how a word sounds: letters in listed surroundings, and their sounds there.

A row is a regular expression, searched in the word in lower case with its accents but without other marks, one character
a letter, ς as σ; its first group are the letters meant. The first row that claims a letter wins. An unaccented iota
before a vowel is a glide (παιδιά), unless a row says that it is a syllable (ραδιόφωνο): the learned layer of the
vocabulary keeps it, the popular one does not (Holton, Mackridge & Philippaki-Warburton, Greek: A Comprehensive Grammar).
Rows were written by us, held against WikiPron's list; a word of its own is a row of its own.
"""

from __future__ import annotations

import re

Sounds = tuple[str, ...]

STRESSED = "άέήίόύώΐΰ"

# The iota that stays a syllable; (ι) stands for ι ει οι.
LEARNED = [
    r"^(ι)(?=[αάεέοόωώ])",  # Ιούλιος, ιατρικός
    r"^δ(ι)(?=[αάεέηήωοόυύ])"
    r"(?!αβ[αά][ζσ]|άβασ|αβ[οό]λ|άβολ|αλ[εέ][γξχ]|άλε[γξχ]|ακόσ|[ωώ][χξ]|αμ[αά]ντ|[αάοόυύώ]$)",  # διαφορά; διαβάζω
    r".π(οι)(?=[ηήώεέ]|ού[μσν]|ό[σν]?$)",  # ικανοποιώ, γελωτοποιός
    r"^π(οι)(?=ητ|ήσ|ήμ|ότ)",
    r"(ι)(?=ότητ|οτήτ|ώδ)",  # αρμοδιότητα, ιώδης
    r"(?<!γ)(ι)(?=ατρ)",  # ψυχιατρικός
    r"(?<!κυρ)(ι)(?=ακ(?:ό|ή|ού|ώ|έ|οί|ά)[σνι]?$)",  # ψηφιακός; Κυριακή
    r"[ευ]νδ(ι)(?=[αάεέ])",  # ενδιαφέρον
    r"^περ(ι)(?=[οόεέαάη])",
    r"ημ(ι)(?=[οόωώ])",
    r"^αντ(ι)(?=[αάεέοό])",
    r"δημ(ι)(?=ουργ)",
    r"(ι)(?=ο(?:λογ|λόγ|γραφ|γράφ|ποι|ποί|ψηφ|ν[οό]τ))",  # κοινωνιολογία, πλειονότητα
    r"(?<!τελ)(?<![λσκ])(ι)(?=[ωώ](?:ν[ωεο]|θ|σ[ηεω]|μέν|μα))",  # ζημιώνω; λιώνω, τελειώνω, ισιώνω
    r"αλλ(οι)(?=[ωώ])",
    r"(ι)(?=ε[υύ])",  # δημοσιεύω
    rf"[{STRESSED}].*(?<!κάπ)(?<!όπ)(?<!τέτ)(?<!ίδ)(?<!ίκ)(?<!άν)(?<!έν)(?<!όπ)(?<!ούρ)(?<!έλ)(?<!άλ)(?<!άλλ)"
    r"(ι)(?=ο[σνυ]?$|οισ?$|ουσ$|(?<!ήπι)ε$)",  # Απρίλιος, αεροδρόμιο; ίδιος, δίκιο, μπάνιο
    rf"[{STRESSED}].*(?<!άδ)(ει)(?=α[σν]?$|εσ$|ο[σνυι]?$)",  # συνέπεια, Ηράκλειο; άδεια
    r"(?:λογ|γραφ|ησ|ασ|αλγ|ωδ|μαν|κρατ|φων|ξ)(ι)(?=ών$)|(ει)(?=ών$)",  # genitives of -ία, -εια: αναλογιών; ψωμιών
    r"(?:πλησ|ουσ|κκλησ|πλασ|γκαιν|φοδ|φνιδ|σχεδ|μβολ|ψ|ακρωτηρ)(ι)(?=[αά][ζσ])",  # πλησιάζω; διαβάζω
    r"ενοικ(ι)(?=[αά][ζσ])",
    r"συνδ(υ)(?=[αά][ζσ])",
    r"(?<!χτυ)π(ι)(?=[εέ][ζσ])",  # πιέζω
    r"αξ(ι)(?=[οόωώ])",  # αξιόλογος
    r"^β(ι)(?=ο(?:μη|χη|τε|πο)|ώ)",  # βιομηχανία
    r"(?:ρα|στα|^ι)δ(ι)(?=ο[^σ]|ό|αί)",  # ραδιόφωνο, ιδιοκτήτης
    r"κυρ(ι)(?=[αά]ρχ|[οό]λ)",
    r"ηλικ(ι)(?=ω)",
]
OTHER: list[tuple[str, Sounds]] = [
    (r"(?:^[εέ]|^σ[υύ])(γγ)(?=ρ[αά][φμψπ]|νώ|αμ)", ("ŋ", "ɣ")),  # εγγραφή, συγγραφέας
    (r"(μπ)(?=τ)", ("m", "p")),  # πέμπτη
    (r"(ευσ)(?=μ)", ("e", "v", "z")),  # εμπνευσμένος
    (r"(ν)(?=γκ)", ("ŋ",)),  # Κονγκό
]
# Cypriot words written without the mark, as most people do.
CYPRIOT: list[tuple[str, Sounds]] = [
    (r"^(τζ)(?=ι?(?:αι|ε|έ)$)", ("dʒ",)),  # τζαι, τζε
    (r"^(τζι?)(?=εί(?:ν|ού))", ("dʒ",)),  # τζείνος
    (r"^(τζ)(?=ι$)", ("dʒ",)),  # τζι'
    (r"^(σίου)(?=ρ)", ("ʃ", "ˈu")),  # σίουρα, accented where nothing is heard
]

LEARNED_ROWS = [(re.compile(pattern.replace("(ι)", "([εο]?ι)")), ("i",)) for pattern in LEARNED]
OTHER_ROWS = [(re.compile(pattern), sounds) for pattern, sounds in OTHER]
CYPRIOT_ROWS = [(re.compile(pattern), sounds) for pattern, sounds in CYPRIOT]


def claims(word: str, cypriot: bool = False) -> dict[int, tuple[Sounds, int]]:
    """Start of the letters claimed -> (their sounds, where to go on); `word` as described above.

    `cypriot`: also the rows for Cypriot written without marks.
    """
    found: dict[int, tuple[Sounds, int]] = {}
    for pattern, sounds in (*LEARNED_ROWS, *OTHER_ROWS, *(CYPRIOT_ROWS if cypriot else ())):
        for match in pattern.finditer(word):
            start, end = next(span for span in map(match.span, range(1, pattern.groups + 1)) if span[0] >= 0)
            found.setdefault(start, (sounds, end))
    return found
