public import GraphIR

/// Runs a list of passes over a graph: verifies after each, times it, counts its rules, and lets
/// others look on.
public struct PassManager: Sendable {
  public var passes: [Pass]
  public var options: PassContext.Options
  /// The name of the last pass to run; nil for all.
  public var stopAfter: String?
  /// Whether the graph is verified after each pass, or after the last one alone: then the passes
  /// run again on what they broke, each verified, to name the guilty one.
  public var verifiesEach = PassManager.isDebugBuild
  /// The number of the first pass, when others ran before this list.
  public var firstStep = 0
  /// How many replacements others made before this list, where `--bisect-limit` counts them; nil
  /// where it does not.
  public var firstNumber: Int? = 0
  /// Called before and after each pass, with the number of the pass in the list: for dumps, for
  /// validation. What it throws ends the run.
  public var observers: [Observer] = []

  public struct Observer: Sendable {
    public var willRun: @Sendable (_ step: Int, Pass, Graph) throws -> Void
    public var didRun: @Sendable (PassStep) throws -> Void
    /// Hears of each replacement before it is made.
    public var willReplace: @Sendable (_ pass: String, _ rule: String) -> Void
    /// Hears of each rule before it is tried at a node by the pass that runs: so often that nil is
    /// worth having.
    public var willTry: (@Sendable (RewriteRule) -> Void)?
    /// Hears of a pass that broke the graph, before the failure is thrown.
    public var didFail: @Sendable (_ step: Int, PassFailure) throws -> Void
    /// Whether it reads the graphs between passes, which are verified for it then.
    public var readsGraphs: Bool

    public init(
      readsGraphs: Bool = true,
      willRun: @escaping @Sendable (_ step: Int, Pass, Graph) throws -> Void = { _, _, _ in },
      willReplace: @escaping @Sendable (_ pass: String, _ rule: String) -> Void = { _, _ in },
      willTry: (@Sendable (RewriteRule) -> Void)? = nil,
      didFail: @escaping @Sendable (_ step: Int, PassFailure) throws -> Void = { _, _ in },
      didRun: @escaping @Sendable (PassStep) throws -> Void = { _ in }
    ) {
      self.readsGraphs = readsGraphs
      self.willRun = willRun
      self.willReplace = willReplace
      self.willTry = willTry
      self.didFail = didFail
      self.didRun = didRun
    }
  }

  public init(_ passes: [Pass], options: PassContext.Options = PassContext.Options()) {
    self.passes = passes
    self.options = options
  }

  /// The graph after all passes, and the account of each.
  ///
  /// Throws a `PassFailure` when a pass leaves a graph that the verifier refuses, and what
  /// observers throw.
  public func run(_ graph: Graph) throws -> PassRun {
    let context = PassContext(options)
    var run = PassRun(graph: graph)
    context.onReplacement = { pass, rule in
      for observer in observers { observer.willReplace(pass, rule) }
    }
    for observer in observers {
      guard let next = observer.willTry else { continue }
      guard let others = context.onTry else {
        context.onTry = next
        continue
      }
      context.onTry = { rule in
        others(rule)
        next(rule)
      }
    }
    var settled = SettledNodes()
    for (index, pass) in passes.enumerated() {
      context.settled = settled[pass]
      let number = firstStep + index
      for observer in observers { try observer.willRun(number, pass, run.graph) }
      context.pass = pass.name
      let first = context.replacements.count
      let firstNote = context.notes.count
      let start = ContinuousClock.now
      let result = settled.isDone(pass) ? .unchanged(run.graph) : pass(run.graph, context)
      let duration = ContinuousClock.now - start
      // What a pass left as it was is as right as it was.
      let isChecked = (verifiesEach || isWatched) && !result.graph.isSame(as: run.graph)
      let violations = isChecked ? verify(result.graph) : []
      let replacements = Array(context.replacements[first...])
      if !violations.isEmpty {
        let failure = PassFailure(
          pass: pass.name, rule: guilty(pass, on: run.graph, applied: replacements.count),
          violations: violations, graph: PassFailure.text(of: result.graph))
        for observer in observers { try observer.didFail(number, failure) }
        throw failure
      }
      let step = PassStep(
        index: number, pass: pass, before: run.graph, after: result.graph, places: result.places,
        replacements: replacements, firstReplacement: first,
        firstNumber: firstNumber.map { $0 + first + 1 },
        notes: Array(context.notes[firstNote...]), duration: duration)
      run.append(step, result)
      if step.changed { settled.move(step) }
      // Rules are driven until none applies, unless they were held back.
      if context.permitsMore, step.notes.isEmpty { settled.finish(pass, result.graph) }
      for observer in observers { try observer.didRun(step) }
      if pass.name == stopAfter { break }
    }
    if !verifiesEach, !isWatched, !run.graph.isSame(as: graph),
      !verify(run.graph).isEmpty
    {
      var careful = self
      careful.verifiesEach = true
      return try careful.run(graph)
    }
    run.replacements = context.replacements
    run.notes = context.notes
    return run
  }

