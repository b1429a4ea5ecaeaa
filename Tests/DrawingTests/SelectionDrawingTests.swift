import Drawing
import Foundation
import GraphIR
import Testing

/// Minutes in which large graphs have to be drawn; a sanitizer makes all of it slower.
private let patience: TimeLimitTrait.Duration =
  ProcessInfo.processInfo.environment["AYATORI_SANITIZER"] == nil ? .minutes(2) : .minutes(60)

@Suite struct SelectionDrawingTests {
  private func text(
    _ options: DrawingOptions, _ graph: Graph = TestGraphs.pytorchVAE()
  ) throws -> String {
    try dot(graph, style: .ayatori, options: options)
  }

  private func nodes(_ text: String) -> Set<String> {
    Set(FusedGroupTests.clusters(text).keys.filter { !$0.hasPrefix("legend") })
  }

  @Test func aroundANode() throws {
    let text = try text(DrawingOptions(selection: .around(["z"], radius: 1)))
    let boxes: Set<String> = nodes(text).filter { !$0.hasPrefix("more") && !$0.hasPrefix("%") }
    #expect(boxes == ["z", "z.eps", "mu", "logvar"])
    // mu and logvar have operands and users that are cut off; h2's linear has both as well.
    let stubs = nodes(text).filter { $0.hasPrefix("more") }
    #expect(stubs.count == 6)
    #expect(text.contains("label=\"…\""))
    #expect(text.contains("tooltip=\"not drawn: fc_mu.W, fc_mu.b, h1\""))
    #expect(text.contains("around z, radius 1: 5 of 28 nodes"))
    #expect(text.contains("more that is not drawn"))
  }

  @Test func dont_showStubsWhereNothingIsCut() throws {
    #expect(!(try text(DrawingOptions())).contains("…"))
    let all = try text(DrawingOptions(selection: .around(["z", "loss"], radius: 99)))
    #expect(!all.contains("\"more "))
    #expect(all.contains("radius 99: 28 of 28 nodes"))
  }

  @Test func alongPaths() throws {
    let text = try text(DrawingOptions(selection: .paths(from: "mu", to: "kld")))
    let boxes: Set<String> = nodes(text).filter { !$0.hasPrefix("more") && !$0.hasPrefix("%") }
    #expect(boxes == ["mu", "kld"])
    #expect(text.contains("paths from mu to kld: 3 of 28 nodes"))
  }

  @Test(arguments: [
    (DrawingOptions(selection: .around(["muu"], radius: 1)), "unknown-node"),
    (DrawingOptions(selection: .paths(from: "loss", to: "mu")), "no-path"),
    (DrawingOptions(selection: .paths(from: "recon", to: "kld")), "no-path"),
    (DrawingOptions(selection: .paths(from: "recon", to: "nope")), "unknown-node"),
    (DrawingOptions(collapsed: ["encodr"]), "unknown-scope"),
  ])
  func refuses(_ options: DrawingOptions, _ id: String) {
    let error = #expect(throws: Diagnostic.self) { _ = try text(options) }
    #expect(error?.id == id)
    if id != "no-path" || error?.got == "a path the other way round" {
      #expect(error?.fix != nil || error?.got == "'nope'")
    }
  }

