"""What Prometheus sees."""

from open_model_monitor.control.tables import metric_values
from open_model_monitor.server.exposition import Exposition


def test_the_last_value_of_each_metric(store, clock):
    exposition = Exposition(store, clock)
    dimensions = '{"Endpoint":"e","Feature":"f \\"x\\"","MonitoringSchedule":"s"}'
    realm = {"account": "000000000000", "region": "us-east-1", "namespace": "n", "dimensions": dimensions}
    sums = {"SampleCount": 2.0, "Sum": 6.0, "Minimum": 1.0, "Maximum": 5.0}
    with store.begin() as transaction:
        for value in (1.0, 2.0):
            transaction.insert(metric_values, **realm, name="drift", time=clock(), value=value)
        transaction.insert(metric_values, **realm, name="data", time=clock(), statistics=sums)
    text, content_type = exposition.text()
    labels = 'endpoint="e",feature="f \\"x\\"",metric="{}",monitoring_schedule="s",namespace="n"'
    assert f"omm_monitor_metric{{{labels.format('drift')}}} 2.0" in text
    assert f"omm_monitor_metric{{{labels.format('data')}}} 3.0" in text
    assert content_type.startswith("text/plain")
    clock.forward(days=3)
    assert "omm_monitor_metric{" not in exposition.text()[0]


def test_what_clients_invent_is_no_label(store, clock):
    exposition = Exposition(store, clock)
    exposition.answered("sagemaker", "x" * 500, 200, 0.1)
    exposition.answered("sagemaker", "Invented", 400, 0.1)
    text, _ = exposition.text()
    assert 'operation="other"' in text
    assert "Invented" not in text
