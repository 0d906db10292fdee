"""Ten varied monitors on a server, the same afterwards elsewhere, exactly."""

import json

import pytest

from open_model_monitor.cli.app import main
from open_model_monitor.cli.moving import _source
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
    assert "differs in Alerts, MonitoringScheduleConfig, Tags" in steps["schedule", "daily"].notes[0]
    assert steps["definition", "daily-definition"].action == "unchanged"
    target.close()


def test_what_was_changed_since_needs_a_decision(source, names, tmp_path):
    export = read_account(source, only=["daily", "stopped", "once"])
    target = Session(data=tmp_path / "target", works=False)
    migrate(export, target, one_time=True)
    assert outcome(migrate(export, target)).keys() == {"unchanged"}  # the one that ran once, too
    client = target.sagemaker_client
    [alert] = client.list_monitoring_alerts(MonitoringScheduleName="daily")["MonitoringAlertSummaries"]
    client.update_monitoring_alert(
        MonitoringScheduleName="daily",
        MonitoringAlertName=alert["MonitoringAlertName"],
        DatapointsToAlert=1,
        EvaluationPeriod=1,
    )
    client.start_monitoring_schedule(MonitoringScheduleName="stopped")
    arn = client.describe_monitoring_schedule(MonitoringScheduleName="daily")["MonitoringScheduleArn"]
    client.delete_tags(ResourceArn=arn, TagKeys=["team"])
    told = {one.name: one.notes[0] for one in migrate(export, target) if one.action == "decide"}
    assert told == {
        "daily": "there is another of this name, which differs in Alerts, Tags",
        "stopped": "there is another of this name, which differs in MonitoringScheduleStatus",
    }
    target.close()


def test_another_configuration_of_the_endpoint_is_not_taken(source, names, tmp_path):
    target = Session(data=tmp_path / "target", works=False)
    variant = {"VariantName": "green", "ModelName": "m", "InitialInstanceCount": 1}
    target.sagemaker_client.create_endpoint_config(
        EndpointConfigName="churn-config", ProductionVariants=[{**variant, "InstanceType": "ml.m5.large"}]
    )
    step = migrate(read_account(source, only=["plain"]), target)[0]
    assert (step.kind, step.action) == ("endpoint", "failed")
    assert "differs in DataCaptureConfig, ProductionVariants" in step.notes[0]
    target.close()


def test_definitions_without_a_schedule_come_along(source, names):
    source.sagemaker_client.create_data_quality_job_definition(**definition("DataQuality", "alone"))
    assert "DataQuality/alone" in read_account(source).definitions
    assert "DataQuality/alone" not in read_account(source, only=["plain"]).definitions
    source.sagemaker_client.delete_data_quality_job_definition(JobDefinitionName="alone")


def test_to_another_server(source, names, tmp_path):
    with serving(tmp_path, "--local") as url:
        target = session_at(url)
        migrate(read_account(source), target, one_time=True)
        for name in names:
            assert described(target, name) == described(source, name), name


def test_files_that_cannot_be_copied_are_named_where_they_were(source, names, tmp_path):
    (tmp_path / "moved").write_text("a file, not a folder")
    target = Session(data=tmp_path / "target", works=False)
    steps = migrate(read_account(source, only=["scripted"]), target, copy_to=(tmp_path / "moved").as_uri())
    assert [one.action for one in steps if one.kind == "file"] == ["failed"] * 4
    made = target.sagemaker_client.describe_data_quality_job_definition(
        JobDefinitionName="scripted-definition"
    )
    assert made["DataQualityAppSpecification"]["RecordPreprocessorSourceUri"] == "s3://code/pre.py"
    target.close()


def test_accounts_are_asked_patiently(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    asked = _source(None, "eu-west-1").client("sagemaker").meta
    assert asked.region_name == "eu-west-1"
    assert asked.config.retries == {"mode": "adaptive", "total_max_attempts": 10}


def test_an_account_that_cannot_be_asked_is_not_a_bug_of_ours(tmp_path, monkeypatch, capsys):
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    assert main(["migrate", "sagemaker", "--dry-run"]) == 5
    assert "You must specify a region" in capsys.readouterr().err
    assert main(["parity", "--job", "j", "--region", "eu-west-1"]) == 5
    assert "Unable to locate credentials" in capsys.readouterr().err


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
    assert not (tmp_path / "target").exists()
    assert "5 scripts and documents of baselines stay where they are" in shown
    assert "it ran once; created here it would run again" in shown
    assert main(["migrate", "sagemaker", "--from", "export", "--to", "target", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["outcome"] == {"created": 19, "decide": 1}
    assert told["files"] == {"number": 5, "copied_to": None}
    Session(data="target").close()
