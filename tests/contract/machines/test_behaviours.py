"""The document of what clients rely on is the one that the tests say."""

from tests.contract.machines.behaviours import DOCUMENT, document, every_behaviour


def test_document_lists_what_the_tests_say():
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def test_each_behaviour_is_told_once():
    told = [(one.api, one.text) for one in every_behaviour()]

    assert len(set(told)) == len(told) > 0
