import json
import shutil
from pathlib import Path

import pytest

from callrouter.toolchain.share import share_folder
from tests.cli.stage import command, run

APP = command("check")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return shutil.copytree(share_folder("ivr_flows"), tmp_path / "ivr_flows")


def test_a_fault_stands_last_and_recordings_share_a_line(site: Path) -> None:
    flow = site / "province.yaml"
    flow.write_text(flow.read_text().replace("greeting_province", "greeting_provinze"))
    found = run(APP, "check", site)
    assert found.exit_code == 1
    *warnings, fault, total = found.output.splitlines()
    assert fault.startswith(f"error: {flow}:")
    assert "1 fault," in total
    assert all(line.startswith("warning: ") for line in warnings)
    assert sum("recording" in line and "catalogue.yaml" not in line for line in warnings) == 1
    assert "bo-amdo in " in found.output
    listed = json.loads(run(APP, "check", site, "--json").output)["faults"]
    assert sum("have no recording in bo-" in one["message"] for one in listed) > 4
