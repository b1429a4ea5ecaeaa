import GraphIR
import GraphOps
import Testing

@Suite struct GraphDiffTests {
  static func graph(_ body: String) throws -> Graph {
    let text = "graph g {\n\(body)\n}\n"
    let result = parse(SourceFile(name: "g.aya", text: text), dialect: .standard)
    return try #require(result.graph, "\(result.diagnostics)")
  }

  static func diff(_ old: String, _ new: String) throws -> GraphDiff {
    GraphDiff(from: try graph(old), to: try graph(new))
  }

  /// `− name`, `~ name: aspects`, in order.
  static func lines(_ diff: GraphDiff) -> [String] {
    diff.entries.map { entry in
      let (graph, id) = diff.shown(entry)
      let call = graph[id].name ?? graph.call(graph[id])
      let aspects = entry.aspects.map(\.name).joined(separator: ", ")
      return "\(entry.kind.sign) \(call)" + (aspects.isEmpty ? "" : ": \(aspects)")
    }
  }

  static let base = """
    input x: f32[4]
    scope a { h = relu(x + 1.0) }
    y = exp(h) * tanh(h)
    output y
    """

  @Test func dont_reportWhatIsTheSame() throws {
    let diff = try Self.diff(Self.base, Self.base)
    #expect(diff.isEmpty)
    // x, +, h, exp, tanh, y: the number 1 is part of the sum.
    #expect(diff.sameCount == 6)
    #expect(diff.summary == "0 removed, 0 added, 0 changed, 6 the same")
  }

  @Test func dont_reportNewIds() throws {
    let further = "input w: f32[4]\nstate s: f32[4] init zeros\nq = sqrt(abs(w))\n"
    let diff = try Self.diff(Self.base, further + Self.base)
    #expect(Self.lines(diff) == ["+ w", "+ s", "+ abs(w)", "+ q"])
    let back = try Self.diff(further + Self.base, Self.base)
    #expect(Self.lines(back) == ["− w", "− s", "− abs(w)", "− q"])
  }

  @Test(
    arguments: [
      ("relu(x + 1.0)", "tanh(x + 1.0)", ["~ h: op"]),
      ("relu(x + 1.0)", "relu(x + 2.0)", ["~ add(x, 2.0): operands"]),
      ("relu(x + 1.0)", "relu(x * 1.0)", ["− add(x, 1.0)", "+ mul(x, 1.0)", "~ h: operands"]),
      ("h = relu", "hidden = relu", ["~ hidden: name"]),
      ("scope a", "scope b", ["~ add(x, 1.0): scope", "~ h: scope"]),
      ("f32[4]", "f32[5]", nil),
      ("exp(h)", "log(h)", ["− exp(h)", "+ log(h)", "~ y: operands"]),
      ("tanh(h)", "tanh(exp(h))", ["~ tanh(exp(h)): operands"]),
    ] as [(String, String, [String]?)])
  func saysWhatChanged(_ old: String, _ new: String, _ expected: [String]?) throws {
    var changed = Self.base.replacing(old, with: new)
    if new.hasPrefix("hidden") {
      changed = changed.replacing("(h)", with: "(hidden)")
    }
    let diff = try Self.diff(Self.base, changed)
    if let expected {
      #expect(Self.lines(diff) == expected)
    } else {
      #expect(diff.entries.allSatisfy { $0.kind == .changed && $0.aspects.map(\.name) == ["type"] })
      #expect(diff.entries.count == 6)
    }
    #expect(!diff.isEmpty)
  }

  @Test func anAliasTakesOver() throws {
    let diff = try Self.diff(
      "input x: f32\ny = exp(x)\nz = tanh(x)\noutput y, z",
      "input x: f32\ny = exp(x)\nz = y\noutput y, z")
    #expect(Self.lines(diff) == ["~ y: aliases", "− z"])
    let text = diff.text(oldTitle: "a", newTitle: "b")
    #expect(text.contains("− z: f32[] = tanh(x)  (now another name of y)"))
    #expect(diff.declarations.map(\.text) == ["output z → y"])
  }

