import Ayatori
import Foundation
import Testing
import VAE

/// Training at the command line where some steps have a finite loss and a gradient that is not.
@Suite struct NonFiniteTrainingTests {
  /// A batch without a zero has no gradient at the root: 0.5/√0 · 0.
  private static let graph = """
    graph g {
      dim N
      input x: f32[N, 64]
      input y: i64[N]
      param w: f32[] init constant(1)
      param v: f32[64] init zeros
      zeros = sum(relu(1 - square(cast(y, to: f32))))
      root = sqrt(w * zeros)
      loss = sum(square(x - v)) + 0.01 * root
      output loss
    }
    """

  private static let flags = [
    "train", "g.aya", "--data", "digits", "--batch-size", "24", "--epochs", "1",
    "--loss-reduction", "sum",
  ]

  /// Stopped at the same step, which is named, whether checkpoints are taken within the epoch or
  /// not; the ones before it stay.
  @Test func stoppedWithItsNode() throws {
    try Tool.withDirectory { directory in
      try Tool.write(Self.graph, to: directory + "g.aya")
      let plain = try Tool.run(Self.flags + ["--out", "plain"], in: directory)
      expectRefusal(plain, 2, ["gradient-not-finite"])
      #expect(
        try !FileManager.default.contentsOfDirectory(atPath: directory + "plain")
          .contains { $0.hasSuffix(".safetensors") })
      let kept = try Tool.run(
        Self.flags + ["--out", "kept", "--checkpoint-every", "1"], in: directory)
      expectRefusal(kept, 2, ["gradient-not-finite"])
      func complaint(_ text: String) -> Substring {
        text.range(of: "g.aya:").map { text[$0.lowerBound...] } ?? ""
      }
      #expect(complaint(plain.err) == complaint(kept.err) && complaint(kept.err).contains("root"))
      let step = try #require(kept.err.firstMatch(of: /epoch 1, step (\d+)/)?.output.1)
      let last = try Checkpoint(readFrom: directory + "kept")
      #expect(last.step + 1 == UInt64(step), "\(kept.err)")
    }
  }

  /// Skipping gives the same bytes with checkpoints after every step, and each multiple of
  /// `--checkpoint-every` has one, whether its step was skipped or not.
  @Test func skippedAtCheckpointsToo() throws {
    try Tool.withDirectory { directory in
      try Tool.write(Self.graph, to: directory + "g.aya")
      let skipping = Self.flags + ["--on-nonfinite", "skip", "--out"]
      let plain = try Tool.run(skipping + ["plain"], in: directory)
      #expect(plain.status == 0 && plain.out.contains(" steps skipped"), "\(plain.err)")
      let kept = try Tool.run(
        skipping + ["kept", "--checkpoint-every", "1", "--keep", "100"], in: directory)
      #expect(kept.status == 0 && kept.out == plain.out, "\(kept.err)")
      let name = "/checkpoint.safetensors"
      #expect(try readFile(directory + "plain" + name) == readFile(directory + "kept" + name))
      let names = try FileManager.default.contentsOfDirectory(atPath: directory + "kept")
      // 1,500 images by 24.
      #expect(names.count { $0.hasPrefix("checkpoint-") } == 63, "\(names.sorted())")
    }
  }
}
