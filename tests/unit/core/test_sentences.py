"""Where a text may be cut: at the ends of sentences in many languages, never inside names, numbers and times."""

# ruff: noqa: RUF001 - marks of other scripts that look like ours are what is tested
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.sentences import parts, sentences

BAR = "|"


def cut(text: str) -> list[str]:
    """The sentences of a text whose expected cuts are marked by a bar, which stands before the next sentence."""
    return [sentence.strip() for sentence in sentences(text.replace(BAR, ""))]


CUT_AT_BARS = [
    # plain stops
    "Hello. |How are you? |Fine! |Good…",
    "Wait... what was that? |Well... |Then go.",
    "Really?! |Yes.",
    # abbreviations
    "Your appointment with Dr. Smith is tomorrow. |Please call Mrs. Jones or Prof. Brown.",
    "Meet at St. Mary on Main St. |Please be on time.",
    "We bring fruit, e.g. Apples, i.e. Fruit. |Thanks.",
    "It is in the U.S. Army depot. |The door is open.",
    "It is in the U.S. |The door is open.",
    "This is J. R. Smith calling.",
    "For sales choose A. |For support choose B. |Thank you.",
    "Come at 3 p.m. on Monday.",
    "Come at 3 p.m. Monday or 4 p.m. Tuesday.",
    "Come at 3 p.m. |Bring your card.",
    "Acme Inc. |Good morning to Acme Inc. of Boston.",
    "Bring pens, paper, etc. |Be there early.",
    "Go to room No. 5 now. |No. |I mean it.",
    "Call ext. 12 or tel. +49 30 1234. |Bye.",
    "It takes approx. Five minutes.",
    "Nous sommes chez M. Dupont et Mme. Martin. |Merci.",
    "El Sr. García y la Sra. López llegan hoy. |Gracias.",
    "Bringen Sie z.B. Ihren Ausweis mit. |Danke.",
    "Bringen Sie z. B. Ausweis und ggf. Karte mit. |Danke.",
    # numbers
    "The price is 3.5 or 1.000.000 euros. |Pay now.",
    "Um 10.30 Uhr am 3. Mai im 2. Stock. |Bitte kommen Sie.",
    "Press 1. |Then press 2. |Done.",
    "1. Open the door. |2. Close it.",
    "Version 2.10.3 is out. |See https://example.com/a.b?c=d. |Or write to a.b@example.com.",
    # quotes and brackets
    'He said "Stop." |Then he left.',
    'He said "Stop!" and left.',
    "(Stay here.) |“Go.” |«Non !» |Fin.",
    "Er rief: »Halt.« |Dann ging er.",
    "Il dit « Bonjour. » |Puis il part.",
    # case tells
    "hello. |this is all small. |press one.",
    "See the min. value of it.",
    "Some abbr. of mine here.",
    # other scripts and marks
    "您好。|请按一！|好吗？|再见。",
    "こんにちは。|「はい。」|いいえ。",
    "كيف حالك؟ |أنا بخير. |شكرا",
    "آپ کیسے ہیں؟ |میں ٹھیک ہوں۔ |شکریہ",
    "आप कैसे हैं। |मैं ठीक हूँ॥ |धन्यवाद",
    "¿Qué tal? |¡Hola! |¿Y tú?",
    "Hola.|¿Qué tal?",
    "Привет. |Как дела? |Ул. Ленина, тел. 5.",
    # lines
    "Hello Ann\n|This is a new line",
    "Your appointment\nis tomorrow.",
    "your appointment\n\n|is tomorrow",
    "One.\r\n|Two.",
    "\n\n One. |Two.\n",
]


@pytest.mark.parametrize("marked", CUT_AT_BARS)
def test_sentences(marked: str) -> None:
    """A text is cut exactly where its sentences end."""
    assert cut(marked) == [sentence.strip() for sentence in marked.split(BAR)]


@pytest.mark.parametrize("text", ["Hello", "Hello. ", "...", "!!!", " . ", "word."])
def test_one_sentence(text: str) -> None:
    """What holds one sentence, or none that could be told, stays whole."""
    assert sentences(text) == (text,)


def test_nothing() -> None:
    """An empty text has no sentence and no part; a blank one is a single piece."""
    assert sentences("") == parts("") == ()
    assert sentences(" \n\n ") == (" \n\n ",)


@pytest.mark.parametrize(
    ("marked", "ends"),
    [
        ("If so, |press one; |else wait: |now. |Bye.", [False, False, False, True, True]),
        ("At 10:30, |pay 1,000 euros—|or leave – |now - |at once", [False, False, False, False, True]),
        ("See http://example.com, |please.", [False, True]),
        ("您好，|请按一、|二；|再见。", [False, False, False, True]),
        ("أهلا، |مرحبا؛ |شكرا", [False, False, True]),
        ("สวัสดีครับ |กรุณากด |หนึ่ง", [False, False, True]),
        ("He said (first, |second), |then.", [False, False, True]),
        ("one, |", [True]),
    ],
)
def test_clauses(marked: str, ends: list[bool]) -> None:
    """A sentence is cut further behind commas and the like, which are told from sentence ends."""
    found = parts(marked.replace(BAR, ""))
    assert [part.text.strip() for part in found] == [piece.strip() for piece in marked.split(BAR) if piece]
    assert [part.ends_sentence for part in found] == ends


NATURAL = st.lists(
    st.sampled_from([*"abAB12 \n\t.,;:!?…。！،؟।¿\"'()«»—-", "Dr. ", "p.m. ", ". ", "? ", "\n\n", "e.g. ", "3. Mai "])
).map("".join)


@given(st.one_of(st.text(), NATURAL))
def test_nothing_is_lost(text: str) -> None:
    """The sentences joined are the text, and so are the parts; none is blank unless the text is."""
    assert "".join(sentences(text)) == text
    found = parts(text)
    assert "".join(part.text for part in found) == text
    if text.strip():
        assert all(part.text.strip() for part in found)
        assert found[-1].ends_sentence


@given(st.one_of(st.text(), NATURAL))
def test_parts_refine_sentences(text: str) -> None:
    """Joined up to each sentence end, the parts are the sentences."""
    joined, sentence = [], ""
    for part in parts(text):
        sentence += part.text
        if part.ends_sentence:
            joined.append(sentence)
            sentence = ""
    assert tuple(joined) == sentences(text)


def test_a_long_text_of_abbreviations_is_quick() -> None:
    """A megabyte without a single cut is read in one pass: far fewer steps than its square."""
    text = "e.g. x " * 150_000
    assert sentences(text) == (text,)