  @Test func chainerDrawsItAll() {
    let error = #expect(throws: Diagnostic.self) {
      try dot(
        TestGraphs.pytorchVAE(), style: .chainer, options: DrawingOptions(collapsed: ["encoder"]))
    }
    #expect(error?.id == "chainer-whole")
  }

  // MARK: Collapsing

  @Test func aScopeBecomesABox() throws {
    let text = try text(DrawingOptions(collapsed: ["encoder"]))
    let boxes = text.split(separator: "\n").filter {
      $0.contains("box3d") && !$0.contains("legend")
    }
    // Four nodes, and the parameters of three layers that are used there.
    #expect(boxes.count == 1)
    #expect(boxes[0].contains("<B>encoder</B> (10 nodes)"))
    #expect(!text.contains("\"mu\"") && !text.contains("<I>encoder</I>"))
    let id = try #require(boxes[0].split(separator: "\"").first { $0.hasPrefix("scope") })
    let lines = text.split(separator: "\n")
    // x once; mu and logvar are the mean and the log-variance of z, and together the operands of
    // the divergence.
    #expect(lines.count { $0.contains("-> \"\(id)\"") } == 1)
    #expect(lines.count { $0.contains("\"\(id)\" ->") } == 2)
  }

  @Test func scopesGoByPathOrName() throws {
    let g = GraphBuilder("nested")
    var value = g.input("x", ValueType(.f32, [4]))
    for outer in ["a", "b"] {
      value = g.scope(outer) {
        let inner = g.scope("block") { value(TestOp.exp, name: "\(outer)1")(TestOp.relu) }
        return inner(TestOp.sigmoid, name: "\(outer)2")
      }
    }
    g.output("y", value)
    let graph = g.build()
    func headings(_ names: [String]) throws -> [String] {
      try text(DrawingOptions(collapsed: names), graph).split(separator: "\n")
        .compactMap { $0.firstMatch(of: /<B>(\w+)<\/B> \((\d+) node/).map { "\($0.1) \($0.2)" } }
    }
    #expect(try headings(["block"]) == ["block 2", "block 2"])
    #expect(try headings(["a/block"]) == ["block 2"])
    #expect(try headings(["a", "block"]) == ["a 3", "block 2"])
  }

  /// Ten outer scopes of ten inner ones of ten nodes.
  private static let large: Graph = {
    let g = GraphBuilder("large")
    var value = g.input("x", ValueType(.f32, [4]))
    for outer in 0..<10 {
      for inner in 0..<10 {
        g.with(scope: ["s\(outer)", "t\(inner)"]) {
          for _ in 0..<10 { value = value(TestOp.exp)(TestOp.relu) }
        }
      }
    }
    g.output("y", value)
    return g.build()
  }()

  @Test(arguments: [2001, 2000, 500, 101, 100, 11, 5])
  func collapsesUntilItFits(_ limit: Int) throws {
    let drawing = try draw(
      Self.large, style: .ayatori, options: DrawingOptions(mostBoxes: limit))
    let count = nodes(drawing.text).count
    #expect(drawing.notes.isEmpty == (limit == 2001))
    #expect(count <= max(limit, 11))
    switch limit {
    case 2001: #expect(count == 2001)
    case 500: #expect(count > 480, "no more than needed: \(count)")
    // All inner scopes are one box each, and x.
    case 101: #expect(count == 101)
    case 11, 5: #expect(count == 11)
    default: break
    }
    if limit == 5 { #expect(drawing.notes.count == 2) }
    for note in drawing.notes { #expect(drawing.text.contains(note)) }
  }

  @Test func saysThatNothingCanBeCollapsed() throws {
    let g = GraphBuilder("flat")
    var value = g.input("x", ValueType(.f32, [4]))
    for _ in 0..<20 { value = value(TestOp.exp) }
    g.output("y", value)
    let drawing = try draw(g.build(), style: .ayatori, options: DrawingOptions(mostBoxes: 10))
    #expect(drawing.notes.count == 1 && drawing.notes[0].contains("no scope to collapse"))
  }

  // MARK: Size

  /// In a thread with a small stack, as those of Swift's concurrency are.
  @Test(.timeLimit(patience), arguments: ["chain", "wide", "deep"])
  func drawsVeryLargeGraphs(_ form: String) throws {
    let count = form == "deep" ? 300 : 20_000
    let g = GraphBuilder(form)
    let x = g.input("x", ValueType(.f32, [4]))
    var value = x
    for index in 0..<count {
      let scope = form == "deep" ? (0...index).map { "s\($0)" } : []
      g.with(scope: scope) {
        value = (form == "wide" ? x : value)(TestOp.add, g.float(Double(index)))
      }
    }
    g.output("y", value)
    let graph = g.build()
    nonisolated(unsafe) var lines = 0
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      lines = (try? dot(graph, style: .ayatori))?.split(separator: "\n").count ?? 0
      done.signal()
    }
    thread.stackSize = 256 << 10
    thread.start()
    done.wait()
    #expect(lines > 2 * count)
  }
}
