#!/usr/bin/env bash
# The main job on real data: captures from the churn requests, a baseline, a check with both scripts.
set -euo pipefail
cd "$(dirname "$0")/../.."
omm=.venv/bin/omm
demo=demo-out
rm -rf "$demo"

echo "1. Captures, as an endpoint writes them, from the churn requests in tests/data"
.venv/bin/python examples/demo/captures.py tests/data/churn/test-dataset-input-cols.csv "$demo/captures"

echo "2. omm suggest: a baseline from the training data"
"$omm" suggest tests/data/churn/training-dataset-with-header.csv -o "$demo/baseline"

echo "3. omm check: the captures of one window, with a preprocessor and a postprocessor"
"$omm" check "$demo/captures" --baseline "$demo/baseline" -o "$demo/out" \
  --preprocess examples/demo/preprocessor.py --postprocess examples/demo/postprocessor.py \
  --since 2026-01-31T10:00:00Z --until 2026-01-31T13:00:00Z --html "$demo/report.html" --title "Churn, one window"

echo "Written to $demo/out (and $demo/report.html for people):"
ls "$demo/out"

echo "4. Two hours later most labels have come: how right was the model?"
.venv/bin/python examples/demo/labels.py tests/data/churn/test-dataset-gt-col.csv "$demo/labels"
"$omm" suggest tests/data/churn/validation_with_predictions.csv -o "$demo/quality-baseline" \
  --monitor model-quality --problem binary --inference prediction --probability probability --label label
"$omm" check "$demo/captures" --baseline "$demo/quality-baseline" -o "$demo/quality" \
  --monitor model-quality --problem binary --probability 0 --ground-truth "$demo/labels" \
  --since 2026-01-31T10:00:00Z --until 2026-01-31T13:00:00Z
