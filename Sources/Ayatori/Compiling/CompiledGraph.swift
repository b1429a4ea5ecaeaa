public import GraphIR
public import Runtime

/// A graph that is ready to run at any sizes.
///
///     let graph = try Graph.load("Graphs/vae_pytorch.aya")
///     let compiled = try CompiledGraph(graph, gradientsOf: "loss", withRespectTo: ["mu"])
///     let results = try compiled.run(inputs: ["x": images], seed: 1)
///     results["d_loss/d_mu"]
public struct CompiledGraph: Sendable {
  public let program: Program
  /// Noise that the caller will feed and no output needs.
  private let unneeded: Set<String>

  /// Compiles a source graph: lowering, derivatives, passes.
  ///
  /// `outputs` are node names, nil for the graph's own; gradients come on top, named
  /// `d_<loss>/d_<name>`. `feeding` names nodes whose values will be fed, at which the graph is
  /// then cut; noise need not be named here to be fed. Throws diagnostics for what the caller got
  /// wrong, and a `PassFailure` for a mistake in Ayatori.
  public init(
    _ source: Graph, outputs: [String]? = nil, gradientsOf loss: String? = nil,
    withRespectTo targets: [String] = [], feeding: Set<String> = [],
    compiler: Compiler = Compiler()
  ) throws {
    let cut = try source.cut(at: feeding)
    var graph = try compiler.lower(cut)
    let names = outputs ?? graph.outputs.map(\.name)
    guard let loss else {
      try self.init(graph.with(outputs: names), of: cut, feeding: feeding, compiler: compiler)
      return
    }
    // What is wanted stays through the passes, the loss among it.
    let wanted = try graph.with(outputs: names + (names.contains(loss) ? [] : [loss]))
    graph = try compiler.stabilize(wanted, keeping: targets)
    graph = try compiler.differentiate(graph, loss: loss, withRespectTo: targets)
    try self.init(
      graph.with(
        outputs: names + targets.map { derivativeName(of: loss, withRespectTo: $0) }),
      of: cut, feeding: feeding, compiler: compiler)
  }

  /// Optimises a graph that only lacks the passes between gradient and plan.
  private init(
    _ graph: Graph, of cut: Graph, feeding: Set<String>, compiler: Compiler
  ) throws {
    let optimized = try compiler.optimize(graph)
    let fed = optimized.fedNoise(feeding)
    program = try Program(optimized, feeding: fed)
    unneeded = cut.fedNoise(feeding).subtracting(fed)
  }

  /// Wraps a graph that is lowered and optimised already.
  public init(optimized graph: Graph, feeding: Set<String> = []) throws(Diagnostic) {
    program = try Program(graph, feeding: feeding)
    unneeded = []
  }

  /// Binds to the sizes of the fed arrays, runs once, and returns every output by name.
  ///
  /// Parameters that are not given, among `inputs` either, come from their initialisers with
  /// `seed`; noise that is not fed is drawn from `seed` and `step`. Throws diagnostics.
  public func run(
    inputs: [String: NDArray] = [:], parameters: [String: NDArray] = [:],
    sizes: [String: Int] = [:], seed: UInt64 = 0, step: UInt64 = 0
  ) throws(Diagnostic) -> [String: NDArray] {
    let bound = try bind(inputs: inputs, parameters: parameters, sizes: sizes, seed: seed)
    try bound.run(step: step)
    var results: [String: NDArray] = [:]
    for output in bound.program.outputs { results[output.name] = bound.output(output.name) }
    return results
  }

  /// Binds to the sizes of the fed arrays, for many runs; what is fed stays until it is fed anew.
  ///
  /// Parameters and noise as in `run`. Throws diagnostics.
  public func bind(
    inputs: [String: NDArray] = [:], parameters: [String: NDArray] = [:],
    sizes: [String: Int] = [:], seed: UInt64 = 0
  ) throws(Diagnostic) -> BoundProgram {
    var parameters = parameters
    var fed: [String: NDArray] = [:]
    for (name, array) in inputs.sorted(by: { $0.key < $1.key }) where !unneeded.contains(name) {
      // An alias stands for its node.
      let node = program.graph.node(named: name)
      let label = node?.label ?? name
      if fed[label] != nil { throw .fedTwice(label, name) }
      if let node, node.isPersistent {
        parameters[label] = array
      } else {
        fed[label] = array
      }
    }
    // Noise that is handed in is fed, also where the caller did not say so before.
    let noise = program.graph.fedNoise(fed.keys).subtracting(program.fed)
    let program =
      noise.isEmpty ? program : try Program(program.graph, feeding: program.fed.union(noise))
    let shapes = fed.merging(parameters) { first, _ in first }.mapValues(\.shape)
    let solved = try SizeSolver(program.graph).solve(given: sizes, shapes: shapes)
    let bound: BoundProgram
    do throws(Diagnostic) {
      let state = try StateStore(program.graph, sizes: solved)
      try state.initialize(seed: seed) { parameters[$0.label] == nil }
      for (name, array) in parameters.sorted(by: { $0.key < $1.key }) {
        try state.set(name, array)
      }
      bound = try BoundProgram(program, sizes: solved, state: state, seed: seed)
    } catch {
      // A size that an input would have brought: what is missing is the input.
      let missing = program.graph.inputs.filter {
        program.isNeeded[$0.id.index] && fed[$0.label] == nil
      }
      guard error.id == "unbound-dimension", let first = missing.first else { throw error }
      throw .notFed(first, others: Array(missing.dropFirst()))
    }
    for (name, array) in fed.sorted(by: { $0.key < $1.key }) { try bound.feed(name, array) }
    return bound
  }
}

extension Graph {
  /// The graph with the named values as its outputs, in this order. Throws for unknown names.
  public func with(outputs names: [String]) throws(Diagnostics) -> Graph {
    let builder = GraphBuilder(continuing: self)
    builder.removeOutputs()
    var unknown: [Diagnostic] = []
    for name in names {
      if let node = value(named: name) {
        builder.output(name, Value(builder: builder, id: node.id))
      } else {
        unknown.append(.unknownNode(name, self))
      }
    }
    guard unknown.isEmpty else { throw Diagnostics(unknown) }
    return builder.build()
  }

  /// The graph with the named nodes turned into inputs: run a decoder by feeding `z`. Leaves that
  /// are fed anyway stay as they are. Throws for unknown names.
  public func cut(at names: Set<String>) throws(Diagnostics) -> Graph {
    var unknown: [Diagnostic] = []
    var ids: Set<NodeID> = []
    for name in names.sorted() {
      guard let node = node(named: name) else {
        unknown.append(.unknownNode(name, self))
        continue
      }
      if !node.isInput, !node.isNoise, !node.isPersistent { ids.insert(node.id) }
    }
    guard unknown.isEmpty else { throw Diagnostics(unknown) }
    guard !ids.isEmpty else { return self }
    let rebuilder = GraphRebuilder(self)
    for node in nodes {
      if ids.contains(node.id) {
        rebuilder.replace(node) {
          rebuilder.builder.leaf(.input, node.type, name: node.label)
        }
      } else {
        rebuilder.copy(node)
      }
    }
    return rebuilder.finish()
  }

  /// Those of `names` that are noise leaves: what is fed instead of drawn.
  public func fedNoise(_ names: some Sequence<String>) -> Set<String> {
    let noises = Set(noises.compactMap(\.name))
    return Set(names.filter(noises.contains))
  }
}
