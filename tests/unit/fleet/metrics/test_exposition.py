"""Prometheus' text format in and out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.fleet.metrics.exposition import (
    LINE_CHARACTERS,
    READ_CHARACTERS,
    Family,
    Sample,
    read_samples,
    write_families,
)

NAMES = ["edge_a_total", "edge_b", "edge_c_total"]


def test_metric_families_are_written_in_the_text_format():
    text = write_families([Family("a_total", "As", [({"kind": "x"}, 2)]), Family("b", "Bs", [({}, 1)])])
    assert text == (
        '# HELP a_total As\n# TYPE a_total counter\na_total{kind="x"} 2.0\n# HELP b Bs\n# TYPE b gauge\nb 1.0\n'
    )


def test_malformed_line_is_skipped_and_others_read():
    text = 'a{x="1} 5\na{x="1",x="2"} 5\na 1 2 3\na\na{y="\\"2\\\\"} 7 1790000000000\n{"a"} 1\n # a\n  a  9'
    assert [sample.value for sample in read_samples(text, {"a"})] == [1, 7, 9]


def test_type_line_does_not_change_sample_names():
    text = "# TYPE a counter\na 5\n# TYPE b_total counter\nb_total 6\n"
    assert read_samples(text, {"a", "b_total"}) == [Sample("a", {}, 5), Sample("b_total", {}, 6)]


def test_line_above_the_length_limit_is_skipped():
    quotes = '""' * 250_000
    text = f'a{{x="{quotes}"}} 1\na{{x="{"y" * 2000}"}} 2\na{{x="{"y" * LINE_CHARACTERS}"}} 3\na 4\n'
    assert [sample.value for sample in read_samples(text, {"a"})] == [2, 4]


@pytest.mark.parametrize("line", ["a 1", 'a{x="y"} 1', "a{" + ",".join(f'l{n}="x"' for n in range(200)) + "} 1"])
def test_samples_are_read_up_to_the_text_limit(line):
    read = read_samples(f"b 1\n{line}\n" * (2 * READ_CHARACTERS // len(line)), {"a"})
    assert len(read) == READ_CHARACTERS // len(line)


def test_line_ends_are_those_of_the_text_format():
    text = 'a{x="\u2028y\x0b"} 1\na 2\r\n'
    assert read_samples(text, {"a"}) == [Sample("a", {"x": "\u2028y\x0b"}, 1), Sample("a", {}, 2)]


FAMILIES = st.lists(
    st.builds(
        Family,
        st.sampled_from(NAMES),
        st.text(max_size=10),
        st.lists(
            st.tuples(
                st.dictionaries(st.sampled_from(["l", "m"]), st.text(max_size=8).filter(str.isprintable)),
                st.integers(0, 2**50),
            ),
            max_size=3,
        ),
    ),
    max_size=4,
)


@given(FAMILIES)
def test_written_families_are_read_back(families):
    wanted = [Sample(each.name, labels, value) for each in families for labels, value in each.samples]
    assert read_samples(write_families(families), NAMES) == wanted
