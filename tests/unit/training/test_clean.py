"""From files as they lie in repositories to text that is worth learning."""

from __future__ import annotations

import textwrap
import time

from freehold.training.clean import clean

PAGE = """\
---
title: Return a parcel
ms.date: 1/1/2020
---
# Return a parcel

<!-- reviewed -->
[!INCLUDE [banner](../includes/banner.md)]
> [!NOTE]
> Keep the [receipt](receipt.md "why") &amp; the label.

![A box](box.png) Send it to <https://example.org/x> within **30&nbsp;days**.<br/>Thanks.

## In this article

- [Where to](#where-to)
- [Costs](#costs), [Fees](fees.md)

## Costs

| Parcel      | Price      |
|-------------|:-----------|
| small \\<5 kg | 4 euros |

```sh
# not a heading
# nor this one
print <b>kept</b>
```

### Nothing here

## Fees

Fees are *low*.

<table><tr><td>raw</td></tr></table>

## See also

[Shops](shops.md)\\
Our [shops](https://example.org/a\\(v=2\\)) and others.
"""


def test_a_page_loses_what_only_the_site_reads() -> None:
    assert clean(PAGE, "markdown") == textwrap.dedent("""\
        # Return a parcel

        > Keep the receipt & the label.

        Send it to within **30 days**. Thanks.

        ## Costs

        | Parcel | Price |
        | small <5 kg | 4 euros |

        ```sh
        # not a heading
        # nor this one
        print <b>kept</b>
        ```

        ## Fees

        Fees are *low*.""")


def test_link_lists_go_and_links_in_sentences_stay_as_words() -> None:
    lists = "- [One](a.md)\n* [Two](b.md), [three][c]\n1. [Four](d_\\(v\\).md)\\\n"
    text = f"{lists}See [five](e.md) for more.\n[c]: x.md"
    assert clean(text, "markdown") == "See five for more."


def test_a_heading_without_anything_under_it_goes() -> None:
    assert clean("# A\n\n## B\n\n### C\n\n## D\n\ntext\n\n## E", "markdown") == "# A\n\n## D\n\ntext"
    assert clean("# Only a title", "markdown") == ""


def test_an_open_fence_and_odd_ends_do_no_harm() -> None:
    assert clean("text\r\n```\r\n# code", "markdown") == "text\n```\n# code"
    assert clean("\ufeff---\na: b\n---\ntext", "markdown") == "text"
    assert clean("---\nno end of it\n", "markdown") == "no end of it"
    assert clean("", "markdown") == ""


def test_hostile_lines_are_quick() -> None:
    began = time.process_time()
    for line in (
        "[" * 20_000,
        "[a](" * 8_000,
        "![" * 9_000,
        "<a" * 9_000,
        "[a](b\\" * 5_000,
        "- [a]" * 4_000,
    ):
        clean(line, "markdown")
    assert time.process_time() - began < 20


def test_a_proposal_keeps_its_title_and_loses_its_licence() -> None:
    text = textwrap.dedent("""\
        PEP: 1
        Title: A better
        Author: Somebody <s@example.org>
        Status: Final


        Abstract
        ========

        This PEP says more than :pep:`8` and
        `the list <https://example.org>`__ do.

        .. contents::
           :local:

        Code::

            x = 1
            y = 2

        Copyright
        =========

        This document is placed in the public domain.
        """)
    assert clean(text, "rst") == textwrap.dedent("""\
        # A better

        ## Abstract

        This PEP says more than 8 and the list do.

        Code::

            x = 1
            y = 2""")


def test_a_book_loses_its_publishers_words_and_its_line_breaks() -> None:
    text = textwrap.dedent("""\
        The Project Gutenberg EBook of Home, by A. Author

        *** START OF THIS PROJECT GUTENBERG EBOOK HOME ***

        Produced by Somebody

        HOME

        CONTENTS

        I. The house
        II. The garden

        Chapter III. The gate

        It was a house
        with a garden. [Illustration: the
        garden]

            A verse
            of two lines

        End of it.

        End of Project Gutenberg's Home

        *** END OF THIS PROJECT GUTENBERG EBOOK HOME ***

        Section 5. General Information
        """)
    assert clean(text, "book") == textwrap.dedent("""\
        HOME

        It was a house with a garden.

            A verse
            of two lines

        End of it.""")
