import GraphIR
import Foundation
import GraphOps

/// How parameters move along their gradients, as part of the graph.
///
/// Moments and velocities that decay below the least normal number are 0: where no gradient comes
/// any more (a unit that died) they would stay subnormal and slow down every further step.
public enum Optimizer: Sendable, Hashable {
  /// Kingma & Ba 2014, algorithm 1, with bias correction: ε is added to the corrected √v, as in
  /// PyTorch.
  case adam(learningRate: Double, beta1: Double, beta2: Double, epsilon: Double)
  /// Stochastic gradient descent; with momentum μ the velocity is v ← μ·v + g (PyTorch's form).
  case sgd(learningRate: Double, momentum: Double)

  /// The defaults of both articles: 1e-3, 0.9, 0.999, 1e-8.
  public static func adam(learningRate: Double = 1e-3) -> Optimizer {
    .adam(learningRate: learningRate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8)
  }

  public static func sgd(learningRate: Double = 1e-2) -> Optimizer {
    .sgd(learningRate: learningRate, momentum: 0)
  }

  /// What the names of its state begin with.
  var prefix: String {
    switch self {
    case .adam: "adam."
    case .sgd: "sgd."
    }
  }

  /// Whether a name belongs to its state.
  func keeps(name: String) -> Bool { name.hasPrefix(prefix) }

  /// Appends state and updates for each parameter. State is named `adam.m.<parameter>` and so on.
  func appendUpdates(_ pairs: [(parameter: Value, gradient: Value)], to builder: GraphBuilder) {
    builder.with(scope: ["optimizer"], role: .update) {
      switch self {
      case .adam(let rate, let beta1, let beta2, let epsilon):
        let t = builder.state("adam.t", ValueType(.i64), .zeros)
        let next = t + builder.constant(.int(1), .i64)
        builder.update(t, to: next.named("adam.t.next"))
        // Bias corrections in f64: 1 − βᵗ = −expm1(t·ln β) keeps its digits for small t.
        let count = cast(next, to: .f64)
        func correction(_ beta: Double) -> Value { -expm1(count * Foundation.log(beta)) }
        for (parameter, gradient) in pairs {
          let dtype = parameter.dtype
          let name = parameter.name ?? ""
          let m = builder.state("adam.m.\(name)", parameter.type, .zeros)
          let v = builder.state("adam.v.\(name)", parameter.type, .zeros)
          let newM = flushSubnormals(beta1 * m + (1 - beta1) * gradient)
          let newV = flushSubnormals(beta2 * v + (1 - beta2) * square(gradient))
          let step = cast(rate / correction(beta1), to: dtype)
          let scale = cast(rsqrt(correction(beta2)), to: dtype)
          builder.update(m, to: newM)
          builder.update(v, to: newV)
          builder.update(parameter, to: parameter - step * newM / (sqrt(newV) * scale + epsilon))
        }
      case .sgd(let rate, let momentum):
        for (parameter, gradient) in pairs {
          guard momentum != 0 else {
            builder.update(parameter, to: parameter - rate * gradient)
            continue
          }
          let v = builder.state("sgd.v.\(parameter.name ?? "")", parameter.type, .zeros)
          let newV = flushSubnormals(momentum * v + gradient)
          builder.update(v, to: newV)
          builder.update(parameter, to: parameter - rate * newV)
        }
      }
    }
  }
}
