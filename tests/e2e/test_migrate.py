"""Ten varied monitors on a server, the same afterwards elsewhere, exactly."""

import json

import pytest

from open_model_monitor.cli.app import main
from open_model_monitor.moving.create import migrate, outcome
from open_model_monitor.moving.export import FAMILIES, Export, read_account
from open_model_monitor.sdk.session import Session, session_at
from support.browser import serving
from support.clients import definition

CHANGES = {
    "CreationTime",
    "LastModifiedTime",
    "LastMonitoringExecutionSummary",
    "FailureReason",
    "ResponseMetadata",
}
BATCH = {
    "BatchTransformInput": {
        "DataCapturedDestinationS3Uri": "s3://batches/churn",
        "DatasetFormat": {"Parquet": {}},
        "LocalPath": "/opt/ml/processing/input",
        "EndTimeOffset": "-PT0H",
    }
}
HOURLY, DAILY = "cron(0 * ? * * *)", "cron(0 5 ? * * *)"


def endpoint(client, name):
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 20,
        "DestinationS3Uri": "s3://captures/model-monitor",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    variant = {
        "VariantName": "blue",
        "ModelName": "m",
        "InitialInstanceCount": 2,
        "InstanceType": "ml.m5.large",
    }
    client.create_endpoint_config(
        EndpointConfigName=f"{name}-config", ProductionVariants=[variant], DataCaptureConfig=capture
    )
    client.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-config")


def by_name(client, name, family="DataQuality", cron=HOURLY, *, tags=(), schedule=None, **members):
    request = definition(family, f"{name}-definition", **members)
    getattr(client, f"create_{FAMILIES[family]}_job_definition")(**request)
    config = {"MonitoringJobDefinitionName": f"{name}-definition", "MonitoringType": family}
    timing = schedule or ({"ScheduleExpression": cron} if cron else None)
    client.create_monitoring_schedule(
        MonitoringScheduleName=name,
        MonitoringScheduleConfig=config | ({"ScheduleConfig": timing} if timing else {}),
        Tags=[{"Key": key, "Value": value} for key, value in tags],
    )


def ten(session):
    """Create ten monitors, no two alike; returns their names."""
    client = session.sagemaker_client
    session.client("s3").create_bucket(Bucket="code")
    session.write("s3://code/config.json", b"{}")
    session.write("s3://code/pre.py", b"def preprocess_handler(record): return {'a': 1}\n")
    session.write("s3://code/post.py", b"def postprocess_handler(): pass\n")
    session.write("s3://code/baseline/statistics.json", b'{"version": 0.0, "features": []}')
    session.write("s3://code/baseline/constraints.json", b'{"version": 0.0, "features": []}')
    endpoint(client, "churn")
    base = definition("DataQuality", "x")
    application = base["DataQualityAppSpecification"] | {
        "RecordPreprocessorSourceUri": "s3://code/pre.py",
        "PostAnalyticsProcessorSourceUri": "s3://code/post.py",
        "Environment": {"TEAM": "churn", "publish_cloudwatch_metrics": "Disabled"},
    }
    baseline = {
        "StatisticsResource": {"S3Uri": "s3://code/baseline/statistics.json"},
        "ConstraintsResource": {"S3Uri": "s3://code/baseline/constraints.json"},
    }
    by_name(client, "plain")
    by_name(client, "daily", cron=DAILY, tags=[("team", "churn"), ("cost", "7")])
    by_name(client, "scripted", DataQualityAppSpecification=application, DataQualityBaselineConfig=baseline)
    by_name(client, "batch", DataQualityJobInput=BATCH)
    quality = definition("ModelQuality", "x")["ModelQualityJobInput"]
    windowed = {**quality["EndpointInput"], "StartTimeOffset": "-P2D", "EndTimeOffset": "-P1D"}
    by_name(client, "quality", "ModelQuality", ModelQualityJobInput={**quality, "EndpointInput": windowed})
    explained = definition("ModelBias", "x")["ModelBiasAppSpecification"] | {
        "ConfigUri": "s3://code/config.json"
    }
    by_name(client, "bias", "ModelBias", ModelBiasAppSpecification=explained)
    by_name(
        client,
        "limited",
        StoppingCondition={"MaxRuntimeInSeconds": 900},
        NetworkConfig={"EnableNetworkIsolation": True},
        cron="cron(0 0/6 ? * * *)",
    )
    by_name(client, "stopped", cron=None)
    client.stop_monitoring_schedule(MonitoringScheduleName="stopped")
    by_name(
        client,
        "once",
        schedule={
            "ScheduleExpression": "NOW",
            "DataAnalysisStartTime": "-PT2H",
            "DataAnalysisEndTime": "-PT0H",
        },
    )
    embedded = {
        "MonitoringInputs": [base["DataQualityJobInput"]],
        "MonitoringOutputConfig": base["DataQualityJobOutputConfig"],
        "MonitoringResources": base["JobResources"],
        "MonitoringAppSpecification": {"ImageUri": "own.example/own:1"},
        "RoleArn": base["RoleArn"],
        "Environment": {"A": "b"},
    }
    client.create_monitoring_schedule(
        MonitoringScheduleName="embedded",
        MonitoringScheduleConfig={
            "MonitoringJobDefinition": embedded,
            "ScheduleConfig": {"ScheduleExpression": HOURLY},
        },
    )
    [alert] = client.list_monitoring_alerts(MonitoringScheduleName="daily")["MonitoringAlertSummaries"]
    client.update_monitoring_alert(
        MonitoringScheduleName="daily",
        MonitoringAlertName=alert["MonitoringAlertName"],
        DatapointsToAlert=2,
        EvaluationPeriod=4,
    )
    return [
        *("plain", "daily", "scripted", "batch", "quality", "bias", "limited", "stopped", "once", "embedded"),
    ]