  /// Whether somebody reads the graphs between passes, who must not be handed broken ones.
  private var isWatched: Bool { observers.contains(where: \.readsGraphs) }

  private static var isDebugBuild: Bool {
    #if DEBUG
      true
    #else
      false
    #endif
  }

  /// The rule whose replacement first broke the graph, found by making ever more of them.
  private func guilty(_ pass: Pass, on graph: Graph, applied count: Int) -> String? {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      let context = limited(to: middle + 1, pass)
      if verify(pass(graph, context).graph).isEmpty { low = middle + 1 } else { high = middle }
    }
    guard low < count else { return nil }
    let context = limited(to: low + 1, pass)
    _ = pass(graph, context)
    return context.replacements.last?.rule
  }

  private func limited(to limit: Int, _ pass: Pass) -> PassContext {
    var options = options
    options.limit = limit
    let context = PassContext(options)
    context.pass = pass.name
    return context
  }

  /// One pass alone on a graph, with at most `limit` replacements: for finding a guilty one.
  public func replay(_ pass: Pass, on graph: Graph, limit: Int) -> (Graph, [Replacement]) {
    let context = limited(to: limit, pass)
    let result = pass(graph, context)
    return (result.graph, context.replacements)
  }
}

/// What one pass did.
public struct PassStep: Sendable {
  /// The place in the list, from 0.
  public let index: Int
  public let pass: Pass
  public let before: Graph
  public let after: Graph
  /// Where each node of `before` went.
  public let places: [NodeID?]
  public let replacements: [Replacement]
  /// The number of replacements that earlier passes made.
  public let firstReplacement: Int
  /// The number of the first replacement as `--bisect-limit` counts: from 1, over all passes but
  /// lowering; nil in lowering.
  public let firstNumber: Int?
  /// What is no error but should be known: a budget that ran out.
  public let notes: [String]
  public let duration: Duration

  public var counts: [(rule: String, count: Int)] {
    Dictionary(grouping: replacements, by: \.rule).map { ($0.key, $0.value.count) }
      .sorted { ($1.count, $0.rule) < ($0.count, $1.rule) }
  }

  public var changed: Bool { !replacements.isEmpty }
}

/// A run of passes: the graph that came out and how it came about.
public struct PassRun: Sendable {
  public fileprivate(set) var graph: Graph
  public fileprivate(set) var steps: [PassStep] = []
  public fileprivate(set) var replacements: [Replacement] = []
  public fileprivate(set) var notes: [String] = []
  private let history: NodeHistory

  /// For each node of the final graph, the nodes of the first graph that it stands for.
  public var origins: [NodeID: [NodeID]] { history.tables.origins }
  /// For each node of the final graph, the replacements that had a part in it, by their index.
  public var makers: [NodeID: [Int]] { history.tables.makers }

  fileprivate init(graph: Graph) {
    self.graph = graph
    history = NodeHistory(graph.nodes.map(\.id))
  }

  fileprivate mutating func append(_ step: PassStep, _ result: PassResult) {
    history.append(result)
    graph = result.graph
    steps.append(step)
  }
}

/// The graph after `passes`, in order, each verified. Throws a `PassFailure`.
public func run(
  _ passes: [Pass], on graph: Graph, options: PassContext.Options = PassContext.Options()
) throws -> Graph {
  try PassManager(passes, options: options).run(graph).graph
}
