"""Words that decide whether a full stop ends a sentence, lower case, of the languages that calls are made in.

Data for `sentences` only. A word missing here costs a pause in the wrong place, one too many a cut that is not made.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TITLES = _words("""
    dr drs mr mrs ms mx messrs prof capt sgt lt cmdr rev sra srta dra dña fr frl dipl mme mlle mgr sigg dott ssa avv
    geom dhr mevr
""")
"""A name follows, so no sentence ends here."""

BEFORE_NUMBERS = _words("""
    no nos nr nrs num núm n° nº art abs abb fig figs vol p pp pg pag pág s kap ch chap sec sect tel tél tfno ext apt ap
    rm bldg ste str § ziff pos lfd anm v vs
""")
"""Abbreviations where a number follows; otherwise some are words that may end a sentence."""

ABBREVIATIONS = _words("""
    approx appt apt dept est min max hrs hr sr sec vs viz cf ca incl excl ave blvd rd ln hwy st mt ft pt ste bldg gen
    col sen hon rep pres gov ing mag sig jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur
    thurs fri jän mär okt dez janv févr juil déc ene abr dic giu lug ott bzw bspw ggf evtl inkl exkl zzgl vgl sog geb
    gest verh insb allg str tel mio mrd std sek tägl av avda bd boul éd ej dcha izda pza núm pág aprox atte depto prov
    pag nr bijv blz tzv tj např вул ул тел
""")
"""The sentence goes on, unless a word of STARTERS follows."""

MAY_END = _words("""
    etc usw ecc enz inc ltd co corp bros jr phd ph.d md m.d esq plc llc gmbh a.m p.m am pm b.c a.d
""")
"""Often the last word of a sentence: it is one when a capital letter follows, but not that of DATE_WORDS."""

STARTERS = _words("""
    a after all also an and any are as at before but call can do each every for from he here how if in is it its let my
    no not now on once one our please press say she so some thank thanks that the their then there these they this those
    to today tomorrow we what when where which who why will with would yes yesterday you your
    bitte danke der die das ein eine wir sie ihr ihre ich es wenn falls drücken heute morgen und oder aber
    le la les un une nous vous il elle ils si pour veuillez merci votre appuyez
    el los las una usted su para por pulse gracias llame presione o
""")
"""Words that begin a sentence, and are hardly ever the name that an abbreviation goes with."""

DATE_WORDS = _words("""
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september
    october november december est cst mst pst edt cdt mdt pdt et ct mt pt gmt utc cet cest
""")
"""What follows a time of day without beginning a sentence."""

AFTER_ORDINALS = _words("""
    januar jänner februar märz april mai juni juli august september oktober november dezember jan feb mär apr jun jul
    aug sep sept okt nov dez stock stockwerk etage obergeschoss og quartal klasse mal tag woche monat jahr jahrhundert
    platz reihe teil kapitel januari februari maart mei juli augustus oktober december
""")
"""What follows an ordinal written as a number and a full stop (German, Dutch, Danish and others)."""