def described(session, name):
    """Return all there is to know of a monitor, but what must differ: times and ARNs."""
    client = session.sagemaker_client
    schedule = client.describe_monitoring_schedule(MonitoringScheduleName=name)
    config = schedule["MonitoringScheduleConfig"]
    found = {"schedule": schedule}
    if "MonitoringJobDefinitionName" in config:
        describe = getattr(client, f"describe_{FAMILIES[config['MonitoringType']]}_job_definition")
        found["definition"] = describe(JobDefinitionName=config["MonitoringJobDefinitionName"])
    alerts = client.list_monitoring_alerts(MonitoringScheduleName=name)["MonitoringAlertSummaries"]
    found["alerts"] = [(one["DatapointsToAlert"], one["EvaluationPeriod"]) for one in alerts]
    found["tags"] = client.list_tags(ResourceArn=schedule["MonitoringScheduleArn"])["Tags"]
    if "EndpointName" in schedule:
        found["endpoint"] = client.describe_endpoint_config(EndpointConfigName="churn-config")
    return without(found)


def without(value):
    if isinstance(value, dict):
        kept = [k for k in value if k == "RoleArn" or (k not in CHANGES and not k.endswith("Arn"))]
        return {k: without(value[k]) for k in kept}
    return [without(one) for one in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("source"), "--local") as url:
        yield session_at(url)


@pytest.fixture(scope="module")
def names(source):
    return ten(source)


def test_ten_varied_monitors_are_the_same_exactly(source, names, tmp_path):
    export = read_account(source)
    assert export.failures == {}
    export.save(tmp_path / "export")
    target = Session(data=tmp_path / "target")
    steps = migrate(Export.load(tmp_path / "export"), target, one_time=True)
    assert outcome(steps) == {"created": 1 + 9 + 10}, [one.to_dict() for one in steps]
    for name in names:
        assert described(target, name) == described(source, name), name
    told = {one.name: one.notes for one in steps if one.notes}
    assert told["bias-definition"] == ["this version keeps it but does not run it"]
    assert told["limited-definition"] == ["its network has no effect here"]
    assert "own.example/own:1 is not SageMaker's" in told["embedded"][0]

    again = migrate(export, target, one_time=True)
    assert outcome(again) == {"unchanged": 20}
    target.close()


def test_another_of_the_same_name_needs_a_decision(source, names, tmp_path):
    export = read_account(source, only=["daily", "nobody"])
    assert export.failures == {"schedule nobody": "there is no schedule of that name"}
    target = Session(data=tmp_path / "target")
    endpoint(target.sagemaker_client, "churn")
    by_name(target.sagemaker_client, "daily", cron=HOURLY)
    steps = {(one.kind, one.name): one for one in migrate(export, target)}
    assert steps["schedule", "daily"].action == "decide"
    assert "differs in MonitoringScheduleConfig" in steps["schedule", "daily"].notes[0]
    assert steps["definition", "daily-definition"].action == "unchanged"
    target.close()


def test_files_are_copied_where_that_is_asked_for(source, names, tmp_path):
    target = Session(data=tmp_path / "target")
    place = (tmp_path / "moved").as_uri()
    migrate(read_account(source, only=["scripted"]), target, copy_to=place)
    made = target.sagemaker_client.describe_data_quality_job_definition(
        JobDefinitionName="scripted-definition"
    )
    script = made["DataQualityAppSpecification"]["RecordPreprocessorSourceUri"]
    assert script.startswith(place)
    assert target.read(script) == source.read("s3://code/pre.py")
    assert made["DataQualityBaselineConfig"]["ConstraintsResource"]["S3Uri"].startswith(place)
    target.close()


def test_from_the_command_line(source, names, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = source._url
    assert (
        main(["migrate", "sagemaker", "--url", url, "--save", "export", "--dry-run", "--to", "target"]) == 1
    )
    shown = capsys.readouterr().out
    assert "it ran once; created here it would run again" in shown
    assert main(["migrate", "sagemaker", "--from", "export", "--to", "target", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["outcome"] == {"created": 19, "decide": 1}
    Session(data="target").close()
