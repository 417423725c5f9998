"""How cost grows: sizes are looked at before anything is allocated, and slopes are exponents."""

from dataclasses import replace

from minicnn.bench import growth


def test_dense_says_its_size_before_it_allocates_and_slopes_are_exponents() -> None:
    sweep = growth.Sweep("image n²", (4, 8, 1024), lambda n: growth.Shape(n, 1, 3, 1), {"dense": 4}, {"dense": 4})
    (curve,) = growth.measure([sweep], seconds=0.0)
    assert [point.value for point in curve.points] == [4, 8]
    assert curve.refused == "C would be 4.0 TiB"
    square = replace(curve, points=(growth.Point(8, 3.0, 10), growth.Point(16, 12.0, 80)))
    assert (square.slope(lambda point: point.milliseconds), square.slope(lambda point: point.nbytes)) == (2.0, 3.0)
    assert "4 / 2.0" in list(growth.table([square]).columns[5].cells)
    assert growth.picture([square]).axes
