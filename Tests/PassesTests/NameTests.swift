import GraphIR
import GraphOps
import Passes
import Testing

/// No pass loses a name: it stays a name, becomes another name of a value, or is absorbed.
@Suite struct NameTests {
  private static func optimized(_ graph: Graph) throws -> Graph {
    let passes = Pipeline.standard.lowering + Pipeline.standard.beforeGradient
    return try run(passes + Pipeline.standard.optimizing, on: graph)
  }

  private static func known(_ graph: Graph) -> Set<String> {
    Set(graph.nodes.flatMap { $0.names + $0.absorbed })
  }

  private static func parsed(_ text: String) throws -> Graph {
    let result = parse(SourceFile(name: "names.aya", text: text), dialect: .standard)
    return try #require(result.graph, "\(result.diagnostics)")
  }

  @Test func aReplacedIntermediateIsAbsorbed() throws {
    let graph = try Self.optimized(
      Self.parsed("graph g { input x: f64[3] s = sigmoid(x) y = log(s) output y }"))
    let y = try #require(graph.node(named: "y"))
    #expect(y.absorbed == ["s"], "\(graph.text())")
    #expect(graph.node(named: "s") == nil)
  }

  @Test func aConstantThatVanishesIsAbsorbed() throws {
    let graph = try Self.optimized(
      Self.parsed("graph g { const beta: f64 = 1.0 input x: f64[3] y = beta * exp(x) output y }"))
    #expect(graph.node(named: "y")?.absorbed == ["beta"])
  }

  @Test func whatIsAbsorbedGoesOnWithItsAbsorber() throws {
    // a is absorbed by b, and b's work by y in its turn.
    let graph = try Self.optimized(
      Self.parsed(
        "graph g { input x: f64[3] a = exp(x) b = log(a) c = neg(b) y = neg(c) + 1 output y }"))
    let rest = Self.known(graph)
    #expect(rest.isSuperset(of: ["x", "a", "b", "c", "y"]), "\(graph.text())")
    #expect(verify(graph).isEmpty)
  }

  @Test func dont_absorbWhatIsStillComputed() throws {
    let graph = try Self.optimized(
      Self.parsed("graph g { input x: f64[3] s = sigmoid(x) y = log(s) output y, s }"))
    #expect(graph.node(named: "s") != nil)
    #expect(graph.nodes.allSatisfy { $0.absorbed.isEmpty })
  }

  @Test func dont_absorbWhatNothingNeeds() throws {
    let graph = try Self.optimized(
      Self.parsed("graph g { input x: f64[3] s = sigmoid(x) y = exp(x) output y }"))
    #expect(!Self.known(graph).contains("s"))
  }

  @Test func absorbedNamesRoundTrip() throws {
    let text = """
      graph g {
        input x: f32[3]
        y: f32[3] = softplus(x) @absorbs(s, "a b") @update
        output y
      }

      """
    let graph = try Self.parsed(text)
    #expect(graph.node(named: "y")?.absorbed == ["s", "a b"])
    #expect(graph.text() == text)
  }

  @Test func chancesGraphsKeepTheirNames() throws {
    for seed in 0..<40 as Range<UInt64> {
      let before = RandomNames.graph(seed: seed)
      let after = try Self.optimized(before)
      let needed = before.needed(by: before.outputs.map(\.node))
      let names = before.nodes.filter { needed[$0.id.index] }.flatMap(\.names)
      let lost = Set(names).subtracting(Self.known(after))
      #expect(lost.isEmpty, "seed \(seed) lost \(lost.sorted())\n\(before.text())\n\(after.text())")
      #expect(verify(after).isEmpty, "seed \(seed)")
    }
  }
}

/// Graphs in which every value has a name and much can be simplified.
private enum RandomNames {
  static func graph(seed: UInt64) -> Graph {
    var random = Generator(state: seed &* 0x9E37_79B9_7F4A_7C15 &+ 1)
    let builder = GraphBuilder("names")
    var values = [
      builder.input("x", ValueType(.f64, [3])), builder.input("y", ValueType(.f64, [3])),
    ]
    for index in 0..<30 {
      func any() -> Value { values[Int(random.next() % UInt64(values.count))] }
      let x = any()
      let made: Value =
        switch random.next() % 12 {
        case 0: exp(x)
        case 1: log(x)
        case 2: sigmoid(x)
        case 3: x + any()
        case 4: x * 1
        case 5: x + 0
        case 6: -x
        case 7: x * any()
        case 8: x - x
        case 9: x * 2
        case 10: softplus(-x)
        default: 1 - x
        }
      // A shared value has its name already.
      if builder.name(of: made.id) == nil { made.named("v\(index)") }
      values.append(made)
    }
    let total = values.dropFirst().reduce(values[0]) { $0 + $1 }
    builder.output("total", sum(total).named("total"))
    return builder.build()
  }

  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
  }
}
