"""Train the networks of the playground, and write all that the page loads: three minutes.

    python -m tools.site.networks

Architectures and recipes are those of the lessons. Weights are rounded to 8 bits. Scores before
and after it, the recipes, and the sha256 of each file go into `index.json`.
"""

import hashlib
import json
import platform

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.transforms.functional import to_pil_image
from torchvision.utils import make_grid

from mnist_helpers import data, generating, judging, latent, models, noise, objectives, training
from mnist_helpers.sources.mnist import MNIST_MD5
from tools.site.rounding import FOLDER, load, store

SEED, SHOWN, COLUMNS = 0, 2000, 50
STEPS, GUIDANCE = 10, 1.25
INDEX = FOLDER / "index.json"


# ---- the lessons' networks -----------------------------------------------------------------


def train_as_in(lesson, model, digits, objective, **settings):
    """Train with the lesson's settings, quietly but for its name; returns the model."""
    print(f"lesson {lesson}", flush=True)
    training.fit(model, digits, objective, seed=SEED, verbose=False, **settings)
    return model.eval()


def classifier(train):
    """Lesson 2, section 2.10: 784-32-64-10 by plain gradient descent on 48,000 images."""
    torch.manual_seed(SEED)
    model = models.Classifier()
    return train_as_in(
        2, model, data.split(train, 0.2, seed=SEED)[0], training.classification, epochs=10,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
    )  # fmt: skip


def dense(train):
    """Lesson 3, section 3.7: 784-128-32 and back, mean squared error, Adam, 10 epochs."""
    torch.manual_seed(SEED)
    model = models.DenseAutoencoder(32, hidden=(128,))
    return train_as_in(3, model, train, training.reconstruction, epochs=10)


def denoiser(train):
    """Lesson 7, section 7.3: 784-800-784, Gaussian noise of deviation 0.5, 4 epochs, one-cycle."""
    torch.manual_seed(SEED)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 800), nn.ReLU())
    decoder = nn.Sequential(nn.Linear(800, 784), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28)))
    return train_as_in(
        7, models.Autoencoder(encoder, decoder), train,
        objectives.denoising(noise.gaussian(0.5)), epochs=4, batch_size=128,
        scheduler=training.one_cycle(4e-3),
    )  # fmt: skip


def plane(train):
    """Lesson 8, section 8.6: variational, 784-400-100-2 and back, 5 epochs, one-cycle to 0.005."""
    torch.manual_seed(SEED)
    return train_as_in(
        8, models.VariationalAutoencoder(2, hidden=(400, 100)), train, objectives.negative_elbo(),
        epochs=5, batch_size=128, scheduler=training.one_cycle(5e-3),
    )  # fmt: skip


def flow(train):
    """Lesson 9, sections 9.6 and 9.7: a velocity in the standardised codes of a conv autoencoder.

    Returns:
        The `Velocity`, and the decoder of such codes: mean and deviation of the codes are in the
        weights of its first layer.
    """
    torch.manual_seed(SEED)
    conv = train_as_in(
        9, models.ConvAutoencoder(32, channels=(16, 32), strides=(2, 2), hidden=(128,)), train,
        training.reconstruction, epochs=4, batch_size=128, scheduler=training.one_cycle(4e-3),
    )  # fmt: skip
    raw = latent.encode(conv, train.images)
    middle, spread = raw.mean(dim=0), raw.std(dim=0)
    torch.manual_seed(SEED)
    velocity = generating.Velocity(32, width=256, depth=3)
    train_as_in(
        9, velocity, data.Codes((raw - middle) / spread, train.labels), generating.flow_matching,
        epochs=21, batch_size=256, optimizer=torch.optim.Adam(velocity.parameters(), fused=True),
        scheduler=training.one_cycle(2e-3),
    )  # fmt: skip
    first = conv.decoder[0]
    with torch.no_grad():
        first.bias += first.weight @ middle
        first.weight *= spread
    return velocity, conv.decoder


LESSONS = (classifier, dense, denoiser, plane, flow)


