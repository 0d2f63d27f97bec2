"""The page that shows a run of the data engine: what came in, what went on, what did not, and why.

gather     one pass over indexes and rejects: counts, extremes, which records to show
histogram  how the values of a score lie
pictures   small copies of the records that are shown, within a number of bytes
markup     HTML that cannot be broken by what it quotes
charts     funnel, histograms and shares as HTML and SVG
sheets     pictures in rows, and the table of rejects
page       all of it in one file, with page.css and page.js

Nothing is imported here: pages of training and evaluation use `markup` and page.css without the data extra.
"""
