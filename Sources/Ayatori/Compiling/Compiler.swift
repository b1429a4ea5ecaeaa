public import GraphIR
public import Passes

/// Takes a graph through its stages.
public struct Compiler: Sendable {
  public let options: CompilerOptions
  /// What every pass did so far.
  public let journal = PassJournal()
  /// Hears what is no error but should be known: a gradient that lacks a way because it is cut.
  private let warn: @Sendable (Diagnostic) -> Void

  public init(
    _ options: CompilerOptions = CompilerOptions(),
    warn: @escaping @Sendable (Diagnostic) -> Void = { _ in }
  ) {
    self.options = options
    self.warn = warn
  }

  /// Estimators applied and sampling lowered, ready to be differentiated or run. Throws diagnostics
  /// for an estimator that has nothing to work on, and a `PassFailure`, which is a mistake in
  /// Ayatori.
  public func lower(_ graph: Graph) throws -> Graph {
    try Compiler.checkEstimators(graph)
    return try run(options.pipeline.lowering, on: graph, isOptional: false)
  }

  /// A lowered graph in which what would lose digits is rewritten, so that derivatives taken of it
  /// keep theirs. Nodes called `targets` stay as they are.
  public func stabilize(_ lowered: Graph, keeping targets: [String]) throws -> Graph {
    try run(options.pipeline.beforeGradient, on: lowered, keeping: Set(targets))
  }

  /// What runs: every pass between gradient and plan.
  public func optimize(_ graph: Graph) throws -> Graph {
    try run(options.pipeline.optimizing, on: graph)
  }

  /// Runs passes as the options say, and enters them in the journal. Throws a `PassFailure`, and
  /// what observers throw.
  public func run(
    _ passes: [Pass], on graph: Graph, keeping kept: Set<String> = [], isOptional: Bool = true
  ) throws -> Graph {
    if journal.isStopped, isOptional { return graph }
    var passOptions = PassContext.Options()
    passOptions.float = options.float
    passOptions.kept = kept
    passOptions.unseen = options.unseen
    let made = journal.steps.reduce(0) { $0 + ($1.firstNumber == nil ? 0 : $1.replacements.count) }
    if isOptional, let limit = options.bisectLimit { passOptions.limit = max(0, limit - made) }
    var manager = PassManager(
      passes.filter { !options.disabled.contains($0.name) }, options: passOptions)
    manager.stopAfter = options.stopAfter
    manager.firstStep = journal.steps.count
    manager.firstNumber = isOptional ? made : nil
    manager.observers = options.observers + (options.validator.map { [$0.observer] } ?? [])
    let run = try manager.run(graph)
    journal.append(run)
    if let last = run.steps.last, last.pass.name == options.stopAfter { journal.stop() }
    return run.graph
  }

  /// A lowered graph with ∂loss/∂target for each target, as outputs of their own.
  ///
  /// Targets are node names. Throws diagnostics for unknown names, a loss that is not a floating
  /// scalar, every target that no gradient reaches, as a gradient is never silently zero, and an
  /// output that has a derivative's name.
  public func differentiate(
    _ lowered: Graph, loss: String, withRespectTo targets: [String]
  ) throws(Diagnostics) -> Graph {
    let taken = Compiler.distinct(targets).filter {
      lowered.output(named: derivativeName(of: loss, withRespectTo: $0)) != nil
    }
    guard taken.isEmpty else {
      throw Diagnostics(taken.map { .gradientNameTaken(by: lowered, loss, $0) })
    }
    return try addingDerivatives(to: lowered, loss: loss, withRespectTo: targets)
  }

  /// As `differentiate`, but a derivative takes the place of an output that has its name.
  func addingDerivatives(
    to lowered: Graph, loss: String, withRespectTo targets: [String]
  ) throws(Diagnostics) -> Graph {
    let (result, named) = try derivatives(lowered, loss: loss, withRespectTo: targets)
    let builder = GraphBuilder(continuing: result.graph)
    for (name, _, derivative) in named {
      builder.output(
        derivativeName(of: loss, withRespectTo: name),
        Value(builder: builder, id: derivative))
    }
    return builder.build()
  }

  /// A derivative that was asked for: the name, its node, and the node of the derivative.
  typealias NamedDerivative = (name: String, target: NodeID, derivative: NodeID)

  /// What reverse mode finds, and the derivative by each target; its ways end where `waysEnd`.
  /// Throws as `differentiate`.
  func derivatives(
    _ lowered: Graph, loss: String, withRespectTo targets: [String],
    waysEnd: (NodeID) -> Bool = { _ in true }
  ) throws(Diagnostics) -> (ReverseMode.Result, [NamedDerivative]) {
    let names = Compiler.distinct(targets)
    var unknown: [Diagnostic] = []
    for name in [loss] + names where lowered.value(named: name) == nil {
      unknown.append(.unknownNode(name, lowered))
    }
    guard unknown.isEmpty, let root = lowered.value(named: loss) else { throw Diagnostics(unknown) }
    let ids = names.compactMap { lowered.value(named: $0)?.id }
    let result: ReverseMode.Result
    do throws(Diagnostic) {
      result = try ReverseMode.differentiate(
        lowered, root: ReverseMode.Root(root.id), withRespectTo: ids, waysEnd: waysEnd)
    } catch {
      throw Diagnostics([error])
    }
    var named: [NamedDerivative] = []
    var refused: [Diagnostic] = []
    for (name, id) in zip(names, ids) {
      switch result.derivatives[id] {
      case .node(let derivative): named.append((name, id, derivative))
      case .zero(let reason):
        refused.append(.noGradient(name, loss, lowered, "zero almost everywhere: \(reason)"))
      case .notConnected(let reason):
        refused.append(.noGradient(name, loss, lowered, "not connected: \(reason)"))
      case .undefined(let reason):
        refused.append(.noGradient(name, loss, lowered, "no gradient, because \(reason)"))
      case nil: break
      }
    }
    guard refused.isEmpty else { throw Diagnostics(refused) }
    let cuts = result.blocked.filter { $0.hidesTarget && !$0.isRerouted }
    for cut in lowered.alike(cuts) { warn(.gradientCut(cut, loss, lowered)) }
    return (result, named)
  }

  /// The graph at a stage.
  ///
  /// `loss` and `targets` say what the later stages differentiate: the loss defaults to the output
  /// named `loss` or the only scalar output, the targets to all parameters. Throws diagnostics.
  public func stage(
    _ stage: Stage, of source: Graph, loss: String? = nil, withRespectTo targets: [String]? = nil
  ) throws -> Graph {
    if stage == .source { return source }
    let lowered = try lower(source)
    if stage == .lowered { return lowered }
    let loss = try loss ?? Compiler.lossName(of: lowered)
    let wanted = targets ?? lowered.parameters.map(\.label)
    let stable = try stabilize(lowered, keeping: wanted)
    let gradient = try differentiate(stable, loss: loss, withRespectTo: wanted)
    return stage == .gradient ? gradient : try optimize(gradient)
  }

  /// The output that is the objective: `loss`, or the only floating scalar. Throws when that is not
  /// clear.
  public static func lossName(of graph: Graph) throws(Diagnostics) -> String {
    let scalars = graph.outputs.filter {
      graph[$0.node].type.shape.rank == 0 && graph[$0.node].type.dtype.isFloating
    }
    // What is called the loss is meant, whatever its type; differentiating says what is wrong.
    if let loss = graph.output(named: "loss") { return loss.name }
    if scalars.count == 1 { return scalars[0].name }
    throw Diagnostics([.noLoss(graph, scalars.map(\.name))])
  }

  private static func distinct(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }
}
