"""Speed, memory and start-up, as ratios to what is measured in the same run; `python -m benchmarks --help`.

`captures` writes the input, `reading` reads it for everybody but us. `floors`, `yardstick`, `lane`, `state` and the
jobs below `peers` are what is measured: modules run as fresh processes, whose last line tells the rows they saw.
`measuring` races commands, `groups` says which, `table` shows them and keeps the page of the documentation.
"""
