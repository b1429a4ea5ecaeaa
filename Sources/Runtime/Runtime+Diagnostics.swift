package import GraphIR
import GraphOps

// Every message that binding and running can show.

extension Diagnostic {
  package static func unsized(_ node: Node, _ error: DimError) -> Diagnostic {
    if case .unbound(let name) = error {
      return Diagnostic(
        "unbound-dimension", "the dimension '\(name)' of '\(node.label)' has no value",
        at: node.location, place: node.label, expected: "a size for \(node.type)",
        fix: "give one: --dim \(name)=64")
    }
    return Diagnostic(
      "bad-size", "'\(node.label)' cannot have the shape \(node.type.shape): \(error)",
      at: node.location, place: node.label)
  }

  static func failed(_ node: Node, _ error: RunError) -> Diagnostic {
    Diagnostic(
      "step-failed", "'\(node.label)': \(error.message)", at: node.location, place: node.label)
  }

  static func fedShape(_ node: Node, expected: [Int], got: [Int]) -> Diagnostic {
    Diagnostic(
      "fed-shape", "the array for '\(node.label)' has the wrong shape", place: node.label,
      expected: "\(expected), from \(node.type)", got: "\(got)")
  }

  /// `stored` is the name of what a file has, where that is no dtype of Ayatori's.
  static func fedDType(_ node: Node, got: DType, stored: String? = nil) -> Diagnostic {
    Diagnostic(
      "fed-dtype", "the array for '\(node.label)' has the wrong dtype", place: node.label,
      expected: "\(node.type.dtype.numpyName)", got: stored ?? got.numpyName,
      fix: "convert it: array.astype('\(node.type.dtype.numpyName)')"
        + (got == .f64 && node.type.dtype == .f32 ? ", or run the graph with --dtype f64" : ""))
  }

  /// A leaf without a value; `others` have none either.
  package static func notFed(_ node: Node, others: [Node] = []) -> Diagnostic {
    Diagnostic(
      "not-fed", "'\(node.label)' has no value", at: node.location, place: node.label,
      expected: "an array of type \(node.type)", got: "nothing",
      fix: node.isInput
        ? "feed it by name: --inputs FILE.npz with the array '\(node.label)'"
        : "give parameters with --params, or a seed to initialise them"
    )
    .adding(others.map { .init("'\($0.label)', of type \($0.type), has none either") })
  }

  static func unknownFeed(_ name: String, _ graph: Graph) -> Diagnostic {
    let names = graph.nodes.compactMap { node -> String? in
      switch node.body {
      case .leaf(.input), .leaf(.noise), .leaf(.parameter), .leaf(.state): node.name
      default: nil
      }
    }
    return Diagnostic(
      "unknown-feed", "graph '\(graph.name)' takes no array '\(name)'", place: name,
      expected: "one of " + names.joined(separator: ", "), got: "'\(name)'",
      fix: nearest(to: name, among: names).map { "did you mean '\($0)'?" })
  }

  static func unknownDimension(_ name: String, _ graph: Graph) -> Diagnostic {
    let names = graph.dimensions.map(\.name)
    return Diagnostic(
      "unknown-dimension", "graph '\(graph.name)' has no dimension '\(name)'",
      place: "--dim \(name)",
      expected: names.isEmpty ? "none" : "one of " + names.joined(separator: ", "),
      got: "'\(name)'", fix: nearest(to: name, among: names).map { "did you mean '\($0)'?" })
  }

  static func conflictingSize(
    _ dimension: String, _ known: Int, _ node: Node, _ shape: [Int], wanted: Int?
  ) -> Diagnostic {
    Diagnostic(
      "conflicting-size", "the array for '\(node.label)' does not fit the other sizes",
      place: node.label, expected: "\(node.type) with \(dimension) = \(known)", got: "\(shape)",
      fix: wanted.map { "set the size: --dim \(dimension)=\($0)" })
  }

  static func outOfMemory(_ bytes: Int, _ graph: Graph) -> Diagnostic {
    let gib = Double(bytes) / Double(1 << 30)
    return Diagnostic(
      "out-of-memory", "there is no memory to run graph '\(graph.name)' at these sizes",
      place: "graph '\(graph.name)'",
      expected: "\((gib * 100).rounded() / 100) GiB of free memory", fix: "use a smaller --dim")
  }

  /// OpenBLAS would wait for ever for what a limit on the process's memory does not allow.
  static func noMemoryForProducts(_ threads: Int, _ node: Node) -> Diagnostic {
    Diagnostic(
      "out-of-memory", "there is no memory for matrix products", at: node.location,
      place: node.label,
      expected: "\(threads * (BLASThreads.bufferSize >> 20)) MiB of free memory, for "
        + (threads == 1 ? "one thread" : "\(threads) threads"),
      fix: "raise the limit on memory (ulimit -v), or take one thread: OPENBLAS_NUM_THREADS=1")
  }

  static func unfitState(_ node: Node, _ shape: [Int], _ state: StateStore) -> Diagnostic {
    Diagnostic(
      "unfit-state", "the kept values do not fit '\(node.label)'", at: node.location,
      place: node.label, expected: "\(node.type.dtype)\(shape), from \(node.type)",
      got: state.buffer(node.label).map { "\($0.dtype)\($0.shape)" } ?? "nothing")
  }

  /// A fused group, as only a dump or a person can write one, that is no single step.
  static func illegalGroup(
    _ number: Int, _ illegal: GroupLayout.Illegal, _ graph: Graph
  ) -> Diagnostic {
    Diagnostic(
      "illegal-group", "the fused group \(number) cannot run as one step",
      at: illegal.node.flatMap { graph[$0].location }, place: "graph '\(graph.name)'",
      expected: "members that one loop over blocks computes",
      got: illegal.reason + (illegal.node.map { ", at '\(graph[$0].mention)'" } ?? ""),
      fix: "take the block 'fused \(number) { … }' away; its statements stay")
  }

  static func usedUp(_ node: Node) -> Diagnostic {
    Diagnostic(
      "not-fed", "the array for '\(node.label)' was used up by the last run", place: node.label,
      expected: "an array of type \(node.type)", got: "memory that a step has written over",
      fix: "feed it again before every run")
  }

  static func unknownOutput(_ name: String, _ graph: Graph) -> Diagnostic {
    Diagnostic(
      "unknown-node", "graph '\(graph.name)' has no node '\(name)'", place: name,
      expected: "a node's name", got: "'\(name)'",
      fix: nearest(to: name, among: graph.names).map { "did you mean '\($0)'?" })
  }
}
