"""JAX: trains vae_pytorch as `ayatori train` does, a whole epoch under one jit, and prints the
same lines."""

import functools

import jax
import jax.numpy as jnp

import peer
from train_jax import adam_step, initial, losses


def batches(x, size):
    """Whole batches as one array, and what is left over."""
    whole = len(x) // size * size
    return x[:whole].reshape(-1, size, x.shape[1]), x[whole:]


@functools.partial(jax.jit, static_argnums=(0, 1), donate_argnums=2)
def train_epoch(model, size, state, key, images):
    """The state after one epoch in a random order, and the sum of the losses."""
    order = jax.random.permutation(key, len(images))
    whole = len(order) // size * size
    step = lambda state, rows: adam_step(model, state, images[rows])
    state, sums = jax.lax.scan(step, state, order[:whole].reshape(-1, size))
    total = jnp.sum(sums)
    if whole < len(order):
        state, rest = step(state, order[whole:])
        total += rest
    return state, total


@functools.partial(jax.jit, static_argnums=(0, 1))
def evaluate(model, size, params, key, images):
    """The sums of the loss and of its terms."""
    whole, rest = batches(images, size)
    keys = jax.random.split(key, len(whole) + 1)

    def one(_, batch):
        loss, terms = losses(model, params, batch[0], batch[1])
        return None, jnp.stack([loss, *terms])

    _, sums = jax.lax.scan(one, None, (whole, keys[:-1]))
    total = sums.sum(0)
    if len(rest):
        total += one(None, (rest, keys[-1]))[1]
    return total


def main():
    options = peer.arguments()
    train = jnp.asarray(peer.idx_images(options.data, "train"))
    test = jnp.asarray(peer.idx_images(options.data, "t10k"))
    state = initial(options.model, options.latent)
    key = jax.random.key(1)
    for epoch in range(1, options.epochs + 1):
        key, for_order, for_test = jax.random.split(key, 3)
        state, total = train_epoch(options.model, options.batch, state, for_order, train)
        print(f"Epoch {epoch}, Loss: {float(total) / len(train):.4f}", flush=True)
        sums = evaluate(options.model, options.batch, state[0], for_test, test)
        loss, bce, kld = (sums / len(test)).tolist()
        print(f"  test, k = 1: loss {loss:.4f}, bce {bce:.4f}, kld {kld:.4f}", flush=True)


if __name__ == "__main__":
    main()
