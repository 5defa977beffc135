from tests.coverage import below, by_package


def of(covered, branches):
    return {"summary": {"covered_branches": covered, "num_branches": branches}}


def test_coverage_is_summed_by_package_and_small_packages_omitted():
    files = {
        "chalicelib/fleet/nodes/a.py": of(10, 20),
        "chalicelib/fleet/nodes/b.py": of(20, 20),
        "chalicelib/kit/tables/c.py": of(15, 20),
        "infra/deployment/d.py": of(20, 20),
        "chalicelib/fleet/distribution/e.py": of(1, 4),
    }
    assert by_package(files) == {"chalicelib/fleet/nodes": 75.0, "chalicelib/kit": 75.0, "infra": 100.0}


def test_package_below_its_coverage_floor_or_missing_is_named():
    lines = below({"a": 90.0, "b": 89.6}, {"a": 91.0, "b": 90.0, "c": 50.0})
    assert [line.split(":")[0] for line in lines] == ["a", "c"]
