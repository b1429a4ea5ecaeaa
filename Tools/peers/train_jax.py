"""JAX: one training step under one jit, all its state donated; with --loop the steps of a round
are one loop under jit, so that Python calls it once. Also what epochs_jax.py trains."""

import functools
import time

import jax
import jax.numpy as jnp
import numpy as np

import peer

ACTIVATIONS = {"relu": jax.nn.relu, "softplus": jax.nn.softplus}


def initial(model, latent, seed=0):
    """Parameters, Adam's two moments and step count, and the random key."""
    # A copy, for what is donated must not be NumPy's; W as [in, out], which is JAX's custom.
    params = jax.tree.map(lambda a: jnp.array(a.T, copy=True), peer.weights(model, latent))
    zeros = lambda: jax.tree.map(jnp.zeros_like, params)
    return params, zeros(), zeros(), jnp.zeros(()), jax.random.key(seed)


def losses(model, params, x, key):
    """The loss, and its two terms."""
    facts = peer.MODELS[model]
    activation = ACTIVATIONS[facts["activation"]]
    dense = lambda layer, h: h @ layer[0] + layer[1]
    h = x
    for layer in params["encoder"]:
        h = activation(dense(layer, h))
    mu, logvar = dense(params["mu"], h), dense(params["logvar"], h)
    h = mu + jnp.exp(0.5 * logvar) * jax.random.normal(key, mu.shape)
    for layer in params["decoder"][:-1]:
        h = activation(dense(layer, h))
    logits = dense(params["decoder"][-1], h)
    bce = jnp.sum(jax.nn.softplus(logits) - x * logits)
    kld = -0.5 * jnp.sum(1 + logvar - mu**2 - jnp.exp(logvar))
    scale = 1 / len(x) if facts["mean"] else 1.0
    return (bce + kld) * scale, (bce * scale, kld * scale)


def adam_step(model, state, x, rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """The state after one step, and the loss before it."""
    params, m, v, t, key = state
    key, drawn = jax.random.split(key)
    (loss, _), g = jax.value_and_grad(functools.partial(losses, model), has_aux=True)(
        params, x, drawn
    )
    t = t + 1
    m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, g)
    v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, g)
    c1, c2 = 1 / (1 - beta1**t), 1 / (1 - beta2**t)
    params = jax.tree.map(
        lambda p, m, v: p - rate * (m * c1) / (jnp.sqrt(v * c2) + epsilon), params, m, v
    )
    return (params, m, v, t, key), loss


def main():
    answers = peer.Answers()
    options = peer.arguments("loop")
    one_step = functools.partial(adam_step, options.model)
    step = jax.jit(one_step, donate_argnums=0)

    @functools.partial(jax.jit, donate_argnums=0)
    def loop(state, x, steps):
        body = lambda _, carry: one_step(carry[0], x)
        return jax.lax.fori_loop(0, steps, body, (state, jnp.zeros(())))

    x = jnp.asarray(peer.images(options.batch))
    state = initial(options.model, options.latent)

    start = time.perf_counter()
    lowered = loop.lower(state, x, 1) if options.loop else step.lower(state, x)
    middle = time.perf_counter()
    lowered.compile()
    end = time.perf_counter()

    def reset():
        nonlocal state
        state = initial(options.model, options.latent)
        jax.block_until_ready(state)

    def run(steps):
        nonlocal state
        if options.loop:
            state, loss = loop(state, x, steps)
        else:
            for _ in range(steps):
                state, loss = step(state, x)
        jax.block_until_ready(state)
        return np.asarray(loss)

    times = {"lowering": middle - start, "compiling": end - middle}
    peer.serve(answers, reset, run, version=jax.__version__, **times)


if __name__ == "__main__":
    main()