def train_all(train):
    """All networks of the page: a dict, name -> module from rows of numbers to rows of numbers."""
    autoencoder, cloud, cleaner = dense(train), plane(train), denoiser(train)
    velocity, painter = flow(train)
    parts = {
        "classifier": classifier(train).layers,
        "encoder": autoencoder.encoder,
        "decoder": autoencoder.decoder,
        "plane-encoder": only_means(cloud.encoder),
        "plane-decoder": cloud.decoder,
        "velocity": velocity.layers,
        "painter": painter,
        "denoiser": [*cleaner.encoder, *cleaner.decoder],
    }
    return {name: nn.Sequential(*modules, nn.Flatten()).eval() for name, modules in parts.items()}


def only_means(encoder):
    """The encoder of a variational autoencoder without the units that give the variances."""
    *body, last = encoder
    half = nn.Linear(last.in_features, last.out_features // 2)
    with torch.no_grad():
        half.weight.copy_(last.weight[: half.out_features])
        half.bias.copy_(last.bias[: half.out_features])
    return nn.Sequential(*body, half)


# ---- what is told about them ---------------------------------------------------------------


@torch.no_grad()
def scores(networks, test):
    """What each panel of the page achieves on the test images: a dict of floats."""
    x = test.images.flatten(1)
    noisy = x + 0.5 * torch.randn(x.shape, generator=torch.Generator().manual_seed(SEED + 1))
    start = torch.randn(10000, 32, generator=torch.Generator().manual_seed(SEED))
    asked = torch.arange(10000) % 10
    codes = generating.walk(velocity_of(networks), start, asked, STEPS, GUIDANCE)[-1]
    drawn = networks["painter"](codes).view(-1, 1, 28, 28)
    told = judging.report(judging.judge_for(test), drawn, test, asked)
    answers = networks["classifier"](x).argmax(dim=1)
    return {
        "accuracy of the classifier": (answers == test.labels).float().mean().item(),
        "MSE of 32 numbers": F.mse_loss(through(networks, "", x), x).item(),
        "MSE of two numbers": F.mse_loss(through(networks, "plane-", x), x).item(),
        "MSE of the denoiser": F.mse_loss(networks["denoiser"](noisy), x).item(),
        "share that the judge reads as asked": told["asked = read"],
    }


def through(networks, which, x):
    """Reconstructions of images as rows, (N, 784), by an encoder and its decoder."""
    return networks[which + "decoder"](networks[which + "encoder"](x))


def velocity_of(networks):
    """The network as a `Velocity`, which `generating.walk` takes."""
    model = generating.Velocity(32)
    model.layers = networks["velocity"]
    return model


@torch.no_grad()
def store_images(encoder, shown):
    """Write where images lie in the plane, with their digits, and a sheet of their pictures."""
    places = encoder(shown.images.flatten(1)).numpy()
    digits = shown.labels.to(torch.uint8).numpy()
    (FOLDER / "places.bin").write_bytes(places.tobytes() + digits.tobytes())
    sheet = make_grid(shown.images, nrow=COLUMNS, padding=0)[:1]
    to_pil_image(sheet).save(FOLDER / "pictures.png", optimize=True)


def story(train, test, trained, layers):
    """What `index.json` tells: all that the page and whoever uses the weights need to know."""
    stored = {name: load(name, layers[name]) for name in layers}
    before, after = scores(trained, test), scores(stored, test)
    with torch.no_grad():
        largest = stored["encoder"](test.images.flatten(1)).abs().flatten().quantile(0.99)
    return {
        "recipes": [make.__doc__.split("\n")[0] for make in LESSONS],
        "seed": SEED,
        "data": {"source": train.source, "images": len(train), "md5": MNIST_MD5},
        "versions": {"torch": torch.__version__.split("+")[0], "python": platform.python_version()},
        "test scores": {key: {"trained": before[key], "in 8 bits": after[key]} for key in before},
        "largest number of a code": round(largest.item(), 1),
        "flow": {"steps": STEPS, "guidance": GUIDANCE},
        "layers": layers,
        "sha256": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(FOLDER.iterdir())
            if path.name != INDEX.name
        },
    }


def main():
    FOLDER.mkdir(exist_ok=True)
    train, test = data.load_mnist(source="mnist")
    trained = train_all(train)
    layers = {name: store(name, network) for name, network in trained.items()}
    store_images(load("plane-encoder", layers["plane-encoder"]), test.subset(slice(SHOWN)))
    told = story(train, test, trained, layers)
    INDEX.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    for key, value in told["test scores"].items():
        print(f"{key}: {value['trained']:.4f}, in 8 bits {value['in 8 bits']:.4f}")


if __name__ == "__main__":
    main()