  @Test func declarationsCount() throws {
    let old = "dim N\ndim M = 2\nstate s: f32 init zeros\nt = s + 1.0\noutput t\nupdate s = t"
    let new =
      "dim N = 3\ndim K = 2\nstate s: f32 init zeros\nt = s + 1.0\nu = exp(t)\n"
      + "output u\nupdate s = u"
    let diff = try Self.diff(old, new)
    #expect(
      diff.declarations.map { "\($0.kind.sign) \($0.text)" } == [
        "− dim M = 2", "~ dim N = unbound → 3", "+ dim K = 2", "− output t", "+ output u",
        "~ update s = t → u",
      ])
    #expect(Self.lines(diff) == ["+ u"])
  }

  @Test func groupsCompareByTheirMembers() throws {
    let plain = "input x: f32\na = exp(x)\nb = tanh(a)\noutput b"
    let fused = "input x: f32\nfused 1 {\na = exp(x)\nb = tanh(a)\n}\noutput b"
    let diff = try Self.diff(plain, fused)
    #expect(diff.entries.isEmpty)
    #expect(diff.declarations.map(\.text) == ["fused #1 { a, b }"])
    #expect(try Self.diff(fused, fused.replacing("fused 1", with: "fused 7")).isEmpty)
  }

  /// What stands before something in the old graph stands before it in the text.
  @Test func textIsInOrder() throws {
    let diff = try Self.diff(
      "input x: f32\nscope s { a = exp(x) }\nb = tanh(a)\nc = abs(b)\noutput c",
      "input x: f32\nb = tanh(x)\nc = abs(b)\noutput c")
    #expect(
      diff.text(oldTitle: "old.aya", newTitle: "new.aya") == """
        --- old.aya
        +++ new.aya
        @@ s @@
        − a: f32[] = exp(x)
        @@ outside scopes @@
        ~ b: f32[] = tanh(x)
            operands: (a) → (x)
        1 removed, 0 added, 1 changed, 2 the same

        """)
  }

  /// Knuth's MMIX generator: the same graphs everywhere.
  struct Random {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
  }

  static func random(_ random: inout Random, nodes: Int) -> Graph {
    let g = GraphBuilder("random")
    let type = ValueType(.f32, [4])
    var values = [g.input("x", type), g.input("y", type)]
    let ops: [OpDefinition] = [.add, .mul, .sub, .exp, .tanh, .maximum]
    for index in 0..<nodes {
      let op = ops[random.below(ops.count)]
      let value = g.make(op, op.operands.map { _ in values[random.below(values.count)] })
      if random.below(3) == 0, value.name == nil { value.named("n\(index)") }
      values.append(value)
    }
    for index in 0..<3 { g.output("o\(index)", values[random.below(values.count)]) }
    return g.build()
  }

  @Test(arguments: 1...40)
  func findsJustWhatWasPutIn(_ seed: Int) throws {
    var random = Random(state: UInt64(seed))
    let old = Self.random(&random, nodes: 5 + random.below(60))
    let rebuilder = GraphRebuilder(old)
    let extra = rebuilder.builder.input("extra", ValueType(.f32, [4]))
    var count = 1
    var last = extra
    for node in old.nodes {
      rebuilder.copy(node)
      guard random.below(3) == 0 else { continue }
      last = rebuilder.builder.make(.square, [last])
      count += 1
    }
    let new = rebuilder.finish()
    let diff = GraphDiff(from: old, to: new)
    #expect(diff.count(of: .removed) == 0 && diff.count(of: .changed) == 0, "seed \(seed)")
    #expect(diff.count(of: .added) == count && diff.declarations.isEmpty, "seed \(seed)")
    let back = GraphDiff(from: new, to: old)
    #expect(back.count(of: .removed) == count && back.entries.count == count, "seed \(seed)")
  }

  /// Whatever two graphs are: nodes said to be the same are, and the union has its edges.
  @Test(arguments: 1...40)
  func matchesAreSound(_ seed: Int) throws {
    var random = Random(state: UInt64(seed))
    let old = Self.random(&random, nodes: 5 + random.below(40))
    let new = Self.random(&random, nodes: 5 + random.below(40))
    let diff = GraphDiff(from: old, to: new)
    let touched = Set(diff.entries.compactMap(\.new))
    for node in new.nodes where !touched.contains(node.id) {
      let twin = old[try #require(diff.origins[node.id.index])]
      #expect(twin.body == node.body && twin.name == node.name, "seed \(seed)")
      #expect(twin.operands.map { diff.counterparts[$0.index] } == node.operands, "seed \(seed)")
    }
    let union = diff.union()
    #expect(
      union.graph.nodes.count == new.nodes.count + diff.count(of: .removed), "seed \(seed)")
    for (index, node) in union.graph.nodes.enumerated() {
      #expect(node.id.index == index && node.operands.allSatisfy { $0 < node.id }, "seed \(seed)")
    }
    #expect(
      Set(union.kinds.values.map(\.rawValue)).isSubset(of: ["removed", "added", "changed"]))
    #expect(union.kinds.count == diff.entries.count, "seed \(seed)")
  }
}
