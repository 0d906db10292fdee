"""Every operation that monitoring needs, by plain boto3: documents, errors, pages (check 18)."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from documents import FAMILIES, HOURLY, NOW, OUTPUT, definition, operation, processing_job, schedule
from harness import ROLE, TRAINING, drifted_captures, ended, executions, unique


@pytest.fixture(scope="session")
def client(server):
    return boto3.client("sagemaker")


@pytest.fixture
def scheduled(client, endpoint):
    """Return the name of an hourly data quality schedule and its endpoint."""
    name, monitored = unique("plain"), endpoint()
    client.create_data_quality_job_definition(**definition("DataQuality", name, monitored))
    schedule(client, name, name)
    return name, monitored


def refused(call, code, *words, **request):
    """Assert that a call is refused with a code and with words in its message."""
    with pytest.raises(ClientError) as raised:
        call(**request)
    error = raised.value.response["Error"]
    assert error["Code"] == code, error
    for word in words:
        assert word in error["Message"]


@pytest.mark.parametrize("family", FAMILIES)
def test_definitions(client, endpoint, family):
    """What is described is what was sent, so that clients may send it back."""
    name, monitored = unique("definition"), endpoint()
    request = definition(
        family,
        name,
        monitored,
        NetworkConfig={"EnableNetworkIsolation": True},
        StoppingCondition={"MaxRuntimeInSeconds": 1800},
    )
    tags = [{"Key": "team", "Value": "churn"}]
    arn = operation(client, "create", family)(**request, Tags=tags)["JobDefinitionArn"]
    described = operation(client, "describe", family)(JobDefinitionName=name)
    described.pop("ResponseMetadata")
    assert datetime.now(UTC) - described.pop("CreationTime") < timedelta(minutes=1)
    assert described.pop("JobDefinitionArn") == arn
    network = {"EnableNetworkIsolation": True, "EnableInterContainerTrafficEncryption": False}
    assert described == request | {"NetworkConfig": network}
    assert client.list_tags(ResourceArn=arn)["Tags"] == tags

    again = described | {"JobDefinitionName": unique("again")}
    operation(client, "create", family)(**again)
    listed = operation(client, "list", family)(EndpointName=monitored)["JobDefinitionSummaries"]
    assert [one["MonitoringJobDefinitionName"] for one in listed] == [again["JobDefinitionName"], name]
    assert {one["EndpointName"] for one in listed} == {monitored}

    refused(operation(client, "create", family), "ResourceInUse", "already exists", **request)
    operation(client, "delete", family)(JobDefinitionName=name)
    for verb in ("describe", "delete"):
        refused(operation(client, verb, family), "ResourceNotFound", name, JobDefinitionName=name)


@pytest.mark.parametrize("family", FAMILIES)
def test_schedules_of_every_type(client, endpoint, family):
    name, monitored = unique("typed"), endpoint()
    operation(client, "create", family)(**definition(family, name, monitored))
    arn = schedule(client, name, name, family=family)["MonitoringScheduleArn"]
    assert arn == f"arn:aws:sagemaker:us-east-1:000000000000:monitoring-schedule/{name}"
    described = client.describe_monitoring_schedule(MonitoringScheduleName=name)
    assert described["MonitoringType"] == described["MonitoringScheduleConfig"]["MonitoringType"] == family
    assert described["MonitoringScheduleStatus"] == "Scheduled"
    (listed,) = client.list_monitoring_schedules(EndpointName=monitored)["MonitoringScheduleSummaries"]
    assert listed["MonitoringJobDefinitionName"] == name
    assert listed["MonitoringType"] == family
    found = client.list_monitoring_schedules(NameContains=name.upper(), MonitoringTypeEquals=family)
    assert len(found["MonitoringScheduleSummaries"]) == 1
    client.delete_monitoring_schedule(MonitoringScheduleName=name)
    for call in (client.describe_monitoring_schedule, client.delete_monitoring_schedule):
        refused(call, "ResourceNotFound", MonitoringScheduleName=name)
    operation(client, "delete", family)(JobDefinitionName=name)


def test_what_a_schedule_refuses(client, scheduled):
    name, _ = scheduled
    config = {"MonitoringJobDefinitionName": name, "MonitoringType": "DataQuality"}

    def create(code, word, schedule_name=None, **members):
        request = {
            "MonitoringScheduleName": schedule_name or unique("bad"),
            "MonitoringScheduleConfig": members,
        }
        refused(client.create_monitoring_schedule, code, word, **request)

    create("ResourceInUse", "already exists", name, **config, ScheduleConfig=HOURLY)
    create("ValidationException", "monitoringScheduleName", "a_b", **config)
    create("ValidationException", "monitoringScheduleName", "x" * 64, **config)
    create("ValidationException", "nobody", **config | {"MonitoringJobDefinitionName": "nobody"})
    create("ValidationException", "MonitoringType", MonitoringJobDefinitionName=name)
    create("ValidationException", "", ScheduleConfig=HOURLY)
    for expression in ("cron(*/5 * ? * * *)", "hourly", "rate(1 hour)", "cron(0 24 ? * * *)"):
        create(
            "ValidationException",
            "monitoringScheduleConfig.scheduleConfig.scheduleExpression",
            **config,
            ScheduleConfig={"ScheduleExpression": expression},
        )
    create("ValidationException", "DataAnalysis", **config, ScheduleConfig={"ScheduleExpression": "NOW"})
    create(
        "ValidationException", "", **config, ScheduleConfig=NOW | {"DataAnalysisStartTime": "-P2D"}
    )  # more than 24 hours
    create("ValidationException", "", **config, ScheduleConfig=NOW | {"DataAnalysisStartTime": "-PT0H"})
    refused(client.list_monitoring_schedules, "ValidationException", "maxResults", MaxResults=1000)
    refused(client.list_monitoring_schedules, "ValidationException", "sortBy", SortBy="zzz")
    refused(client.list_monitoring_schedules, "ValidationException", "", NextToken="made up")
    for call in (client.start_monitoring_schedule, client.stop_monitoring_schedule):
        refused(call, "ResourceNotFound", MonitoringScheduleName="nobody")
    assert (
        client.list_monitoring_executions(MonitoringScheduleName="nobody")["MonitoringExecutionSummaries"]
        == []
    )
    assert client.list_monitoring_schedules(EndpointName="nobody")["MonitoringScheduleSummaries"] == []


def test_alerts(client, scheduled):
    name, _ = scheduled
    (alert,) = client.list_monitoring_alerts(MonitoringScheduleName=name)["MonitoringAlertSummaries"]
    assert alert["AlertStatus"] == "OK"
    request = {"MonitoringScheduleName": name, "MonitoringAlertName": alert["MonitoringAlertName"]}
    answer = client.update_monitoring_alert(**request, DatapointsToAlert=2, EvaluationPeriod=3)
    assert answer["MonitoringAlertName"] == alert["MonitoringAlertName"]
    update = client.update_monitoring_alert
    refused(update, "ValidationException", **request, DatapointsToAlert=4, EvaluationPeriod=3)
    unknown = request | {"MonitoringAlertName": "nobody"}
    refused(update, "ResourceNotFound", **unknown, DatapointsToAlert=1, EvaluationPeriod=1)
    refused(client.list_monitoring_alerts, "ResourceNotFound", MonitoringScheduleName="nobody")
    history = client.list_monitoring_alert_history(MonitoringScheduleName=name)
    assert history["MonitoringAlertHistory"] == []


def test_tags(client, scheduled):
    name, _ = scheduled
    arn = client.describe_monitoring_schedule(MonitoringScheduleName=name)["MonitoringScheduleArn"]
    many = [{"Key": f"key-{n:02d}", "Value": str(n)} for n in range(50)]
    assert client.add_tags(ResourceArn=arn, Tags=many)["Tags"] == many
    changed = client.add_tags(ResourceArn=arn, Tags=[{"Key": "key-07", "Value": "seven"}])["Tags"]
    assert {"Key": "key-07", "Value": "seven"} in changed
    pages = list(
        client.get_paginator("list_tags").paginate(ResourceArn=arn, PaginationConfig={"PageSize": 50})
    )
    assert [len(page["Tags"]) for page in pages] == [50]
    refused(
        client.add_tags, "ResourceLimitExceeded", ResourceArn=arn, Tags=[{"Key": "one-more", "Value": ""}]
    )
    client.delete_tags(ResourceArn=arn, TagKeys=[f"key-{n:02d}" for n in range(1, 50)])
    assert client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "key-00", "Value": "0"}]
    unknown = arn.replace(name, "nobody")
    refused(client.list_tags, "ValidationException", "Could not find", ResourceArn=unknown)


def test_processing_jobs(client, bucket):
    s3, logs, name = boto3.client("s3"), boto3.client("logs"), unique("job")
    s3.upload_file(str(TRAINING), bucket, "training.csv")
    request = processing_job(name, bucket)
    arn = client.create_processing_job(**request, Tags=[{"Key": "a", "Value": "b"}])["ProcessingJobArn"]
    assert arn == f"arn:aws:sagemaker:us-east-1:000000000000:processing-job/{name}"
    refused(client.create_processing_job, "ResourceInUse", "already exists", **request)
    job = ended(client, name)
    assert job["ProcessingJobStatus"] == "Completed"
    assert job["ExitMessage"].startswith("Completed: ")
    assert {key: job[key] for key in request} == request
    kept = s3.list_objects_v2(Bucket=bucket, Prefix=f"{name}/")["Contents"]
    assert {f"{name}/statistics.json", f"{name}/constraints.json"} <= {one["Key"] for one in kept}

    summaries = client.list_processing_jobs(NameContains=name, StatusEquals="Completed")
    assert [one["ProcessingJobName"] for one in summaries["ProcessingJobSummaries"]] == [name]
    refused(client.stop_processing_job, "ValidationException", "Completed", ProcessingJobName=name)

    group = {"logGroupName": "/aws/sagemaker/ProcessingJobs"}
    (stream,) = logs.describe_log_streams(**group, logStreamNamePrefix=f"{name}/")["logStreams"]
    events, token = [], {}
    while True:  # as the SDK reads: until a page is empty
        page = logs.get_log_events(
            **group, logStreamName=stream["logStreamName"], startFromHead=True, **token
        )
        if not page["events"]:
            break
        events += page["events"]
        token = {"nextToken": page["nextForwardToken"]}
    assert arn in events[0]["message"]
    assert [one["timestamp"] for one in events] == sorted(one["timestamp"] for one in events)

    client.delete_processing_job(ProcessingJobName=name)
    gone = f"Could not find requested job with name: {name}"
    refused(client.describe_processing_job, "ValidationException", gone, ProcessingJobName=name)
    client.create_processing_job(**request)  # the name is free again
    ended(client, name)


def test_jobs_that_are_stopped_or_cannot_run(client, bucket):
    s3, name = boto3.client("s3"), unique("stopped")
    s3.upload_file(str(TRAINING), bucket, "training.csv")
    client.create_processing_job(**processing_job(name, bucket))
    client.stop_processing_job(ProcessingJobName=name)
    assert ended(client, name)["ProcessingJobStatus"] in ("Stopped", "Completed")  # it may have been quicker
    nothing = unique("nothing")
    request = processing_job(nothing, bucket)
    request["ProcessingInputs"][0]["S3Input"]["S3Uri"] = f"s3://{bucket}/not/there"
    client.create_processing_job(**request)
    failed = ended(client, nothing)
    assert failed["ProcessingJobStatus"] == "Failed"
    assert "No S3 objects found under S3 URL" in failed["FailureReason"]
    assert f"s3://{bucket}/not/there" in failed["FailureReason"]
    unknown = "Could not find requested job with name: nobody"
    refused(client.stop_processing_job, "ValidationException", unknown, ProcessingJobName="nobody")
    refused(client.delete_processing_job, "ResourceNotFound", ProcessingJobName="nobody")


def test_an_execution_loses_its_job(client, endpoint, bucket):
    """Every listed ARN can be described: deleting the job clears it from the execution."""
    name = unique("cleared")
    request = definition("DataQuality", name, endpoint(drifted_captures()))
    target = OUTPUT | {"S3Uri": f"s3://{bucket}/reports"}
    request["DataQualityJobOutputConfig"] = {"MonitoringOutputs": [{"S3Output": target}]}
    client.create_data_quality_job_definition(**request)
    schedule(client, name, name, NOW)
    (execution,) = executions(name)
    job = execution["ProcessingJobArn"].rpartition("/")[2]
    assert job.startswith("model-monitoring-")
    assert len(job) <= 63
    client.delete_processing_job(ProcessingJobName=job)
    (cleared,) = executions(name)
    assert "ProcessingJobArn" not in cleared
    assert cleared["MonitoringExecutionStatus"] == execution["MonitoringExecutionStatus"]


def test_endpoints_and_models(client, endpoint, bucket):
    name = endpoint()
    described = client.describe_endpoint(EndpointName=name)
    assert described["EndpointStatus"] == "InService"
    config = client.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    assert config["DataCaptureConfig"]["CaptureOptions"] == [
        {"CaptureMode": "Input"},
        {"CaptureMode": "Output"},
    ]
    second = unique("second")
    client.create_endpoint_config(EndpointConfigName=second, ProductionVariants=config["ProductionVariants"])
    client.update_endpoint(EndpointName=name, EndpointConfigName=second)
    assert client.describe_endpoint(EndpointName=name)["EndpointConfigName"] == second
    again = {"EndpointConfigName": second, "ProductionVariants": config["ProductionVariants"]}
    refused(client.create_endpoint_config, "ValidationException", "Cannot create already existing", **again)
    listed = client.list_endpoints(NameContains=name)["Endpoints"]
    assert [one["EndpointName"] for one in listed] == [name]
    client.delete_endpoint(EndpointName=name)
    client.delete_endpoint_config(EndpointConfigName=second)
    refused(client.describe_endpoint, "ValidationException", "Could not find endpoint", EndpointName=name)
    gone = "Could not find endpoint configuration"
    refused(client.describe_endpoint_config, "ValidationException", gone, EndpointConfigName=second)
    refused(client.create_endpoint, "ValidationException", gone, EndpointName=name, EndpointConfigName=second)

    model = unique("model")
    container = {"Image": "own.example/own:1", "ModelDataUrl": f"s3://{bucket}/model.tar.gz"}
    client.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    assert client.describe_model(ModelName=model)["PrimaryContainer"] == container
    assert [one["ModelName"] for one in client.list_models(NameContains=model)["Models"]] == [model]
    client.delete_model(ModelName=model)
    refused(client.describe_model, "ValidationException", "Could not find model", ModelName=model)


def test_pages_of_one(client, endpoint, bucket):
    """Check 18: every list, one item at a time, gives each item once and in order."""
    monitored, stem = endpoint(), unique("page")
    names = [f"{stem}-{n}" for n in range(3)]
    for name in names:
        for family in FAMILIES:
            operation(client, "create", family)(**definition(family, name, monitored))
        schedule(client, name, name)
        client.create_processing_job(**processing_job(name, bucket))
        client.create_model(ModelName=name, ExecutionRoleArn=ROLE)
        client.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[{"VariantName": "AllTraffic", "ModelName": name}]
        )
        client.create_endpoint(EndpointName=name, EndpointConfigName=name)
    definitions = ("data_quality", "model_quality", "model_bias", "model_explainability")
    lists = {
        "list_monitoring_schedules": ("MonitoringScheduleSummaries", "MonitoringScheduleName"),
        "list_processing_jobs": ("ProcessingJobSummaries", "ProcessingJobName"),
        "list_models": ("Models", "ModelName"),
        "list_endpoint_configs": ("EndpointConfigs", "EndpointConfigName"),
        "list_endpoints": ("Endpoints", "EndpointName"),
    } | {
        f"list_{family}_job_definitions": ("JobDefinitionSummaries", "MonitoringJobDefinitionName")
        for family in definitions
    }
    for call, (member, name_member) in lists.items():
        for order, expected in [("Ascending", names), ("Descending", names[::-1])]:
            pages = client.get_paginator(call).paginate(
                NameContains=stem, SortBy="CreationTime", SortOrder=order, PaginationConfig={"PageSize": 1}
            )
            assert [one[name_member] for page in pages for one in page[member]] == expected, (call, order)
        assert len(getattr(client, call)(NameContains=stem)[member]) == 3
        token = getattr(client, call)(NameContains=stem, MaxResults=1)["NextToken"]
        refused(getattr(client, call), "ValidationException", NameContains="other", NextToken=token)


def test_pages_of_executions_and_alerts(client, endpoint):
    name = unique("pages")
    client.create_data_quality_job_definition(**definition("DataQuality", name, endpoint()))
    schedule(client, name, name, NOW)
    executions(name)
    client.start_monitoring_schedule(MonitoringScheduleName=name)
    whole = executions(name, count=2)
    one_by_one = client.get_paginator("list_monitoring_executions").paginate(
        MonitoringScheduleName=name, SortBy="ScheduledTime", PaginationConfig={"PageSize": 1}
    )
    assert [one for page in one_by_one for one in page["MonitoringExecutionSummaries"]] == whole
    failed = client.list_monitoring_executions(MonitoringScheduleName=name, StatusEquals="Failed")
    assert len(failed["MonitoringExecutionSummaries"]) == 2
    between = client.list_monitoring_executions(
        MonitoringScheduleName=name, ScheduledTimeBefore=whole[0]["ScheduledTime"]
    )
    assert between["MonitoringExecutionSummaries"] == whole[1:]
    for call, member in [
        ("list_monitoring_alerts", "MonitoringAlertSummaries"),
        ("list_monitoring_alert_history", "MonitoringAlertHistory"),
    ]:
        pages = client.get_paginator(call).paginate(
            MonitoringScheduleName=name, PaginationConfig={"PageSize": 1}
        )
        assert len([one for page in pages for one in page[member]]) == 1


def test_an_operation_that_is_not_ours(client):
    refused(client.list_training_jobs, "UnknownOperationException", "ListTrainingJobs")
