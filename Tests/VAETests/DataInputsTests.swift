import Ayatori
import Testing
import VAE

/// Which inputs take the images, and how a loss treats them.
@Suite struct DataInputsTests {
  private static func inputs(_ declarations: String) throws -> DataInputs {
    try DataInputs(
      Training.graph(
        text: """
          graph g {
            dim N  dim M  dim P  dim D = 4
            \(declarations)
            param p: f32[] init zeros
            loss = square(p)
            output loss
          }
          """), for: Training.tinySet())
  }

  @Test func readOffTheTypes() throws {
    let plain = try Self.inputs("input x: f64[N, D]")
    #expect(plain.images.label == "x" && plain.labels == nil && plain.batch == "N")
    let labelled = try Self.inputs("input labels: i32[M]  input pixels: f32[M, 4]")
    #expect(labelled.images.label == "pixels" && labelled.labels?.label == "labels")
    #expect(labelled.batch == "M")
  }

  @Test(arguments: [
    ("", "data-inputs"), ("input x: f32[D]", "data-inputs"), ("input x: i64[N, D]", "data-inputs"),
    ("input x: f32[N, D] input w: f32[N, D]", "data-inputs"),
    ("input x: f32[N, D] input a: i64[N] input b: i64[N]", "data-inputs"),
    ("input x: f32[N, D] input y: i64[]", "data-inputs"), ("input y: i64[N]", "data-inputs"),
    ("input x: f32[3, D]", "no-batch-dimension"), ("input x: f32[D, D]", "no-batch-dimension"),
    ("input x: f32[N*2, D]", "no-batch-dimension"),
    ("input x: f32[N, D] input y: i64[M]", "label-batch"), ("input x: f32[N, 5]", "image-size"),
    ("input x: f32[N, P]", "image-size"), ("input x: f32[N, D*2]", "image-size"),
  ])
  func refusals(declarations: String, id: String) {
    let found = Training.diagnostics { _ = try Self.inputs(declarations) }
    #expect(found.map(\.id) == [id])
    #expect(found.first?.expected != nil && found.first?.got != nil)
  }

  @Test func imageSizeSaysWhichFlag() throws {
    let graph = try Training.graph("vae_pytorch")
    let found = Training.diagnostics { _ = try DataInputs(graph, for: Training.tinySet()) }
    #expect(found.first?.expected == "4 pixels (2×2)")
    #expect(found.first?.got == "f32[N, D] with D = 784")
    #expect(found.first?.fix == "set it: --dim D=4")
  }

  @Test func arraysOfASplit() throws {
    let set = Training.tinySet()
    let inputs = try Self.inputs("input x: f64[N, D] input y: i32[N]")
    let arrays = try inputs.arrays(of: set.test, in: set, count: 2)
    #expect(arrays["x"]?.doubles == set.test.images.prefix(8).map { Double($0) / 255 })
    #expect(arrays["x"]?.shape == [2, 4] && arrays["y"] == NDArray([Int32(0), 1], shape: [2]))
    for count in [0, 7, -1] {
      let found = Training.diagnostics {
        _ = try inputs.arrays(of: set.test, in: set, count: count)
      }
      #expect(found.map(\.id) == ["batch-size"])
      #expect(found.first?.expected == "1 to 6" && found.first?.got == "\(count)")
    }
  }

  // MARK: Sum or mean

  @Test(arguments: [
    ("vae_pytorch", "loss", LossReduction.sum), ("vae_pytorch", "kld", .sum),
    ("vae_chainer", "loss", .mean), ("vae_chainer", "latent loss", .mean),
    ("autoencoder", "loss", .mean), ("logistic_regression", "loss", .mean),
    ("logistic_regression", "accuracy", .mean),
  ])
  func reductionsOfTheGraphs(name: String, loss: String, reduction: LossReduction) throws {
    let dims = name == "logistic_regression" ? ["D": 9] : ["D": 9, "H": 5, "Z": 2]
    let lowered = try Compiler().lower(Training.graph(name, dims: dims))
    #expect(try LossReduction.derived(from: lowered, loss: loss, batch: "N") == reduction)
  }

  @Test(arguments: [
    "square(sum(x))", "sum(square(x)) + mean(x) * 100", "sum(x * 0)", "sum(square(x)) / N / N",
    "sum(log(x - 10))", "sum(square(x)) + 0.0001 * sum(x) / N",
  ])
  func neitherSumNorMean(expression: String) throws {
    let graph = try Training.graph(
      text: "graph g { dim N input x: f32[N, 4] loss = \(expression) output loss }")
    let found = Training.diagnostics {
      _ = try LossReduction.derived(from: graph, loss: "loss", batch: "N")
    }
    #expect(found.map(\.id) == ["unclear-reduction"])
    #expect(found.first?.fix?.contains("--loss-reduction sum") == true)
  }

  /// Uniform noise is probed with uniform numbers: its logarithm exists.
  @Test func noiseIsProbedAsItIsDrawn() throws {
    let graph = try Training.graph(
      text: """
        graph g { dim N input x: f32[N, 4] noise u: f32[N, 4] ~ uniform
        loss = sum(x * log(u + 0.01)) output loss }
        """)
    #expect(try LossReduction.derived(from: graph, loss: "loss", batch: "N") == .sum)
  }

  @Test func freeDimensionsAreRefused() throws {
    let graph = try Training.graph(
      text: "graph g { dim N dim M input x: f32[N, M] loss = sum(x) output loss }")
    let found = Training.diagnostics {
      _ = try LossReduction.derived(from: graph, loss: "loss", batch: "N")
    }
    #expect(found.map(\.id) == ["unbound-dimension"])
  }

  @Test func perImage() {
    #expect(LossReduction.sum.perImage(12, batch: 4) == 3)
    #expect(LossReduction.mean.perImage(12, batch: 4) == 12)
  }
}
