"""Folders of pictures: how they are found, divided and read."""

from __future__ import annotations

import numpy as np
import pytest

from bench import data
from bench.data import images
from bench.errors import DataError

Image = pytest.importorskip("PIL.Image", reason="needs the extra [images]")


@pytest.fixture
def draw(tmp_path):
    """Writes a picture of one colour, or of an array."""

    def write(name, colour=0, size=(6, 4), mode="RGB"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(colour, np.ndarray):
            picture = Image.fromarray(colour)
        else:
            picture = Image.new(mode, size, colour)
        picture.save(path)
        return path

    return write


def test_folders_of_splits_and_classes(draw, tmp_path):
    for split, count in (("train", 3), ("Test", 2), ("val", 1)):
        for name in ("dog", "cat"):
            for number in range(count):
                draw(f"{split}/{name}/{number}.png", number)
    (tmp_path / "train/dog/notes.txt").touch()
    (tmp_path / "train/dog/.hidden.png").touch()
    samples = data.load(tmp_path)
    assert {name: len(split) for name, split in samples.splits.items()} == {
        "train": 6, "test": 4, "validation": 2,
    }  # fmt: skip
    assert samples.notes == ()
    assert samples.test.y[""].tolist() == [0, 0, 1, 1]  # cat before dog
    assert all("cat" in path for path in samples.test.x[""][:2])


def test_folders_of_classes_alone_are_divided_by_content(draw, tmp_path):
    for number in range(40):
        draw(f"{'ab'[number % 2]}/{number}.png", (number, 0, 0))
    samples = data.load(str(tmp_path))
    test, train = len(samples.test), len(samples.splits["train"])
    assert test + train == 40
    assert 0 < test < train
    assert f"{test} of 40 pictures, chosen by their content" in samples.notes[0]
    assert data.load(str(tmp_path)).sha256 == samples.sha256


def test_other_pictures_have_another_hash(draw, tmp_path):
    draw("a/1.png", 1)
    draw("b/2.png", 2)
    before = data.load(tmp_path).sha256
    draw("b/2.png", 3)
    assert data.load(tmp_path).sha256 != before


def test_pictures_are_read_at_the_size_asked_for(draw):
    paths = np.array([str(draw("a.png", (255, 0, 0))), str(draw("b.jpg", (0, 0, 255), (20, 10)))])
    read = images.read(paths, 4, 6, 3)
    assert read.shape == (2, 4, 6, 3)
    assert read.dtype == np.uint8
    assert read[0].reshape(-1, 3).tolist() == [[255, 0, 0]] * 24
    assert read[1, ..., 2].min() > 250
    grey = images.read(paths, 4, 6, 1)
    assert grey.shape == (2, 4, 6, 1)
    assert images.read(paths, 2, 2, 4)[..., 3].min() == 255


def test_a_size_that_all_have_in_common(draw):
    same = [str(draw("a.png")), str(draw("b.png"))]
    assert images.common_size(np.array(same)) == (4, 6)
    assert images.common_size(np.array([*same, str(draw("c.png", size=(3, 3)))])) is None


def test_a_photo_is_turned_as_its_camera_says(tmp_path):
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[:, :3] = 255
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    path = tmp_path / "photo.png"
    picture.save(path, exif=exif)
    read = images.read(np.array([str(path)]), 6, 4, 1)[0, ..., 0]
    assert read[:3].min() == 255
    assert read[3:].max() == 0


def test_what_is_no_picture_or_has_too_many_bits_is_named(draw, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG and no more")
    with pytest.raises(DataError, match=r"broken\.png is not a picture"):
        images.read(np.array([str(tmp_path / "broken.png")]), 2, 2, 3)
    deep = draw("deep.png", np.full((4, 4), 60_000, np.uint16))
    with pytest.raises(DataError, match="more than 8 bits"):
        images.read(np.array([str(deep)]), 2, 2, 1)


def test_folders_that_are_not_laid_out_so(draw, tmp_path):
    with pytest.raises(DataError, match="holds no folders of pictures"):
        data.load(tmp_path)
    (tmp_path / "train" / "cat").mkdir(parents=True)
    with pytest.raises(DataError, match="holds no pictures"):
        data.load(tmp_path)
    draw("train/cat/1.png")
    draw("birds/1.png")
    with pytest.raises(DataError, match="splits train and also birds"):
        data.load(tmp_path)
