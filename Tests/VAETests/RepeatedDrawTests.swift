import Ayatori
import Foundation
import Testing
@testable import VAE

/// What the report and the record say where the graph draws several times: every figure is of all
/// draws, or says of which it is.
@Suite struct RepeatedDrawTests {
  /// Two latents in a row, with a shift of all draws of the second's mean.
  private static func graph(_ draws: String = ", draws: 3") throws -> Graph {
    try Training.graph(
      text: """
        graph g {
          param m1: f64[4, 2] init normal(mean: 0, stddev: 1)
          param c: f64[] init zeros
          const beta: f64 = 0.7
          z1 ~ normal(mean: m1, log_variance: -1.0\(draws))
          m2 = 0.8 * z1 + c
          s2 = 0.3 * z1 - 0.5
          z2 ~ normal(mean: m2, log_variance: s2\(draws))
          rec = sum(square(square(z2) - 1), axes: [1])
          k1 = sum(kl_normal(mean: m1, log_variance: -1.0), axes: [1])
          k2 = sum(kl_normal(mean: m2, log_variance: s2), axes: [1])
          loss = mean(rec + beta * (k1 + k2))
          output loss
        }
        """)
  }

  private static func split(_ node: String, shift: Double = 0) throws -> GradientSplit {
    try GradientSplit(
      graph(), node: node,
      feeds: Feeds(parameters: ["c": NDArray([shift], shape: [])], seed: 5))
  }

  private static func flow(_ node: String, _ draws: String = ", draws: 3") throws -> GradientFlow {
    var options = GradientFlow.Options()
    options.node = node
    options.draws = 4
    return try GradientFlow(graph(draws), feeds: Feeds(seed: 5), options: options)
  }

  /// A shift of every draw's mean moves the loss, and each term, by the gradients at the mean.
  @Test func gradientsAreOfAllDraws() throws {
    let h = 1e-4
    let (low, own, high) = (
      try Self.split("z2", shift: -h), try Self.split("z2"), try Self.split("z2", shift: h)
    )
    let slope = (high.lossValue - low.lossValue) / (2 * h)
    let total = own.rows[0].gradient?.doubles.reduce(0, +) ?? .nan
    #expect(abs(total - slope) < 1e-6 * abs(slope), "\(total), \(slope)")
    #expect(own.terms.map(\.name).sorted() == ["k1", "k2", "rec"])
    for (place, term) in own.terms.enumerated() where term.name != "k1" {
      let slope = term.weight * (high.terms[place].value - low.terms[place].value) / (2 * h)
      let part = own.rows[0].parts[place].gradient?.doubles.reduce(0, +) ?? .nan
      #expect(abs(part - slope) < 1e-6 * abs(slope), "\(term.name): \(part), \(slope)")
    }
    #expect(own.rows.map(\.draws) == [3, 3, 3])
    #expect(own.rows.allSatisfy { $0.partsErrorUlps <= 8 })
  }

  /// ∂z/∂μ is 1: what comes to the draws of the first latent comes to its mean.
  @Test func theMeanHasWhatItsDrawsHave() throws {
    let rows = try Self.split("z1").rows
    #expect(rows.map(\.draws) == [1, 1, 3])
    for (mean, draw) in zip(rows[0].parts, rows[2].parts) where mean.term != "k1" {
      let (a, b) = (mean.gradient?.doubles ?? [], draw.gradient?.doubles ?? [])
      let worst = zip(a, b).map { abs($0 - $1) }.max() ?? .nan
      #expect(a.count == 8 && worst < 1e-13, "\(mean.term)")
    }
  }

  /// The divergences of the latents add up to the one in the loss.
  @Test func latentsAreOfAllDraws() throws {
    let flow = try Self.flow("z2")
    let divergence = try #require(flow.split.terms.first { $0.name == "k2" }?.value)
    let sum = flow.latents.reduce(0) { $0 + ($1.divergence ?? .nan) }
    #expect(abs(sum - divergence) < 1e-12, "\(sum), \(divergence)")
    // Σ_x of what is taken from the split.
    let k2 = try #require(flow.split.terms.firstIndex { $0.name == "k2" })
    let norms = flow.latents.compactMap { $0.gradientNorms[k2] }
    let norm = norms.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(abs(norm - (flow.split.rows[0].parts[k2].statistics?.norm ?? .nan)) < 1e-12)
  }

