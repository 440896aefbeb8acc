"""Looking into codes: encoding a data set, PCA as the linear rival, neighbours, probes, paths.

scikit-learn takes longer to import than all the rest, so it is imported where it is used. Like
training, it takes only the processor cores that are free (`@share_cores()`).
"""

import torch

from mnist_helpers.devices import device_of
from mnist_helpers.modes import evaluating
from mnist_helpers.threads import pick_threads, share_cores


def encode(model, images, batch_size=250):
    """Codes z, (N, latent_dim), of images, (N, 1, 28, 28), without gradients, on the CPU."""
    return _apply(model, model.encode, images, batch_size)


def decode(model, codes, batch_size=250):
    """Pictures, (N, 1, 28, 28), of codes, (N, latent_dim), without gradients, on the CPU."""
    return _apply(model, model.decode, codes, batch_size)


def reconstruct(model, images, batch_size=250):
    """Reconstructions x_hat of images, both (N, 1, 28, 28), without gradients, on the CPU."""
    return _apply(model, model, images, batch_size)


def _apply(model, function, inputs, batch_size):
    device = device_of(model)
    threads = pick_threads(model, device, len(inputs))
    with evaluating(model), share_cores(threads):
        return torch.cat([function(part.to(device)).cpu() for part in inputs.split(batch_size)])


@share_cores()
def fit_pca(images, components):
    """A fitted `sklearn.decomposition.PCA` of flattened images, (N, 1, 28, 28).

    Its `components_`, (components, 784), are the directions in which the images differ most.
    """
    from sklearn.decomposition import PCA

    return PCA(components, svd_solver="covariance_eigh").fit(images.flatten(1).numpy())


@share_cores()
def pca_reconstruct(train_images, test_images, components):
    """Reconstructions of test images from `components` numbers each, learned on train images.

    No linear encoder and decoder has a smaller mean squared error on the images they were
    fitted to (Eckart & Young, 1936). Both arguments and the result are (N, 1, 28, 28).
    """
    pca = fit_pca(train_images, components)

    def draw(images):
        codes = pca.transform(images.flatten(1).numpy())
        return torch.from_numpy(pca.inverse_transform(codes)).float().view_as(images)

    return torch.cat([draw(part) for part in test_images.split(1000)])  # it saves memory


@share_cores()
def nearest_neighbours(points, queries, count):
    """Positions in `points`, (N, d), of the `count` nearest to each query, (M, d): (M, count).

    Distances are Euclidean. A query that is itself among the points comes first.
    """
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=count).fit(points.flatten(1))
    return torch.from_numpy(search.kneighbors(queries.flatten(1), return_distance=False))


@share_cores()
def neighbour_accuracy(train_points, train_labels, test_points, test_labels, neighbours=5):
    """Share of test points whose nearest train points, by majority, have their label.

    Points are (N, d) or images; high accuracy means that near in this space is alike in class.
    """
    from sklearn.neighbors import KNeighborsClassifier

    vote = KNeighborsClassifier(neighbours).fit(train_points.flatten(1), train_labels)
    return float(vote.score(test_points.flatten(1), test_labels))


@share_cores()
def linear_probe(train_points, train_labels, test_points, test_labels):
    """Test accuracy of a softmax regression that reads the labels off the points, (N, d).

    A *linear probe* asks whether a flat cut through the space separates the classes:
    Alain & Bengio, "Understanding intermediate layers using linear classifier probes" (2016).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200, tol=1e-3))
    probe.fit(train_points.flatten(1), train_labels)
    return float(probe.score(test_points.flatten(1), test_labels))


def interpolate(start, end, steps):
    """`steps` points on the straight line from start to end, ends included: (steps, *shape)."""
    return torch.lerp(start, end, torch.linspace(0, 1, steps).view(-1, *[1] * start.dim()))
