"""The commands around the server, as the operator types them."""

import json

import pytest

from open_model_monitor.cli.app import main


@pytest.fixture
def omm(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def omm(*words, code=0):
        assert main([*words, "--data", str(tmp_path / "data")]) == code
        return capsys.readouterr()

    return omm


def test_keys(omm):
    made = json.loads(omm("keys", "create", "mine", "--scopes", "read", "--days", "1", "--json").out)
    assert made["scopes"] == ["read"]
    assert made["AWS_SECRET_ACCESS_KEY"]
    [listed] = json.loads(omm("keys", "list", "--json").out)
    assert (listed["label"], listed["valid"]) == ("mine", True)
    assert made["AWS_SECRET_ACCESS_KEY"] not in omm("keys", "list").out
    omm("keys", "revoke", made["AWS_ACCESS_KEY_ID"])
    [listed] = json.loads(omm("keys", "list", "--json").out)
    assert not listed["valid"]
    assert "no scope" in omm("keys", "create", "x", "--scopes", "all", code=2).err


def test_exports_can_be_evaluated(omm, tmp_path):
    lines = omm("client-env", "--url", "http://it's.example").out.splitlines()
    assert "export AWS_ENDPOINT_URL='http://it'\\''s.example'" in lines
    assert all(line.startswith("export ") for line in lines)
    assert (tmp_path / "data/sagemaker-config.yaml").exists()


def test_settings(omm, monkeypatch):
    monkeypatch.setenv("OMM_SECRET_KEY", "hush")
    told = omm("settings", "--json").out
    rows = {row["setting"]: row for row in json.loads(told)}
    assert rows["data"]["from"] == "argument"
    assert "hush" not in told


def test_backup_and_restore(omm, tmp_path):
    omm("keys", "create", "mine")
    assert json.loads(omm("backup", "file", "--json").out)["rows"]["keys"] == 1
    assert "exists" in omm("backup", "file", code=2).err
    assert main(["restore", "file", "--data", str(tmp_path / "other")]) == 0
    assert "not empty" in omm("restore", "file", code=2).err


def test_what_is_not_there(omm):
    for words in (
        ("logs", "nobody"),
        ("trigger", "nobody"),
        ("backfill", "nobody", "--since", "2026-01-01T00:00:00Z"),
    ):
        assert "nobody" in omm(*words, code=2).err


def test_a_server_for_others_needs_a_key(omm):
    assert "there is no key yet" in omm("serve", "--host", "0.0.0.0", "--port", "0", code=2).err
    assert "--local" in omm("serve", "--host", "0.0.0.0", "--local", code=2).err
