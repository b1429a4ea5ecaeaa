"""PyTorch: one training step, eager; --fused takes fused Adam, --compile also torch.compile."""

import time

import torch
import torch.nn.functional as F
from torch import nn

import peer

ACTIVATIONS = {"relu": F.relu, "softplus": F.softplus}


class VAE(nn.Module):
    """`forward` gives the loss and its two terms, so that torch.compile sees them too."""

    def __init__(self, model, latent):
        super().__init__()
        facts = peer.MODELS[model]
        self.activation = ACTIVATIONS[facts["activation"]]
        self.mean = facts["mean"]
        start = peer.weights(model, latent)
        self.encoder = nn.ModuleList(map(self.layer, start["encoder"]))
        self.mu = self.layer(start["mu"])
        self.logvar = self.layer(start["logvar"])
        self.decoder = nn.ModuleList(map(self.layer, start["decoder"]))

    @staticmethod
    def layer(arrays):
        weight, bias = map(torch.from_numpy, arrays)
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)
        return linear

    def forward(self, x):
        h = x
        for layer in self.encoder:
            h = self.activation(layer(h))
        mu, logvar = self.mu(h), self.logvar(h)
        h = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        for layer in self.decoder[:-1]:
            h = self.activation(layer(h))
        logits = self.decoder[-1](h)
        bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        if self.mean:
            bce, kld = bce / len(x), kld / len(x)
        return bce + kld, bce, kld


def adam(vae, fused):
    return torch.optim.Adam(vae.parameters(), lr=1e-3, **({"fused": True} if fused else {}))


def main():
    answers = peer.Answers()
    options = peer.arguments("fused", "compile")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    vae = VAE(options.model, options.latent)
    forward = torch.compile(vae) if options.compile else vae
    x = torch.from_numpy(peer.images(options.batch))
    first = {name: value.clone() for name, value in vae.state_dict().items()}
    optimizer = None

    def reset():
        nonlocal optimizer
        vae.load_state_dict(first)
        optimizer = adam(vae, options.fused)

    def run(steps):
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            loss = forward(x)[0]
            loss.backward()
            optimizer.step()
        return loss.item()

    reset()
    start = time.perf_counter()
    run(1)
    compiling = time.perf_counter() - start
    peer.serve(answers, reset, run, compiling=compiling, version=torch.__version__)


if __name__ == "__main__":
    main()
