"""PyTorch, eager: trains vae_pytorch as `ayatori train` does, and prints the same lines."""

import torch

import peer
from train_torch import VAE, adam


def main():
    options = peer.arguments("fused")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    train = torch.from_numpy(peer.idx_images(options.data, "train"))
    test = torch.from_numpy(peer.idx_images(options.data, "t10k"))
    vae = VAE(options.model, options.latent)
    optimizer = adam(vae, options.fused)

    for epoch in range(1, options.epochs + 1):
        total = 0.0
        for rows in torch.randperm(len(train)).split(options.batch):
            optimizer.zero_grad(set_to_none=True)
            loss = vae(train[rows])[0]
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"Epoch {epoch}, Loss: {total / len(train):.4f}", flush=True)
        with torch.no_grad():
            sums = sum(torch.stack(vae(x)) for x in test.split(options.batch))
        loss, bce, kld = (sums / len(test)).tolist()
        print(f"  test, k = 1: loss {loss:.4f}, bce {bce:.4f}, kld {kld:.4f}", flush=True)


if __name__ == "__main__":
    main()
