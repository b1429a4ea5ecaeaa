import GraphIR
import GraphOps
import Passes
import Testing

@Suite struct FuseTests {
  private func graph(_ body: String) throws -> Graph {
    let result = parse(
      SourceFile(name: "g.aya", text: "graph g {\n\(body)\n}\n"), dialect: .standard)
    return try #require(result.graph, "\(result.diagnostics)")
  }

  /// The groups as sets of names, those of one member left out by the pass itself.
  private func groups(_ body: String) throws -> [Set<String>] {
    let fused = try run([.fuse], on: graph(body))
    return fused.groups.map { Set($0.members.map { fused[$0].label }) }
  }

  // MARK: What is fused

  @Test func aChain() throws {
    #expect(
      try groups("input x: f32[8]\n a = exp(x)\n b = tanh(a)\n c = b * x\n output c")
        == [["a", "b", "c"]])
  }

  @Test func aDiamond() throws {
    #expect(
      try groups("input x: f32[8]\n a = exp(x)\n b = tanh(a)\n c = sin(a)\n d = b + c\n output d")
        == [["a", "b", "c", "d"]])
  }

  @Test func sumsOfRowsColumnsAndAllAtTheEnd() throws {
    #expect(
      try groups(
        """
        dim N
        input x: f32[N, 8]
        a = exp(x)
        r = sum(a, axes: [0])
        c = sum(a, axes: [1])
        s = mean(a)
        output r, c, s
        """) == [["a", "r", "c", "s"]])
  }

  @Test func broadcastsOfRowsAndColumns() throws {
    #expect(
      try groups(
        """
        dim N
        input x: f32[N, 8]
        input r: f32[8]
        input c: f32[N, 1]
        a = x + r
        b = a * c
        output b
        """) == [["a", "b"]])
  }

  @Test func siblingsThatReadOneValue() throws {
    #expect(
      try groups("input x: f32[8]\n a = exp(x)\n b = sum(square(x))\n output a, b").count == 1)
  }

  @Test func biasAndActivationBehindAProduct() throws {
    #expect(
      try groups(
        """
        dim N
        input x: f32[N, 4]
        param W: f32[4, 4] init zeros
        param b: f32[4] init zeros
        m = matmul(x, W)
        h = m + b
        y = relu(h)
        output y
        """) == [["m", "h", "y"]])
  }

  @Test func aRunWithoutAnythingToFuseIsLeftAlone() throws {
    let source = try graph("input x: f32[8]\n y = exp(x)\n output y")
    #expect(try run([.fuse], on: source).text() == source.text())
  }

  // MARK: What is not

  @Test func dont_fuseTwoProducts() throws {
    let found = try groups(
      """
      input x: f32[4, 4]
      a = matmul(x, x)
      b = tanh(a)
      c = matmul(b, x)
      d = tanh(c)
      output d
      """)
    #expect(found == [["a", "b"], ["c", "d"]])
  }

  @Test func dont_fuseWhatNeedsAFinishedSum() throws {
    let found = try groups(
      "input x: f32[8]\n a = exp(x)\n s = sum(a)\n y = a / s\n z = tanh(y)\n output z")
    #expect(found == [["a", "s"], ["y", "z"]])
  }

  @Test func dont_fuseAcrossAWayOutAndBack() throws {
    // a → product → c and a → c: with a in the group of c, the product would stand inside.
    let found = try groups(
      """
      input x: f32[4, 4]
      a = exp(x)
      m = matmul(a, x)
      c = a + m
      output c
      """)
    #expect(found == [["m", "c"]])
  }

  @Test func dont_fuseShapesThatAreNoRowsAndColumns() throws {
    let found = try groups(
      """
      input x: f32[2, 3, 4]
      input m: f32[3, 1]
      input k: f32[2, 1, 4]
      a = x * m
      b = a * k
      output b
      """)
    // The middle axis for one, the outer two for the other: no one way to cut rows from columns.
    #expect(found == [])
  }

  @Test func dont_fuseSumsOfIntegers() throws {
    #expect(try groups("input x: i32[8]\n a = x * x\n s = sum(a)\n output s") == [])
  }

  @Test func dont_fuseWhatConstantsSettle() throws {
    let found = try groups(
      "dim N\n input x: f32[N]\n const a = 2.0\n b = exp(a)\n c = b + 1.0\n y = x * c\n output y")
    #expect(found == [])
  }

  // MARK: Order

  @Test func readersComeBeforeTheUpdateOfWhatTheyRead() throws {
    let fused = try run(
      [.fuse],
      on: graph(
        """
        input x: f32[4, 4]
        param W: f32[4, 4] init zeros
        g = matmul(x, x)
        new = W - g
        y = matmul(x, W)
        output y
        update W = new
        """))
    let new = try #require(fused.node(named: "new"))
    let y = try #require(fused.node(named: "y"))
    #expect(y.id < new.id)
    #expect(new.group != nil && new.group == fused.node(named: "g")?.group)
  }

  @Test func dont_orderWhatCannotBe() throws {
    // y needs both the old and the new value: no order saves the copy.
    let fused = try run(
      [.fuse],
      on: graph(
        """
        state t: f32[4, 4] init zeros
        next = t + 1.0
        y = matmul(next, t)
        output y
        update t = next
        """))
    #expect(verify(fused).isEmpty)
  }

  @Test func dont_fuseStatesThatSwapIntoACycle() throws {
    // u reads what q replaces, v what p replaces: one pair can be a step, two cannot.
    let fused = try run(
      [.fuse],
      on: graph(
        """
        state a: f32[4] init zeros
        state b: f32[4] init zeros
        u = tanh(b)
        p = u + 1.0
        v = sin(a)
        q = v + 1.0
        update a = p
        update b = q
        """))
    #expect(verify(fused).isEmpty)
    #expect(fused.groups.count == 1)
  }

  @Test func whatCannotBeOrderedDoesNotKeepTheRestFromFusing() throws {
    // Each value must come before the other: a copy is needed whatever the order.
    let fused = try run(
      [.fuse],
      on: graph(
        """
        input x: f32[8]
        state a: f32[4] init zeros
        state b: f32[4] init zeros
        p = tanh(b)
        q = sin(a)
        y = exp(x)
        z = y * x
        output z
        update a = p
        update b = q
        """))
    #expect(verify(fused).isEmpty)
    #expect(fused.groups.map { $0.members.map { fused[$0].label } } == [["y", "z"]])
  }

  // MARK: Random graphs

  /// Elementwise ops, products and sums over values of one shape, wired at random.
  private func random(_ seed: UInt64, size: Int) -> Graph {
    var random = SplitMix(state: seed)
    let builder = GraphBuilder("g")
    var values = [builder.input("x", .f32, [4, 4]), builder.input("y", .f32, [4, 4])]
    for _ in 0..<size {
      let a = values[Int.random(in: 0..<values.count, using: &random)]
      let b = values[Int.random(in: max(0, values.count - 6)..<values.count, using: &random)]
      switch Int.random(in: 0..<8, using: &random) {
      case 0: values.append(matmul(a, b))
      case 1: values.append(a * GraphOps.sum(b))
      case 2: values.append(a + GraphOps.sum(b, axes: [0]))
      case 3: values.append(GraphOps.transpose(a, [1, 0]))
      case 4: values.append(tanh(a))
      case 5: values.append(a * b)
      case 6: values.append(a - b)
      default: values.append(exp(b))
      }
    }
    builder.output("last", values[values.count - 1])
    builder.output("some", values[values.count / 2])
    return builder.build()
  }

  @Test(arguments: Array(UInt64(1)...60))
  func groupsAreConvexAndTheGraphOfGroupsHasNoCycle(_ seed: UInt64) throws {
    let source = random(seed, size: 40)
    let fused = try run([.fuse], on: source)
    // By reachability alone: nothing outside a group lies between two of its members.
    var reaches = [Set<Int>](repeating: [], count: fused.nodes.count)
    for node in fused.nodes {
      for operand in node.operands {
        reaches[node.id.index].formUnion(reaches[operand.index])
        reaches[node.id.index].insert(operand.index)
      }
    }
    for group in fused.groups {
      let members = Set(group.members.map(\.index))
      let above = members.reduce(into: Set<Int>()) { $0.formUnion(reaches[$1]) }
      for outside in above.subtracting(members) {
        #expect(
          reaches[outside].isDisjoint(with: members),
          "seed \(seed): \(fused.nodes[outside].label) lies inside the group \(group.number)")
      }
      #expect(group.members.count > 1)
    }
    // The same operations, in an order that the verifier accepts.
    func bag(_ graph: Graph) -> [String: Int] {
      graph.nodes.reduce(into: [:]) { $0[$1.definition?.name ?? "leaf", default: 0] += 1 }
    }
    #expect(bag(fused) == bag(source))
    #expect(verify(fused).isEmpty)
  }

  @Test func groupsSurviveTheirText() throws {
    let fused = try run([.fuse], on: random(7, size: 40))
    let again = parse(SourceFile(name: "f.aya", text: fused.text()), dialect: .standard)
    #expect(again.graph?.text() == fused.text(), "\(again.diagnostics)")
    #expect(again.graph?.groups == fused.groups)
  }

  @Test func aLimitStopsGrouping() throws {
    let source = random(3, size: 40)
    let whole = try run([.fuse], on: source)
    var options = PassContext.Options()
    options.limit = 1
    #expect(whole.groups.count > 1)
    #expect(try run([.fuse], on: source, options: options).groups.count == 1)
  }
}
