"""Where settings come from, and what is said of wrong ones."""

import pytest

from open_model_monitor.errors import SettingsError
from open_model_monitor.settings import CaptureLocation, Channel, load_settings, setting_fields


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_an_argument_wins_over_the_environment_and_that_over_the_file(tmp_path):
    (tmp_path / "omm.toml").write_text('port = 1\nhost = "from-file"\n[schedule]\nextended = true\n')
    settings = load_settings({"OMM_PORT": "2", "OMM_REGION": "eu-west-1"}, None, {"region": "sa-east-1"})
    assert (settings.port, settings.host, settings.region) == (2, "from-file", "sa-east-1")
    assert settings.schedule_extended
    origins = {name: origin for name, _, origin, _ in settings.rows()}
    assert origins["port"] == "OMM_PORT"
    assert origins["host"] == origins["schedule_extended"] == "omm.toml"
    assert origins["region"] == "argument"
    assert origins["data"] == "default"


def test_lists_come_as_names_or_json():
    settings = load_settings(
        {
            "OMM_AUTH_PUBLIC_HOSTS": "a.example, b.example",
            "OMM_CAPTURE_LOCATIONS": '[{"endpoint_pattern": "*", "capture_s3_uri": "s3://b/c"}]',
        }
    )
    assert settings.auth_public_hosts == ("a.example", "b.example")
    assert settings.capture_locations == (CaptureLocation("*", "s3://b/c"),)


def test_a_file_may_hold_tables(tmp_path):
    (tmp_path / "my.toml").write_text(
        '[[alert_channels]]\nname = "team"\nkind = "webhook"\naddress = "https://example.org/hook"\n'
    )
    settings = load_settings({"OMM_CONFIG": str(tmp_path / "my.toml")})
    assert settings.alert_channels == (Channel("team", "webhook", "https://example.org/hook"),)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"OMM_AUTH": "open"}, "auth is 'open' in OMM_AUTH"),
        ({"OMM_PORT": "many"}, "port is 'many' in OMM_PORT"),
        ({"OMM_CONFIG": "/nowhere/omm.toml"}, "cannot read the settings in /nowhere/omm.toml"),
    ],
)
def test_a_wrong_value_is_named(environment, said):
    with pytest.raises(SettingsError, match=said):
        load_settings(environment)


def test_an_unknown_name_in_the_file_is_named(tmp_path):
    (tmp_path / "omm.toml").write_text("prot = 1\n")
    with pytest.raises(SettingsError, match="'prot', which is no setting"):
        load_settings({})


def test_secrets_are_not_shown():
    environment = {"OMM_SECRET_KEY": "hush", "OMM_DATABASE": "postgresql://u:pass@h/d"}
    shown = " ".join(" ".join(row) for row in load_settings(environment).rows())
    assert "hush" not in shown
    assert "pass@" not in shown
    with pytest.raises(SettingsError) as caught:
        load_settings({"OMM_ALERT_CHANNELS": "hush"})
    assert "hush" not in str(caught.value).replace("(secret)", "")


def test_the_database_is_in_the_data_folder_unless_told():
    assert load_settings({"OMM_DATA": "/var/omm"}).database_url == "sqlite:////var/omm/omm.db"
    assert load_settings({"OMM_DATABASE": "postgresql://h/d"}).database_url == "postgresql://h/d"


def test_every_setting_has_help():
    assert all(one.metadata["help"] for one in setting_fields())
