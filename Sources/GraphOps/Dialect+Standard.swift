public import GraphIR

extension Dialect {
  /// Every op and layer of Ayatori. A new op stands in its own file and has one line here.
  public static let standard = Dialect(
    ops: [
      // Arithmetic
      .add, .sub, .mul, .div, .neg, .maximum, .minimum, .pow,
      // Elementwise functions
      .abs, .sign, .heaviside, .flushSubnormals, .exp, .expm1, .log, .log1p, .sqrt, .rsqrt, .square,
      .reciprocal, .sin, .cos,
      .tanh, .sigmoid, .relu, .softplus, .erf,
      // Comparisons, logic, choice
      .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual, .logicalAnd, .logicalOr,
      .logicalXor, .logicalNot, .select,
      // Reductions
      .sum, .mean, .max, .min, .argmax, .logsumexp, .logSoftmax,
      // Linear algebra
      .matmul, .linear,
      // Movement and conversion
      .reshape, .transpose, .broadcastTo, .slice, .pad, .concat, .gather, .scatterAdd, .oneHot,
      .cast,
      // Barriers
      .stopGradient, .contribution,
      // Distributions and losses
      .normal, .bernoulli, .categorical, .normalLogProb, .categoricalLogProb, .bernoulliNLL,
      .klNormal, .klNormals, .klBernoulli, .klCategorical,
    ],
    layers: [.linear],
    infix: [
      "+": .add, "-": .sub, "*": .mul, "/": .div, "**": .pow, "==": .equal, "!=": .notEqual,
      "<": .less, "<=": .lessEqual, ">": .greater, ">=": .greaterEqual,
    ],
    negation: .neg)
}
