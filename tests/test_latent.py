import pytest
import torch

from mnist_helpers import latent
from mnist_helpers.models import DenseAutoencoder

GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.rand(50, 1, 28, 28, generator=GENERATOR)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return DenseAutoencoder(6)


def two_clouds(count):
    """Points around (0, 0) and (5, 5), labelled 0 and 1 in turn."""
    labels = torch.arange(count) % 2
    return torch.randn(count, 2, generator=GENERATOR) + 5 * labels[:, None], labels


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_encoding_in_parts_is_encoding_at_once(model, batch_size):
    z = latent.encode(model, IMAGES, batch_size)
    assert z.shape == (50, 6) and not z.requires_grad
    assert torch.allclose(z, model.encode(IMAGES), atol=1e-6)
    assert torch.allclose(latent.decode(model, z, batch_size), model(IMAGES), atol=1e-6)
    assert torch.allclose(latent.reconstruct(model, IMAGES, batch_size), model(IMAGES), atol=1e-6)


def test_pca_reconstruction_is_exact_where_the_images_are_linear():
    weights = torch.rand(60, 3, generator=GENERATOR)
    images = (weights @ torch.rand(3, 784, generator=GENERATOR)).view(60, 1, 28, 28)
    train, test = images[:50], images[50:]
    assert torch.allclose(latent.pca_reconstruct(train, test, 3), test, atol=1e-4)
    assert not torch.allclose(latent.pca_reconstruct(train, test, 2), test, atol=1e-2)


def test_pca_components_are_the_leading_eigenvectors():
    pixels = IMAGES.flatten(1).double()
    _, vectors = torch.linalg.eigh((pixels - pixels.mean(dim=0)).T @ (pixels - pixels.mean(dim=0)))
    found = torch.from_numpy(latent.fit_pca(IMAGES, 2).components_).double()
    assert (found * vectors.T.flip(0)[:2]).sum(dim=1).abs() == pytest.approx(
        torch.ones(2), abs=1e-3
    )


def test_nearest_neighbours_are_those_of_a_full_search():
    points, queries = torch.rand(40, 3, generator=GENERATOR), torch.rand(5, 3, generator=GENERATOR)
    expected = torch.cdist(queries, points).topk(4, largest=False).indices
    assert torch.equal(latent.nearest_neighbours(points, queries, 4), expected)
    assert latent.nearest_neighbours(points, points, 2)[:, 0].tolist() == list(range(40))


@pytest.mark.parametrize("score", [latent.neighbour_accuracy, latent.linear_probe])
def test_scores_tell_separate_classes_from_mixed_ones(score):
    train, test = two_clouds(200), two_clouds(100)
    assert score(*train, *test) > 0.97
    shuffled = torch.randint(2, (200,), generator=GENERATOR)
    assert 0.3 < score(train[0], shuffled, *test) < 0.7


def test_interpolation_is_a_straight_line_with_its_ends():
    start, end = IMAGES[0], IMAGES[1]
    line = latent.interpolate(start, end, 5)
    assert line.shape == (5, 1, 28, 28)
    assert torch.equal(line[0], start) and torch.allclose(line[-1], end)
    assert torch.allclose(line[2], (start + end) / 2)
