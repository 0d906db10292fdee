"""Monitors with executions and documents, laid directly into a store and a folder."""

import json
from datetime import timedelta

from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.store import new_id
from open_model_monitor.control.tables import executions, jobs
from support.clients import definition, named

HOUR = timedelta(hours=1)


def numbers(name, low=0.0, present=100, step=1.0):
    """Return the statistics of a feature of numbers, in ten buckets."""
    buckets = [
        {"lower_bound": low + i * step, "upper_bound": low + (i + 1) * step, "count": present / 10}
        for i in range(10)
    ]
    kll = {
        "buckets": buckets,
        "sketch": {"parameters": {"c": 0.64, "k": 2048.0}, "data": [[low + i for i in range(10)]]},
    }
    block = {
        "common": {"num_present": present, "num_missing": 0},
        "mean": low + 5,
        "sum": (low + 5) * present,
        "std_dev": 3.0,
        "min": low,
        "max": low + 10,
        "distribution": {"kll": kll},
    }
    return {"name": name, "inferred_type": "Fractional", "numerical_statistics": block}


def texts(name, counts):
    """Return the statistics of a feature of texts."""
    buckets = [{"value": value, "count": count} for value, count in counts.items()]
    common = {"num_present": sum(counts.values()), "num_missing": 0}
    block = {
        "common": common,
        "distinct_count": len(counts),
        "distribution": {"categorical": {"buckets": buckets}},
    }
    return {"name": name, "inferred_type": "String", "string_statistics": block}


def statistics(*features):
    return {"version": 0.0, "dataset": {"item_count": 100}, "features": list(features)}


def violation(name, check="baseline_drift_check", text="Baseline drift distance: 0.3 exceeds threshold: 0.1"):
    return {"feature_name": name, "constraint_check_type": check, "description": text}


class World:
    """Lays what pages show."""

    def __init__(self, service, clock, folder):
        self.service, self.clock, self.folder = service, clock, folder
        self.caller = Caller("000000000000", "us-east-1")

    def monitor(self, name="churn", kind="DataQuality", **more):
        """Create a schedule with a definition of its own."""
        self.service.call(f"Create{kind}JobDefinition", definition(kind, f"{name}-def", **more), self.caller)
        config = named(f"{name}-def", kind)
        request = {"MonitoringScheduleName": name, "MonitoringScheduleConfig": config}
        self.service.call("CreateMonitoringSchedule", request, self.caller)
        return name

    def documents(self, folder, **documents):
        """Write documents, by their names without the ending; returns the folder's address."""
        place = self.folder / folder
        place.mkdir(parents=True, exist_ok=True)
        for name, document in documents.items():
            (place / f"{name}.json").write_text(json.dumps(document))
        return str(place)

    def execution(self, monitor="churn", hours_ago=1, status="Completed", output=None, baseline=None, **more):
        """Insert an execution that ended, with its job; returns its id."""
        with self.service.store.begin() as transaction:
            return self._insert(transaction, monitor, hours_ago, status, output, baseline, more)

    def _insert(self, transaction, monitor, hours_ago, status, output, baseline, more):
        from open_model_monitor.control.overview import Territory
        from open_model_monitor.control.overview import monitor as find

        schedule = find(transaction, Territory("000000000000", "us-east-1"), monitor)
        scheduled = self.clock.now.replace(minute=0, second=0) - hours_ago * HOUR
        identifier, name = new_id(), f"job-{new_id()[:20]}"
        realm = {
            "account": "000000000000",
            "region": "us-east-1",
            "created": scheduled,
            "modified": scheduled,
        }
        common = {**realm, "kind": schedule["kind"], "endpoint": schedule["endpoint"]}
        config = {"config": schedule["config"], "definition": schedule["document"]}
        transaction.insert(
            executions,
            **common,
            id=identifier,
            schedule=monitor,
            schedule_id=schedule["id"],
            scheduled=scheduled,
            revision=0,
            trigger="tick",
            status=status,
            stage="analysing",
            window_start=scheduled - HOUR,
            window_end=scheduled,
            waits_until=scheduled,
            snapshot=config,
            job=name if output else None,
            failure=more.get("failure"),
            violations=more.get("violations"),
        )
        if output:
            inputs = [
                {"InputName": kind, "S3Input": {"S3Uri": address, "LocalPath": "/x"}}
                for kind, address in (baseline or {}).items()
            ]
            request = {
                "ProcessingInputs": inputs,
                "ProcessingOutputConfig": {"Outputs": [{"S3Output": {"S3Uri": output}}]},
            }
            transaction.insert(
                jobs,
                **realm,
                id=new_id(),
                name=name,
                status="Completed",
                request=request,
                execution=identifier,
                role="analysis",
                stop_requested=False,
                attempt=1,
                details={"rows": 100, "seconds": 1.5},
            )
        return identifier
