import Ayatori
import Testing
import VAE

/// Where the first NaN or infinity of a run is born.
@Suite struct NonFiniteBirthTests {
  @Test func aPlantIsFoundWhereverItStands() throws {
    let (source, feeds) = try FlowAnswers.model("vae_pytorch", seed: 1)
    let graph = try Compiler().stage(
      .gradient, of: source, withRespectTo: source.parameters.map(\.label) + ["mu", "logvar", "z"])
    var tried = (forward: 0, backward: 0)
    for node in graph.nodes where node.type.dtype.isFloating {
      for value in [Double.nan, .infinity] {
        let births = try NonFiniteBirth.find(
          in: graph, feeds: feeds, plant: Plant(node.label, value: value))
        let first = try #require(births.first { $0.node == node.mention }, "\(node.mention)")
        #expect(first.index == node.type.shape.dims.map { _ in 0 })
        #expect(births.first?.node == node.mention, "\(node.mention): \(births.map(\.node))")
        #expect((first.gradientOf == nil) == (node.role == .forward))
      }
      if node.role == .forward { tried.forward += 1 } else { tried.backward += 1 }
    }
    #expect(tried.forward > 25 && tried.backward > 25, "\(tried)")
    let none = try NonFiniteBirth.find(in: graph, feeds: feeds)
    #expect(none.isEmpty)
  }

  /// Without a plant: an overflow, and a gradient of 0 · ∞.
  @Test(arguments: [
    ("exp(200 * z)", "loss", false), ("sqrt(z - z)", "mul", true), ("log(z - z)", "loss", false),
  ])
  func birthsOfTheirOwn(loss: String, name: String, isBackward: Bool) throws {
    let graph = try FlowAnswers.graph(loss, mu: 5, s: 0.1)
    var options = GradientFlow.Options()
    options.draws = 2
    options.comparesEstimators = false
    let flow = try GradientFlow(graph, feeds: Feeds(), options: options)
    let birth = try #require(flow.births.first)
    #expect((birth.gradientOf != nil) == isBackward, "\(birth)")
    if !isBackward { #expect(birth.node == name) }
    #expect(birth.place?.hasPrefix("test.aya:6") == true, "\(birth.place ?? "")")
    #expect(flow.report.text.contains("were born at"))
  }

  @Test func plantsNeedAPlace() throws {
    let graph = try Compiler().stage(.gradient, of: FlowAnswers.graph("square(z)", mu: 1, s: 1))
    for (plant, id) in [
      (Plant("nothing"), "unknown-node"), (Plant("z", element: 1), "plant-outside"),
    ] {
      let found = Training.diagnostics {
        _ = try NonFiniteBirth.find(in: graph, feeds: Feeds(), plant: plant)
      }
      #expect(found.map(\.id) == [id])
    }
  }
}
