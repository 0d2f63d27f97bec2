"""What a run of a benchmark found, for people: a page, a text, a comparison of runs (report section 5).

figures     how figures are called, written and scaled
reference   scores that others have published, beside which ours stand; reference.toml holds them
ruler       which samples failed
pictures    the pictures of a page: small copies within a number of bytes, else the files themselves
charts      bars with whiskers and radar plots as SVG
samples     every sample with its pictures, and what the judge saw
write       report.html and report.md of one run
paired      whether two runs differ by more than chance
compare     several runs beside each other: what is compared, and as JSON and Markdown
compared    the same as a page
text        the table for a terminal
pages       what the two pages share: styles, scripts, a policy that lets nothing else run

Nothing is imported here. No module knows a benchmark, a judge or a model by itself; none needs the network.
"""
