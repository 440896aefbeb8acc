"""The networks of the playground in 8 bits: a quarter of the bytes.

A file holds layer after layer: one scale for each unit or feature map (float32), one bias
(float32), and its weights as whole numbers from -127 to 127. A weight is its number times the
scale of its row. `playground/networks.js` reads the same.
"""

from pathlib import Path

import torch
from torch import nn

FOLDER = Path(__file__).with_name("playground") / "networks"
ACTIVATIONS = {nn.ReLU: "relu", nn.LeakyReLU: "leaky", nn.SiLU: "silu", nn.Sigmoid: "sigmoid"}


def store(name, modules):
    """Write the weights of a sequence of layers to NAME.bin; returns their description."""
    layers, parts, side = [], [], None
    for module in modules:
        if isinstance(module, nn.Unflatten):
            side = module.unflattened_size[-1]
        if type(module) in ACTIVATIONS:
            layers[-1]["activation"] = ACTIVATIONS[type(module)]
        if not hasattr(module, "weight"):
            continue
        weight = module.weight.detach()
        layer = {"kind": "dense"}
        if isinstance(module, nn.ConvTranspose2d):
            weight = weight.transpose(0, 1)  # (out, in, 3, 3), as in `dense`
            layer = {"kind": "grow", "side": side}
            side *= 2
        layers.append(layer | {"inputs": weight.shape[1], "outputs": len(weight)})
        rows = weight.flatten(1)
        scales = rows.abs().amax(dim=1).clamp(min=1e-12) / 127
        whole = (rows / scales[:, None]).round().to(torch.int8)
        parts += [scales.numpy(), module.bias.detach().numpy(), whole.numpy()]
    (FOLDER / f"{name}.bin").write_bytes(b"".join(part.tobytes() for part in parts))
    return layers


def load(name, layers):
    """The stored network in PyTorch, with the rounded weights; it maps rows to rows.

    Args:
        name: of the file.
        layers: its description, as `index.json` has it.
    """
    raw, at = bytearray((FOLDER / f"{name}.bin").read_bytes()), 0

    def take(count, dtype):
        nonlocal at
        part = torch.frombuffer(raw, dtype=dtype, count=count, offset=at).float()
        at += count * dtype.itemsize
        return part

    modules = []
    for layer in layers:
        a, b = layer["inputs"], layer["outputs"]
        scales, biases = take(b, torch.float32), take(b, torch.float32)
        if layer["kind"] == "dense":
            made = nn.Linear(a, b)
            modules.append(made)
        else:
            made = nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=1)
            modules += [nn.Unflatten(1, (a, layer["side"], layer["side"])), made, nn.Flatten()]
        whole = take(made.weight.numel(), torch.int8)
        weight = (whole.view(b, -1) * scales[:, None]).view(b, a, *made.weight.shape[2:])
        if layer["kind"] == "grow":
            weight = weight.transpose(0, 1)
        made.load_state_dict({"weight": weight, "bias": biases})
        modules += [kind() for kind, word in ACTIVATIONS.items() if word == layer.get("activation")]
    return nn.Sequential(*modules).eval()
