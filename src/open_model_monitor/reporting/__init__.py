"""reporting — documents in, what people read out.

In:   the documents of a run and of its baseline, as parsed JSON (`Evidence`).
Out:  one HTML file, Markdown, JUnit XML; and the pieces of pages (charts, templates, words) that the server shows too.
Pure: all of it.
"""
