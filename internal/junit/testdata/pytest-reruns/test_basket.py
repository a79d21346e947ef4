import pathlib

import pytest


def once(name):
    """Fails the first time that it is called in this directory, and not again."""
    if not pathlib.Path(name).exists():
        pathlib.Path(name).touch()
        raise AssertionError("not yet")


def test_total():
    pass


def test_discount():
    once("discount.ran")


@pytest.fixture
def drawer():
    once("drawer.ran")


def test_drawer(drawer):
    pass


def test_refund():
    assert False


@pytest.mark.skip(reason="later")
def test_later():
    pass
