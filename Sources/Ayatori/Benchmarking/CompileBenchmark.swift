import Foundation
public import GraphIR
import Runtime

/// Times compiling from text to a program that is bound to sizes, phase by phase.
public struct CompileBenchmark: Encodable, Sendable {
  /// Seconds of each phase; the rounds' medians.
  public struct Phases: Encodable, Sendable {
    public var parse = 0.0
    public var verify = 0.0
    /// Sampling lowered, and what would lose digits rewritten.
    public var lower = 0.0
    /// Derivatives and the optimiser's update.
    public var gradient = 0.0
    /// All passes, each with its verification.
    public var passes = 0.0
    /// The program made of the graph, memory planned and kernels prepared.
    public var bind = 0.0
    /// The planning alone, which is a part of `bind`.
    public var plan = 0.0

    public var total: Double { parse + verify + lower + gradient + passes + bind }

    /// With their names, in order; `plan` is no phase of its own.
    public static var all: [(name: String, path: WritableKeyPath<Phases, Double>)] {
      [
        ("parse", \.parse), ("verify", \.verify), ("lower", \.lower), ("gradient", \.gradient),
        ("passes", \.passes), ("bind", \.bind),
      ]
    }
  }

  public var graph: String
  /// Whether gradient and update are part of it.
  public var trains: Bool
  public var sourceNodes = 0
  public var gradientNodes = 0
  public var optimizedNodes = 0
  public var planSteps = 0
  public var rounds = 0
  public var median = Phases()
  /// Seconds of the fastest round.
  public var fastest = 0.0

  /// Compiles the graph in `text` up to `rounds` times, and once at least; stops when `limit` is
  /// over. Dimensions without a default take `size`; `textLimit` is that of `parse`.
  ///
  /// A graph with parameters and a loss is compiled as a training step with Adam, unless
  /// `forwardOnly`; another one forward only. Throws diagnostics.
  public init(
    _ text: String, named name: String, overrides: Overrides = Overrides(),
    options: CompilerOptions = CompilerOptions(), forwardOnly: Bool = false, size: Int, rounds: Int,
    limit: Duration = .seconds(20), textLimit: Int = TextLimits.parts
  ) throws {
    graph = forwardOnly ? "\(name) forward" : name
    trains = false
    var times: [Phases] = []
    let start = ContinuousClock.now
    while times.isEmpty || times.count < rounds && ContinuousClock.now - start < limit {
      times.append(try round(text, overrides, options, forwardOnly, size, textLimit))
    }
    self.rounds = times.count
    for path in Phases.all.map(\.path) + [\.plan] {
      median[keyPath: path] = times.map { $0[keyPath: path] }.sorted()[times.count / 2]
    }
    fastest = times.map(\.total).min() ?? 0
  }

  /// As above, of the graph in a file.
  public init(
    file path: String, overrides: Overrides = Overrides(),
    options: CompilerOptions = CompilerOptions(), size: Int, rounds: Int,
    textLimit: Int = TextLimits.parts
  ) throws {
    let bytes = try readFile(path, limit: graphFileLimit(parts: textLimit))
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Diagnostics([.unreadableText(path)])
    }
    try self.init(
      text, named: path, overrides: overrides, options: options, size: size, rounds: rounds,
      textLimit: textLimit)
  }

  private mutating func round(
    _ text: String, _ overrides: Overrides, _ options: CompilerOptions, _ forwardOnly: Bool,
    _ size: Int, _ textLimit: Int
  ) throws -> Phases {
    var phases = Phases()
    var last = ContinuousClock.now
    func lap() -> Double {
      let now = ContinuousClock.now
      defer { last = now }
      return (now - last).seconds
    }
    let parsed = parse(
      SourceFile(name: graph, text: text), dialect: .standard, overrides: overrides,
      limit: textLimit)
    guard let source = parsed.graph else { throw Diagnostics(parsed.diagnostics) }
    phases.parse = lap()
    let broken = GraphIR.verify(source)
    guard broken.isEmpty else { throw Diagnostics(broken) }
    phases.verify = lap()
    let compiler = Compiler(options)
    var current = try compiler.stabilize(compiler.lower(source), keeping: [])
    phases.lower = lap()
    trains = !forwardOnly && !source.parameters.isEmpty && !source.inputs.isEmpty
    if trains {
      let loss = try Compiler.lossName(of: source)
      current = try compiler.trainingStep(of: current, loss: loss, optimizer: .adam())
      phases.gradient = lap()
    }
    gradientNodes = current.nodes.count
    current = try compiler.optimize(current)
    phases.passes = lap()
    var sizes = source.sizes()
    for dimension in source.dimensions where dimension.defaultSize == nil {
      sizes[dimension.name] = size
    }
    _ = lap()
    let program = try Program(current)
    phases.bind = lap()
    let state = try StateStore(current, sizes: sizes)
    _ = lap()
    let plan = try MemoryPlan(program, sizes: sizes)
    phases.plan = lap()
    _ = try BoundProgram(program, sizes: sizes, state: state)
    phases.bind += lap()
    (sourceNodes, optimizedNodes) = (source.nodes.count, current.nodes.count)
    planSteps = plan.steps.count
    return phases
  }
}

extension CompileBenchmark {
  /// The power of the number of nodes with which a time grew from one graph to a larger one: 1 is
  /// linear, 2 quadratic.
  public static func growth(
    from small: CompileBenchmark, to large: CompileBenchmark,
    _ time: (CompileBenchmark) -> Double
  ) -> Double? {
    let (a, b) = (Double(small.sourceNodes), Double(large.sourceNodes))
    let (s, t) = (time(small), time(large))
    guard a > 0, b > a, s > 0, t > 0 else { return nil }
    return Foundation.log(t / s) / Foundation.log(b / a)
  }
}
