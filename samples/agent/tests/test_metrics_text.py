import os

import psutil
import pytest
from edge_agent.counters import HELP, Counters
from edge_agent.exposition import MetricFamily, gauge, write_text
from edge_agent.ports.host_figures import host_figures
from prometheus_client.parser import text_string_to_metric_families

from samples.agent.tests.support.metrics import parsed

STRANGE = 'back\\slash "quoted"\nnext line ä€ {},='


def test_labels_and_help_texts_are_escaped():
    text = write_text([MetricFamily("a_total", "counter", STRANGE, (({"x": STRANGE, "y": ""}, 2.5), ({}, 1)))])
    family = next(iter(text_string_to_metric_families(text)))
    assert family.documentation == STRANGE
    assert (family.type, [sample.labels for sample in family.samples]) == ("counter", [{"x": STRANGE, "y": ""}, {}])


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (3.0, "3"), (0.25, "0.25"), (2**60, str(2**60)), (1e21, "1" + "0" * 21)]
)
def test_whole_numbers_have_no_point_or_exponent(value, shown):
    assert write_text([gauge("a", "A", value)]).splitlines()[-1] == f"a {shown}"


def test_family_without_samples_is_left_out():
    assert write_text([MetricFamily("a", "gauge", "A", ())]) == ""


def test_host_figures_have_node_exporters_names():
    samples = parsed(write_text(host_figures()))
    processors = {labels for name, *labels_of in samples for labels in labels_of if name == "node_cpu_seconds_total"}
    assert len({value for name, value in processors if name == "cpu"}) == psutil.cpu_count()
    assert {value for name, value in processors if name == "mode"} >= {"user", "system", "idle", "iowait"}
    assert samples[("node_memory_MemTotal_bytes",)] == psutil.virtual_memory().total
    assert 0 < samples[("node_memory_MemAvailable_bytes",)] < samples[("node_memory_MemTotal_bytes",)]
    assert samples[("node_boot_time_seconds",)] == psutil.boot_time()
    assert all(samples[(f"node_load{minutes}",)] >= 0 for minutes in (1, 5, 15))
    assert samples[("node_network_receive_bytes_total", ("device", "lo"))] >= 0
    roots = [key for key in samples if key[0] == "node_filesystem_size_bytes" and ("mountpoint", "/") in key]
    sizes = os.statvfs("/")
    assert [samples[key] for key in roots] == [sizes.f_blocks * sizes.f_frsize]


def test_counters_start_at_zero_and_count_each_label():
    counters = Counters()
    counters.add("ssh_authentication_total", result="refused")
    counters.add("ssh_authentication_total", result="refused")
    counters.add("ssh_authentication_total", result="accepted")
    samples = parsed(write_text(counters.families()))
    assert samples[("edge_agent_ssh_authentication_total", ("result", "refused"))] == 2
    assert samples[("edge_agent_ssh_authentication_total", ("result", "accepted"))] == 1
    assert [samples[(f"edge_agent_{name}",)] for name in HELP if name != "ssh_authentication_total"] == [0] * 8
    with pytest.raises(KeyError):
        counters.add("unknown_total")
