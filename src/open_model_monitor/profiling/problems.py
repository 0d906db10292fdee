"""The problem types of model quality, as SageMaker spells them."""

REGRESSION, BINARY, MULTICLASS = "Regression", "BinaryClassification", "MulticlassClassification"
PROBLEMS = (REGRESSION, BINARY, MULTICLASS)
