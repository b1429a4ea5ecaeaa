"""PyTorch: the decoder of vae_pytorch alone, eager, in inference mode."""

import torch
import torch.nn.functional as F

import peer


def main():
    answers = peer.Answers()
    options = peer.arguments()
    torch.set_num_threads(options.threads)
    weights = peer.weights(options.model, options.latent)["decoder"]
    (W2, b2), (W3, b3) = [tuple(map(torch.from_numpy, layer)) for layer in weights]
    z = torch.from_numpy(peer.latents(options.batch, options.latent))

    @torch.inference_mode()
    def run(steps):
        for _ in range(steps):
            recon = torch.sigmoid(F.linear(F.relu(F.linear(z, W2, b2)), W3, b3))
        return recon.mean()

    peer.serve(answers, lambda: None, run, version=torch.__version__)


if __name__ == "__main__":
    main()
