"""Monitors of Clarify: definitions and schedules are kept, though this version does not run them (8, 11, 15)."""

import pytest
from flows import GROUND_TRUTH, HOURLY, attach_update_delete, made
from harness import ROLE, unique
from sagemaker import clarify
from sagemaker.model_monitor import (
    BiasAnalysisConfig,
    ExplainabilityAnalysisConfig,
    ModelBiasMonitor,
    ModelExplainabilityMonitor,
)

BIAS = clarify.BiasConfig(
    label_values_or_threshold=[1], facet_name="Account Length", facet_values_or_threshold=[100]
)
SHAP = clarify.SHAPConfig(baseline=[[0.0] * 3], num_samples=10, agg_method="mean_abs")
MODEL = clarify.ModelConfig(model_name="churn", instance_count=1, instance_type="ml.m5.large")


def _bias(monitor, name, endpoint, bucket):
    monitor.create_monitoring_schedule(
        endpoint_input=endpoint,
        ground_truth_input=GROUND_TRUTH,
        analysis_config=BiasAnalysisConfig(BIAS, headers=["Account Length", "Churn"], label="Churn"),
        output_s3_uri=f"s3://{bucket}/bias",
        monitor_schedule_name=name,
        schedule_cron_expression=HOURLY,
    )


def _explainability(monitor, name, endpoint, bucket):
    monitor.create_monitoring_schedule(
        endpoint_input=endpoint,
        analysis_config=ExplainabilityAnalysisConfig(SHAP, MODEL, headers=["a", "b", "c"]),
        output_s3_uri=f"s3://{bucket}/explainability",
        monitor_schedule_name=name,
        schedule_cron_expression=HOURLY,
    )


CLASSES = {
    ModelBiasMonitor: (_bias, "model_bias"),
    ModelExplainabilityMonitor: (_explainability, "model_explainability"),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_attach_update_delete(kind, session, endpoint, bucket):
    create, family = CLASSES[kind]
    monitor = made(kind, session)
    create(monitor, unique("any"), endpoint(), bucket)
    attach_update_delete(monitor, family, session)


def test_a_monitor_of_another_class_does_not_attach(hourly, session):
    with pytest.raises(TypeError, match="can only attach"):
        ModelBiasMonitor.attach(hourly.name, sagemaker_session=session)


def test_baselines_of_bias_and_explainability(session, endpoint, bucket):
    """Check 15 as far as requests go: the definition names the job whose analysis becomes the baseline."""
    data = clarify.DataConfig(
        s3_data_input_path=f"s3://{bucket}/train.csv",
        s3_output_path=f"s3://{bucket}/{unique('clarify')}",
        label="Churn",
        headers=["Churn", "a", "b", "c"],
        dataset_type="text/csv",
    )
    session.boto_session.client("s3").put_object(Bucket=bucket, Key="train.csv", Body=b"1,2,3,4\n")
    bias = ModelBiasMonitor(role=ROLE, sagemaker_session=session)
    label = clarify.ModelPredictedLabelConfig(probability_threshold=0.8)
    bias.suggest_baseline(data, BIAS, MODEL, model_predicted_label_config=label)
    bias.create_monitoring_schedule(
        endpoint_input=endpoint(), ground_truth_input=GROUND_TRUTH, schedule_cron_expression=HOURLY
    )
    explainability = ModelExplainabilityMonitor(role=ROLE, sagemaker_session=session)
    explainability.suggest_baseline(data, SHAP, model_config=MODEL)
    explainability.create_monitoring_schedule(endpoint_input=endpoint(), schedule_cron_expression=HOURLY)
    client = session.sagemaker_client
    for monitor, family, prefix in [
        (bias, "model_bias", "ModelBias"),
        (explainability, "model_explainability", "ModelExplainability"),
    ]:
        definition = getattr(client, f"describe_{family}_job_definition")(
            JobDefinitionName=monitor.job_definition_name
        )
        baselining = definition[f"{prefix}BaselineConfig"]
        assert baselining == {"BaseliningJobName": monitor.latest_baselining_job_name}
        job = monitor.describe_latest_baselining_job()
        assert [one["InputName"] for one in job["ProcessingInputs"]] == ["dataset", "analysis_config"]