  /// A variance over images is that of each draw, not of their mean, which is the less, the more
  /// draws there are.
  @Test func theVarianceOfMeansDoesNotDependOnTheDraws() throws {
    let flow = try Self.flow("z2")
    let row = flow.split.rows[0]
    let draws = ([row.array] + row.furtherArrays).map(\.doubles)
    #expect(draws.count == 3 && row.array.shape == [4, 2])
    for latent in 0..<2 {
      let variances = draws.map { values -> Double in
        let own = (0..<4).map { values[2 * $0 + latent] }
        let squares = own.reduce(0) { $0 + $1 * $1 } / 4
        let mean = own.reduce(0, +) / 4
        return squares - mean * mean
      }
      let found = flow.latents[latent].meanVariance ?? .nan
      #expect(abs(found - variances.reduce(0, +) / 3) < 1e-12, "latent \(latent)")
    }
  }

  /// What a page shows at a node that is computed for each draw is of the first.
  @Test func thePictureKnowsWhatIsRepeated() throws {
    let flow = try Self.flow("z2")
    let field = try FlowField(flow, feeds: Feeds(seed: 5))
    let draws = Dictionary(
      uniqueKeysWithValues: flow.site.graph.nodes.map { ($0.label, field.nodes[$0.id.index].draws) }
    )
    #expect(draws["m1"] == 1 && draws["z1"] == 3 && draws["m2"] == 3 && draws["z2"] == 3)
    #expect(draws["c"] == 1 && draws["loss"] == 1)
    let once = try FlowField(Self.flow("z2", ""), feeds: Feeds(seed: 5))
    #expect(once.nodes.allSatisfy { $0.draws == 1 })
  }

  /// As many draws are compared with each other as the graph has.
  @Test func furtherDrawsAreAsManyAsTheGraphHas() throws {
    func titles(_ draws: String) throws -> [String] {
      try Self.flow("z2", draws).report.estimators?.rows.map(\.title) ?? []
    }
    let (own, none) = (try titles(", draws: 3"), try titles(""))
    #expect(own.contains("score, leave-one-out (3)"), "\(own)")
    #expect(none.contains("score, leave-one-out (4)"), "\(none)")
  }

  /// In a record both are means over its draws, whether the graph repeats its own or not.
  @Test(arguments: ["", ", draws: 3"]) func recordsAreOfAllDraws(draws: String) throws {
    let recorder = try FlowRecorder(
      Self.graph(draws), node: "z2", inputs: [:], every: 1, seed: 4)
    let record = try recorder.record(step: 1, epoch: 0.5) { _ in nil }
    let divergence = try #require(record.terms.first { $0.name == "k2" }?.value)
    #expect(abs(record.divergence - divergence) < 1e-12, "\(record.divergence), \(divergence)")
  }

  /// A run names the node by another flag than the report.
  @Test func aRecordOfSeveralNodesNeedsAName() {
    let found = Training.diagnostics {
      _ = try FlowRecorder(Self.graph(), inputs: [:], every: 1, seed: 4)
    }
    #expect(found.map(\.fix) == ["choose one by its name: --gradflow-node z1"])
  }

  @Test func theReportSaysOfWhichDraws() throws {
    let report = try Self.flow("z2").report
    #expect(report.rows.map(\.draws) == [3, 3, 3])
    #expect(report.notes.count == 2)
    #expect(
      report.notes[0].hasPrefix(
        "at 'm2', 's2', 'z2' gradients and latents are of all 3 draws together"))
    #expect(report.notes[1] == "estimators are compared with 'z1' held as first drawn")
    #expect(report.text.contains("\n  m2, draw 1 "))
  }

  /// Of the first latent's table each draw has several of the second.
  @Test func theTableSaysOverWhatItAverages() throws {
    let notes = try Self.flow("z1").report.notes
    #expect(
      notes.last
        == "estimators are compared with the mean over 3 draws of 'z2' for each draw of 'z1'")
    #expect(notes.first?.hasPrefix("at 'z1' gradients are of all 3 draws together") == true)
  }

  @Test func dont_speakOfDrawsWhereThereIsOne() throws {
    for node in ["z1", "z2"] {
      let report = try Self.flow(node, "").report
      #expect(report.rows.map(\.draws) == [1, 1, 1] && !report.text.contains("draw 1 "))
      #expect(report.notes.allSatisfy { !$0.contains("together") && !$0.contains("the mean over") })
    }
  }
}
