"""The wording that complaints share: nearest valid words, lists, short quotations.

It knows nothing of scripts. Every module of `scriptfile`, and whoever checks settings, calls it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

_LONGEST_QUOTE = 40
_MOST_WORDS = 30
_MOST_COMPARED = 60
_MOST_CANDIDATES = 500


def nearest(word: str, known: Collection[str]) -> str | None:
    """Return the known word that `word` was probably meant to be, or None."""
    import difflib

    if len(known) > _MOST_CANDIDATES:  # only a script made by a program has so many labels
        return None
    if len(known) > _MOST_COMPARED:  # comparing is slow: keep to those that begin alike
        known = [candidate for candidate in known if candidate[:2].lower() == word[:2].lower()][:_MOST_COMPARED]
    by_lower = {candidate.lower(): candidate for candidate in sorted(known)}
    found = difflib.get_close_matches(word.lower()[:100], by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def suggestion(word: str, known: Collection[str]) -> str:
    """Return `; did you mean …?`, or the list of what is valid, or nothing if nothing is known."""
    match = nearest(word, known)
    if match is not None:
        return f"; did you mean `{match}`?"
    return f"; valid are {listing(sorted(known))}" if 0 < len(known) <= _MOST_WORDS else ""


def listing(words: Iterable[str]) -> str:
    """Return the words quoted and joined as in a sentence."""
    quoted = [f"`{word}`" for word in words]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def quote(value: object) -> str:
    """Return a value for a message: on one line, shortened, in backquotes."""
    text = "".join(character if character.isprintable() else " " for character in str(value))
    if len(text) > _LONGEST_QUOTE:
        text = text[: _LONGEST_QUOTE - 1] + "…"
    return f"`{text}`"
