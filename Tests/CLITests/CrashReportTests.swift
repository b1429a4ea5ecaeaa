import Ayatori
import Foundation
import Testing

extension Pass {
  /// Its rule asks for something that cannot be: a product of shapes that do not fit.
  fileprivate static let traps = Pass(
    "traps", "exp(x) => a trap",
    rules: [
      RewriteRule("harmless", "exp(x) => exp(x)", .exact, on: [.exp]) { _ in nil },
      RewriteRule("trap_rule", "exp(x) => a trap", .exact, on: [.exp]) { site in
        matmul(site[0], site[0])
      },
    ])

  /// Ends in a stack overflow: the handler needs a stack of its own.
  fileprivate static let overflows = Pass("overflows", "too deep") { graph, _ in
    func depth(_ n: Int) -> Int { n < 0 ? 0 : depth(n + 1) &+ graph.nodes.count &+ n }
    precondition(depth(0) != 1)
    return PassResult(graph: graph, places: graph.nodes.map(\.id))
  }

  fileprivate static let breaks = Pass("breaks", "an output of no node") { graph, _ in
    PassResult(
      graph: Graph(
        name: graph.name, dimensions: [], nodes: [], outputs: graph.outputs, updates: []),
      places: graph.nodes.map { _ in nil })
  }
}

private func sample() -> Graph {
  let builder = GraphBuilder("g")
  builder.output("y", exp(builder.input("x", ValueType(.f32, [3]))).named("y"))
  return builder.build()
}

private func run(_ passes: [Pass], dump: PassDump? = nil) throws {
  var options = CompilerOptions()
  if let dump { options.observers.append(dump.observer) }
  options.observers.append(CrashReport.observer { dump?.input })
  _ = try Compiler(options).run(passes, on: sample())
}

/// A crash is a mistake in Ayatori: it must say where, and leave what it was given.
@Suite struct CrashReportTests {
  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  @Test func aTrapNamesPassAndRule() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try run([.eliminateDeadNodes, .traps])
    }
    let words = Self.text(try #require(result?.standardErrorContent))
    #expect(
      words.contains(
        "ayatori: a bug in Ayatori: crashed in the pass 'traps', rule 'trap_rule'; "
          + "--dump-dir DIR leaves its input in a file\n"), "\(words)")
    // The signal does what it does without a handler.
    guard case .signal = result?.exitStatus else {
      Issue.record("\(String(describing: result?.exitStatus)) is no signal")
      return
    }
  }

  /// Known to the process that crashes, which is handed nothing; another clone has its own.
  private static let directory =
    "/tmp/ayatori-crash-test" + #filePath.replacing("/", with: "_")

  @Test func aTrapLeavesItsInput() async throws {
    let directory = Self.directory
    try? FileManager.default.removeItem(atPath: directory)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try run([.eliminateDeadNodes, .traps], dump: PassDump(Self.directory, mode: .changed))
    }
    let words = Self.text(try #require(result?.standardErrorContent))
    let path = directory + "/00__input.aya"
    #expect(words.contains("rule 'trap_rule'; its input is \(path)\n"), "\(words)")
    #expect(try Graph.load(path).text() == sample().text())
  }

  @Test func aStackThatRunsOutIsToldToo() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try run([.overflows])
    }
    let words = Self.text(try #require(result?.standardErrorContent))
    #expect(words.contains("crashed in the pass 'overflows'; "), "\(words)")
  }

  /// What crashes outside a pass is not blamed on the last one.
  @Test func nothingIsSaidOutsidePasses() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try run([.eliminateDeadNodes])
      abort()
    }
    #expect(!Self.text(try #require(result?.standardErrorContent)).contains("crashed in"))
  }

  /// A graph that the verifier refuses cannot be read again; it stands beside the input.
  @Test func aBrokenGraphIsKept() throws {
    try Tool.withDirectory { directory in
      let dump = try PassDump(directory + "d", mode: .changed)
      let failure = #expect(throws: PassFailure.self) {
        try run([.eliminateDeadNodes, .breaks], dump: dump)
      }
      #expect(
        try Tool.files(in: directory + "d")
          == ["00__input.aya", "00__input.dot", "02__breaks.failed.txt"])
      #expect(dump.input == directory + "d/00__input.aya")
      #expect(CrashReport.input == dump.input)
      let text = try String(contentsOfFile: directory + "d/02__breaks.failed.txt", encoding: .utf8)
      #expect(text == "\(try #require(failure))\n" && text.contains("graph-v10"))
    }
  }
}
