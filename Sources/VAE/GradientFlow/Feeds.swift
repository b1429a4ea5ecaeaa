public import Ayatori
import GraphIR
import Runtime

/// Feeds for one evaluation of a graph: arrays by leaf name.
public struct Feeds: Sendable {
  /// Inputs, and noise that is not to be drawn.
  public var inputs: [String: NDArray]
  /// Parameters; those that are missing come from their initialisers.
  public var parameters: [String: NDArray]
  public var sizes: [String: Int]
  public var seed: UInt64
  public var step: UInt64

  public init(
    inputs: [String: NDArray] = [:], parameters: [String: NDArray] = [:],
    sizes: [String: Int] = [:], seed: UInt64 = 0, step: UInt64 = 0
  ) {
    self.inputs = inputs
    self.parameters = parameters
    self.sizes = sizes
    self.seed = seed
    self.step = step
  }

  /// The feeds in the dtypes that the graph's leaves of those names have.
  func fitting(_ graph: Graph) -> Feeds {
    func fitted(_ arrays: [String: NDArray]) -> [String: NDArray] {
      Dictionary(
        uniqueKeysWithValues: arrays.map { name, array in
          guard let type = graph.node(named: name)?.type, type.dtype.isFloating,
            array.dtype.isFloating, type.dtype != array.dtype
          else { return (name, array) }
          return (name, array.converted(to: type.dtype))
        })
    }
    var fitting = self
    fitting.inputs = fitted(inputs)
    fitting.parameters = fitted(parameters)
    return fitting
  }
}

extension CompiledGraph {
  /// Binds to what is fed. Throws diagnostics.
  func bind(_ feeds: Feeds, of graph: Graph) throws(Diagnostic) -> BoundProgram {
    let fitting = feeds.fitting(graph)
    return try bind(
      inputs: fitting.inputs, parameters: fitting.parameters, sizes: fitting.sizes,
      seed: fitting.seed)
  }
}
