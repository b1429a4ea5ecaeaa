import Ayatori
import Synchronization
import Testing

/// When the compiler warns that a gradient lacks a way: where it is cut, not where an estimator
/// brings it another way.
@Suite struct GradientCutTests {
  private final class Heard: Sendable {
    private let all = Mutex<[Diagnostic]>([])

    func hear(_ diagnostic: Diagnostic) { all.withLock { $0.append(diagnostic) } }
    var diagnostics: [Diagnostic] { all.withLock { $0 } }
  }

  /// What is heard while `graph` is differentiated.
  private func warnings(_ graph: Graph) throws -> [Diagnostic] {
    let heard = Heard()
    _ = try Compiler(warn: heard.hear).stage(.gradient, of: graph)
    return heard.diagnostics
  }

  private func graph(_ draw: String, estimator: Estimator, loss: String) throws -> Graph {
    let draws = estimator == .scoreLeaveOneOut ? ", draws: 2" : ""
    return try Oracle.graph(
      text: """
        graph g {
          param q: f64[2, 3] init zeros
          b ~ \(draw)(logits: q\(draws)) estimator \(estimator.name)
          loss = \(loss)
          output loss
        }
        """)
  }

  /// Those that a person may choose.
  static let discrete = Estimator.discrete.filter { $0 != .surrogate }

  @Test(arguments: ["bernoulli", "categorical"], discrete)
  func dont_warnOfWhatAnEstimatorReroutes(draw: String, estimator: Estimator) throws {
    let found = try warnings(graph(draw, estimator: estimator, loss: "sum(square(b - 2)) + sum(q)"))
    guard estimator == .stopped else {
      #expect(found.map(\.got) == [])
      return
    }
    #expect(found.map(\.id) == ["gradient-cut"])
    #expect(
      found.first?.got == "the estimator 'stopped' cuts the path; 'score', 'straight_through' or "
        + "'gumbel_softmax' would open it (at 'b')")
  }

  @Test func dont_warnAtTheGraphOfCoins() throws {
    let found = try warnings(Oracle.graph("vae_bernoulli"))
    #expect(found.map(\.got) == [])
  }

  /// A comparison of the person's own beside the draw's is a cut, whatever the draw's estimator.
  @Test(arguments: discrete) func aCutBesideTheDrawIsTold(estimator: Estimator) throws {
    let found = try warnings(
      graph("bernoulli", estimator: estimator, loss: "sum(b * cast(q > 1, to: f64)) + sum(q)"))
    #expect(found.map(\.id).allSatisfy { $0 == "gradient-cut" })
    let reasons = found.compactMap(\.got)
    let steps = reasons.count { $0.hasPrefix("a comparison is a step function") }
    #expect(steps == 1 && reasons.count == (estimator == .stopped ? 2 : 1), "\(reasons)")
  }

  @Test func aStoppedNormalDrawNamesThePath() throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          param m: f64[] init zeros
          z ~ normal(mean: m, stddev: 1.0) estimator stopped
          loss = square(z) + square(m)
          output loss
        }
        """)
    let found = try warnings(graph)
    #expect(
      found.map(\.got)
        == ["the estimator 'stopped' cuts the path; 'pathwise' would open it (at 'z')"])
  }

  /// A draw that is drawn several times is cut in one place.
  @Test(arguments: [1, 2, 4]) func copiesAreToldOnce(draws: Int) throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          param m: f64[] init zeros
          z ~ normal(mean: m, stddev: 1.0, draws: \(draws)) estimator stopped
          loss = square(z) + square(m)
          output loss
        }
        """)
    let found = try warnings(graph)
    #expect(found.map(\.id) == ["gradient-cut"])
    let notes = found.flatMap(\.notes).map(\.message).filter { $0.hasPrefix("the same in ") }
    let expected: [Int: [String]] = [
      1: [], 2: ["the same in 1 copy of it: 'z#2'"],
      4: ["the same in 3 copies of it: 'z#2', 'z#3', 'z#4'"],
    ]
    #expect(notes == expected[draws])
  }

  /// Two cuts that somebody wrote are two.
  @Test func dont_mergeCutsOfTheirOwn() throws {
    let graph = try Oracle.graph(
      text: """
        graph g {
          param m: f64[] init zeros
          loss = stop_gradient(m) * m + stop_gradient(2 * m) * m + square(m)
          output loss
        }
        """)
    #expect(try warnings(graph).map(\.id) == ["gradient-cut", "gradient-cut"])
  }

  /// Before lowering the answers are the same.
  @Test(arguments: ["bernoulli", "categorical"])
  func aStoppedDrawSaysSoUnlowered(draw: String) throws {
    let graph = try graph(draw, estimator: .stopped, loss: "sum(b)")
    let ids = try ["loss", "q"].map { try #require(graph.value(named: $0)).id }
    let result = try ReverseMode.differentiate(
      graph, root: ReverseMode.Root(ids[0]), withRespectTo: [ids[1]])
    #expect(
      result.derivatives[ids[1]]?.refusal?.contains("'score', 'straight_through' or") == true)
    #expect(result.blocked.contains { $0.operand == ids[1] && !$0.isRerouted })
    let scored = try self.graph(draw, estimator: .score, loss: "sum(b)")
    let rerouted = try ReverseMode.differentiate(
      scored, root: ReverseMode.Root(ids[0]), withRespectTo: [ids[1]])
    #expect(rerouted.blocked.contains { $0.operand == ids[1] && $0.isRerouted })
  }
}
