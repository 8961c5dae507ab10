"""Licences that models come under, as far as they ask something of those who use them.

Our reading of the texts, shortened; no legal advice. Each names where its text is, and a text that came with
a model is kept with it. A licence that is not here is kept by its name alone, and said to be unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TEXT_FILES = re.compile(r"(licen[cs]e|notice|copying|use_policy)([-_][\w-]+)?(\.(txt|md))?", re.IGNORECASE)
"""Files beside a model whose text is part of its terms; without folders."""

_USERS = "Above 700 million monthly users on the day of its release: not granted; Meta must be asked (2)."
_POLICY = "Only within its Acceptable Use Policy and the law, with misuse named there forbidden"
_COPY = "Whoever is given the weights, or something made from them, is given a copy of the agreement"


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence, and what it asks or forbids."""

    id: str
    """As the hub writes it."""
    name: str
    url: str
    """Where its text is."""
    clauses: tuple[str, ...] = ()
    """What it forbids, or asks beyond passing its text on; with the section in brackets."""
    notice: str = ""
    """A line that every copy must carry."""
    title: str = ""
    """What its text begins with, as a regular expression over single spaces, upper and lower case alike."""


def _llama(version: str, url: str, *, multimodal: bool = False) -> Licence:
    """Llama 3.1 and later: the agreements differ in the version's name alone."""
    name = f"Llama {version}"
    clauses = [
        f"{_COPY} and the notice file (1.b.i, 1.b.iii).",
        "A product or service with it shows “Built with Llama” prominently (1.b.i).",
        "A model trained or improved with it or with what it writes has a name that begins with “Llama”, when"
        " it is given to others (1.b.i).",
        f"{_POLICY} (1.b.iv).",
        _USERS,
    ]
    if multimodal:
        clauses.append(
            "Its multimodal models: not granted to persons and companies of the European Union (use policy)."
        )
    return Licence(
        id=f"llama{version}",
        name=f"{name} Community License Agreement",
        url=url,
        clauses=tuple(clauses),
        notice=f"{name} is licensed under the {name} Community License, Copyright © Meta Platforms, Inc."
        " All Rights Reserved.",
        title=rf"llama {re.escape(version)} community license agreement",
    )


KNOWN = {
    licence.id: licence
    for licence in (
        Licence(
            "llama2",
            "Llama 2 Community License Agreement",
            "https://ai.meta.com/llama/license/",
            (
                f"{_COPY} and the notice file (1.b.i, 1.b.iii).",
                "Neither it nor what it writes may improve any other large language model (1.b.v).",
                f"{_POLICY} (1.b.iv).",
                _USERS,
            ),
            "Llama 2 is licensed under the LLAMA 2 Community License, Copyright (c) Meta Platforms, Inc."
            " All Rights Reserved.",
            r"llama 2 community license agreement",
        ),
        Licence(
            "llama3",
            "Meta Llama 3 Community License Agreement",
            "https://llama.meta.com/llama3/license/",
            (
                f"{_COPY} and the notice file (1.b.i, 1.b.iii).",
                "A product or service with it shows “Built with Meta Llama 3” prominently (1.b.i).",
                "A model trained or improved with it has a name that begins with “Llama 3”, when it is given"
                " to others (1.b.i).",
                "Neither it nor what it writes may improve any other large language model (1.b.v).",
                f"{_POLICY} (1.b.iv).",
                _USERS,
            ),
            "Meta Llama 3 is licensed under the Meta Llama 3 Community License, Copyright © Meta Platforms,"
            " Inc. All Rights Reserved.",
            r"meta llama 3 community license agreement",
        ),
        _llama("3.1", "https://www.llama.com/llama3_1/license/"),
        _llama("3.2", "https://www.llama.com/llama3_2/license/", multimodal=True),
        _llama("3.3", "https://www.llama.com/llama3_3/license/"),
        _llama("4", "https://www.llama.com/llama4/license/", multimodal=True),
        Licence(
            "gemma",
            "Gemma Terms of Use",
            "https://ai.google.dev/gemma/terms",
            (
                "Whoever is given it, something made from it, or a service with it is bound by the terms and"
                " their use restrictions (3.1).",
                "A model trained to be like it, by its weights or by what it writes, is under the same terms"
                " (1.1).",
                "Only within its Prohibited Use Policy and the law (3.2).",
            ),
            "Gemma is provided under and subject to the Gemma Terms of Use found at"
            " ai.google.dev/gemma/terms",
            r"gemma terms of use",
        ),
        Licence(
            "cc-by-nc-4.0",
            "Creative Commons Attribution-NonCommercial 4.0",
            "https://creativecommons.org/licenses/by-nc/4.0/legalcode",
            ("No commercial use, a company's support among it (2.a.1).", "Its makers are named (3.a)."),
            title=r"(creative commons )?attribution-noncommercial 4\.0 international",
        ),
        Licence(
            "cc-by-nc-sa-4.0",
            "Creative Commons Attribution-NonCommercial-ShareAlike 4.0",
            "https://creativecommons.org/licenses/by-nc-sa/4.0/legalcode",
            (
                "No commercial use, a company's support among it (2.a.1).",
                "What is made from it is given on under the same licence only (3.b).",
                "Its makers are named (3.a).",
            ),
            title=r"(creative commons )?attribution-noncommercial-sharealike 4\.0 international",
        ),
        Licence(
            "cc-by-nc-nd-4.0",
            "Creative Commons Attribution-NonCommercial-NoDerivatives 4.0",
            "https://creativecommons.org/licenses/by-nc-nd/4.0/legalcode",
            (
                "No commercial use, a company's support among it (2.a.1).",
                "What is made from it is given to nobody (2.a.1.B).",
                "Its makers are named (3.a).",
            ),
            title=r"(creative commons )?attribution-noncommercial-noderivatives 4\.0 international",
        ),
        Licence(
            "cc-by-sa-4.0",
            "Creative Commons Attribution-ShareAlike 4.0",
            "https://creativecommons.org/licenses/by-sa/4.0/legalcode",
            ("What is made from it is given on under the same licence only (3.b).",),
            title=r"(creative commons )?attribution-sharealike 4\.0 international",
        ),
        Licence(
            "cc-by-4.0",
            "Creative Commons Attribution 4.0",
            "https://creativecommons.org/licenses/by/4.0/legalcode",
            title=r"(creative commons )?attribution 4\.0 international",
        ),
        Licence(
            "apache-2.0",
            "Apache License 2.0",
            "https://www.apache.org/licenses/LICENSE-2.0",
            title=r"apache license,? version 2\.0",
        ),
        Licence("mit", "MIT License", "https://opensource.org/license/mit", title=r"(the )?mit license"),
    )
}
"""By id."""

_HEAD_CHARACTERS = 400


def by_text(text: str) -> Licence | None:
    """The licence whose text this is, by its title."""
    head = re.sub(r"[\s#*>_]+", " ", text[:_HEAD_CHARACTERS]).strip()
    for licence in KNOWN.values():
        if licence.title and re.match(licence.title, head, re.IGNORECASE):
            return licence
    return None


def by_id(declared: str) -> Licence | None:
    """The licence that is called so; hubs and files write its id."""
    return KNOWN.get(declared.strip().lower())
