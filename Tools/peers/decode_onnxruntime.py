"""ONNX Runtime: the decoder of vae_pytorch alone, from a model made here, with bound buffers."""

import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper

import peer


def model(weights, latent):
    """z → Gemm, Relu, Gemm, Sigmoid → recon, with the weights inside."""
    nodes = [
        helper.make_node("Gemm", ["z", "W0", "b0"], ["a"], transB=1),
        helper.make_node("Relu", ["a"], ["h2"]),
        helper.make_node("Gemm", ["h2", "W1", "b1"], ["logits"], transB=1),
        helper.make_node("Sigmoid", ["logits"], ["recon"]),
    ]
    constants = [
        numpy_helper.from_array(array, f"{name}{i}")
        for i, layer in enumerate(weights)
        for name, array in zip("Wb", layer)
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "decoder",
        [value("z", TensorProto.FLOAT, ["N", latent])],
        [value("recon", TensorProto.FLOAT, ["N", peer.PIXELS])],
        constants,
    )
    # Versions that every ONNX Runtime of the last years reads.
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(proto)
    return proto.SerializeToString()


def main():
    answers = peer.Answers()
    options = peer.arguments()
    weights = peer.weights(options.model, options.latent)["decoder"]
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model(weights, options.latent), settings, providers=["CPUExecutionProvider"]
    )
    recon = onnxruntime.OrtValue.ortvalue_from_numpy(
        np.empty((options.batch, peer.PIXELS), np.float32)
    )
    z = onnxruntime.OrtValue.ortvalue_from_numpy(peer.latents(options.batch, options.latent))
    binding = session.io_binding()
    binding.bind_ortvalue_input("z", z)
    binding.bind_ortvalue_output("recon", recon)

    def run(steps):
        for _ in range(steps):
            session.run_with_iobinding(binding)
        return recon.numpy().mean()

    peer.serve(answers, lambda: None, run, version=onnxruntime.__version__)


if __name__ == "__main__":
    main()
