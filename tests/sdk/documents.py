"""Requests by plain boto3: definitions of every type, schedules of them, processing jobs."""

from harness import ROLE

ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
CLARIFY = "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"
CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20}
OUTPUT = {
    "S3Uri": "s3://reports/churn",
    "LocalPath": "/opt/ml/processing/output",
    "S3UploadMode": "Continuous",
}
HOURLY = {"ScheduleExpression": "cron(0 * ? * * *)"}
NOW = {"ScheduleExpression": "NOW", "DataAnalysisStartTime": "-PT1H", "DataAnalysisEndTime": "-PT0H"}
LABELS = {"GroundTruthS3Input": {"S3Uri": "s3://labels/churn"}}
FAMILIES = {  # what each type's application and input must have besides the common members
    "DataQuality": ({"ImageUri": ANALYZER}, {}, {}),
    "ModelQuality": (
        {"ImageUri": ANALYZER, "ProblemType": "Regression"},
        {"InferenceAttribute": "0"},
        LABELS,
    ),
    "ModelBias": ({"ImageUri": CLARIFY, "ConfigUri": "s3://configs/bias.json"}, {}, LABELS),
    "ModelExplainability": ({"ImageUri": CLARIFY, "ConfigUri": "s3://configs/shap.json"}, {}, {}),
}


def definition(family, name, endpoint, **members):
    """Return the request that creates a definition."""
    application, input_members, job_members = FAMILIES[family]
    local = {"EndpointName": endpoint, "LocalPath": "/opt/ml/processing/input/endpoint"}
    return {
        "JobDefinitionName": name,
        f"{family}AppSpecification": application,
        f"{family}JobInput": {"EndpointInput": local | input_members, **job_members},
        f"{family}JobOutputConfig": {"MonitoringOutputs": [{"S3Output": OUTPUT}]},
        "JobResources": {"ClusterConfig": CLUSTER},
        "RoleArn": ROLE,
    } | members


def operation(client, verb, family):
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in family)
    return getattr(client, f"{verb}{words}_job_definition{'s' if verb == 'list' else ''}")


def schedule(client, name, definition_name, config=HOURLY, family="DataQuality", **members):
    return client.create_monitoring_schedule(
        MonitoringScheduleName=name,
        MonitoringScheduleConfig={
            "MonitoringJobDefinitionName": definition_name,
            "MonitoringType": family,
            "ScheduleConfig": config,
        },
        **members,
    )


def processing_job(name, bucket, **members):
    environment = {
        "dataset_format": '{"csv": {"header": true}}',
        "dataset_source": "/opt/ml/processing/input/baseline_dataset_input",
        "output_path": "/opt/ml/processing/output",
        "publish_cloudwatch_metrics": "Disabled",
    }
    source = {
        "S3Uri": f"s3://{bucket}/training.csv",
        "LocalPath": environment["dataset_source"],
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    target = {
        "S3Uri": f"s3://{bucket}/{name}",
        "LocalPath": environment["output_path"],
        "S3UploadMode": "EndOfJob",
    }
    return {
        "ProcessingJobName": name,
        "ProcessingResources": {"ClusterConfig": CLUSTER},
        "AppSpecification": {"ImageUri": ANALYZER},
        "RoleArn": ROLE,
        "Environment": environment,
        "ProcessingInputs": [{"InputName": "baseline_dataset_input", "S3Input": source}],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "monitoring_output", "S3Output": target}]},
    } | members
