"""Stored fits as files: whole or absent, and refused in words where they are damaged or no fits (TESTS S13)."""

import netCDF4
import numpy as np
import pytest
import xarray as xr

from evidence.domain.errors import BadInput
from evidence.io.fits import header_attributes, read_fit, write_fit
from io_fits import CHECKS, HEADER, tree_of


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "fit.nc"
    write_fit(path, tree_of())
    return path


def refused(path, match):
    with pytest.raises(BadInput, match=match) as caught:
        read_fit(path)
    assert str(path) in str(caught.value)


def test_a_fit_comes_back_with_its_header_and_its_numbers(stored):
    header, tree = read_fit(stored)
    assert header == HEADER
    assert tree.identical(tree_of())
    assert [p.name for p in stored.parent.iterdir()] == ["fit.nc"]


def test_nothing_is_left_to_be_read_later(tmp_path):
    # a variable with the name of a group, which `DataTree.load` of xarray 2026.9 leaves on the disk
    tree = tree_of()
    tree["/log_likelihood"] = xr.DataTree(xr.Dataset({"findings": ("i", np.zeros(3))}))
    write_fit(tmp_path / "fit.nc", tree)
    found = read_fit(tmp_path / "fit.nc")[1]
    assert all(isinstance(v.variable._data, np.ndarray) for node in found.subtree for v in node.data_vars.values())


def test_an_existing_file_is_kept_unless_forced(stored):
    before = stored.read_bytes()
    with pytest.raises(BadInput, match="found an existing file, wanted another name, or --force"):
        write_fit(stored, tree_of())
    assert stored.read_bytes() == before
    failed = HEADER.model_copy(
        update={"ok": False, "checks": {"k_hat": CHECKS["k_hat"].model_copy(update={"ok": False})}}
    )
    write_fit(stored, tree_of(failed), force=True)
    assert read_fit(stored)[0] == failed


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    tree = tree_of()
    tree["/posterior"]["odd"] = ("i", np.array([{}, object()], dtype=object))
    with pytest.raises((TypeError, ValueError, AttributeError)):
        write_fit(tmp_path / "fit.nc", tree)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_s13_a_truncated_file_is_refused(stored, share):
    data = stored.read_bytes()
    stored.write_bytes(data[: int(share * len(data))])
    refused(stored, "found a damaged file")


def test_s13_a_file_of_noise_under_the_right_signature_is_refused(stored):
    data = bytearray(stored.read_bytes())
    data[8:] = np.random.default_rng(0).bytes(len(data) - 8)
    stored.write_bytes(bytes(data))
    refused(stored, "found a damaged file")


@pytest.mark.parametrize("content", [b"", b"hello", b"CDF\x01" + bytes(100), b"PK\x03\x04" + bytes(100)])
def test_s13_a_file_in_another_format_is_refused(tmp_path, content):
    path = tmp_path / "fit.nc"
    path.write_bytes(content)
    refused(path, "found a file in another format")


def test_what_is_no_file_is_refused(tmp_path):
    refused(tmp_path / "none.nc", "found no such file")
    refused(tmp_path, "no regular file")


def test_another_netcdf_file_is_refused(tmp_path):
    path = tmp_path / "other.nc"
    xr.Dataset({"x": ("i", [1.0, 2.0])}).to_netcdf(path, engine="netcdf4")
    refused(path, "found no posterior/merit, wanted a file written by `evidence rank --out`")


def changed(path, **attributes):
    with netCDF4.Dataset(path, "a") as file:
        for name, value in attributes.items():
            file.setncattr(name, value)


def test_a_failed_check_cannot_be_talked_away(stored):
    # one of `ok` and `checks` edited: the header contradicts itself
    write_fit(stored, tree_of(HEADER.model_copy(update={"ok": False})), force=True)
    refused(stored, "a header that contradicts itself .*ok: found False, wanted what its checks say, True")


def test_a_header_that_is_no_header_is_refused(stored):
    changed(stored, checks="{")
    refused(stored, "attribute 'checks' that is no JSON")
    changed(stored, checks='{"k_hat": 3}')
    refused(stored, "a header that contradicts itself")
    changed(stored, checks=header_attributes(HEADER)["checks"], format="2")
    refused(stored, "found format 2")
    with netCDF4.Dataset(stored, "a") as file:
        file.delncattr("provenance")
    refused(stored, "no attribute 'provenance'")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"weights": ("m", np.array([0.5, 0.5, 0.5, -0.5]))}, "weights that are no probabilities"),
        ({"weights": ("m", np.full(4, 0.2))}, "weights that are no probabilities"),
        ({"mean": (("m", "of_mean"), np.full((4, 2), np.nan))}, "weighted_draws/mean with values that are no numbers"),
        (
            {"mean": (("m", "of_mean"), np.array([["a", "b"]] * 4))},
            "weighted_draws/mean with values that are no numbers",
        ),
    ],
)
def test_draws_that_are_no_draws_are_refused(tmp_path, change, match):
    write_fit(tmp_path / "fit.nc", tree_of(**change))
    refused(tmp_path / "fit.nc", match)
