"""JAX: the decoder of vae_pytorch alone under jit, waiting for each answer."""

import jax
import jax.numpy as jnp

import peer


@jax.jit
def decode(layers, z):
    (W2, b2), (W3, b3) = layers
    return jax.nn.sigmoid(jax.nn.relu(z @ W2 + b2) @ W3 + b3)


def main():
    answers = peer.Answers()
    options = peer.arguments()
    weights = peer.weights(options.model, options.latent)["decoder"]
    layers = jax.tree.map(lambda a: jnp.asarray(a.T), weights)
    z = jnp.asarray(peer.latents(options.batch, options.latent))

    def run(steps):
        for _ in range(steps):
            recon = decode(layers, z).block_until_ready()
        return recon.mean()

    peer.serve(answers, lambda: None, run, version=jax.__version__)


if __name__ == "__main__":
    main()
