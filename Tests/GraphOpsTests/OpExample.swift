import GraphIR
import GraphOps

/// What the walk over the registry needs to know of an op: one typical use, and where its kernels
/// are compared with the reference. Everything else about an op is asked of its definition.
struct OpExample: Sendable {
  /// The use in the golden file and in the gradient test, with symbolic dims where it can.
  var typical: OpCase
  /// Concrete uses, at odd sizes and with broadcasting.
  var cases: [OpCase]
  var tolerance: Tolerance
  /// Whether results depend on single elements, so that NaN, ±∞, −0 and denormals are tried.
  var isElementwise: Bool

  init(
    _ typical: OpCase, cases: [OpCase], _ tolerance: Tolerance = .exact, isElementwise: Bool = false
  ) {
    self.typical = typical
    self.cases = cases
    self.tolerance = tolerance
    self.isElementwise = isElementwise
  }

  static func of(_ op: OpDefinition) -> OpExample? { table[op.name] }

  /// Sizes round the widths of vectors, and none and one.
  static let sizes = [0, 1, 7, 8, 9, 33]
}

private let floats: [DType] = [.f32, .f64]
private let numbers: [DType] = [.f32, .f64, .i32, .i64]
private let all: [DType] = DType.allCases

// MARK: Families

private func unary(
  _ dtypes: [DType], _ domain: Domain = .any, _ tolerance: Tolerance = .exact
) -> OpExample {
  let shapes = OpExample.sizes.flatMap { [[$0], [3, $0]] } + [[], [3, 0, 2], [2, 1, 3, 1, 2]]
  return OpExample(
    OpCase([ValueType(dtypes[0], [N, D])], .none, [domain]),
    cases: dtypes.flatMap { dtype in
      shapes.map { OpCase([ValueType(dtype, sizes: $0)], .none, [domain]) }
    }, tolerance, isElementwise: true)
}

/// Shapes that broadcast in every way the kernels tell apart.
private let pairs: [([Int], [Int])] =
  OpExample.sizes.flatMap { n in
    [([n], [n]), ([3, n], [n]), ([n], [3, n]), ([], [n]), ([n], []), ([2, 1, n], [4, 1])]
  } + [
    ([7, 1], [1, 9]), ([1, 8], [7, 1]), ([2, 7, 3], [7, 1]), ([], []), ([1], [1, 1]),
    ([0, 1], [3]),
  ]

private func binary(
  _ dtypes: [DType], _ domains: [Domain] = [.any], _ tolerance: Tolerance = .exact
) -> OpExample {
  OpExample(
    OpCase([ValueType(dtypes[0], [N, D]), ValueType(dtypes[0], [D])], .none, domains),
    cases: dtypes.flatMap { dtype in
      pairs.map {
        OpCase([ValueType(dtype, sizes: $0), ValueType(dtype, sizes: $1)], .none, domains)
      }
    }, tolerance, isElementwise: true)
}

/// As `binary`, of an op without a kernel, whose parts treat infinities as they come.
private func pair(_ dtypes: [DType], _ domains: [Domain], _ tolerance: Tolerance) -> OpExample {
  var example = binary(dtypes, domains, tolerance)
  example.isElementwise = false
  return example
}

private func reduction(_ dtypes: [DType], _ tolerance: Tolerance = .exact) -> OpExample {
  var shapes: [([Int], [Int], Bool)] = OpExample.sizes.flatMap { n in
    [
      ([n], [], false), ([n, 3], [0], false), ([3, n], [-1], true), ([2, n, 3], [1], false),
      ([2, 3, n], [0, 2], true), ([n, 2, 3], [1, 0], false),
    ]
  }
  shapes += [
    ([], [], false), ([], [], true), ([1, 3, 1], [0, 2], false), ([9, 300], [0], false),
  ]
  return OpExample(
    OpCase([.f32(N, D, 4)], ["axes": .ints([0, -1]), "keepdims": .bool(true)], [.distinct]),
    cases: dtypes.flatMap { dtype in
      shapes.map { shape, axes, keepdims in
        OpCase(
          [ValueType(dtype, sizes: shape)], ["axes": .ints(axes), "keepdims": .bool(keepdims)])
      }
    }, tolerance)
}

private func barrier() -> OpExample {
  var example = unary(all)
  example.isElementwise = true
  return example
}

// MARK: Ops with shapes of their own

private let cast = OpExample(
  OpCase([.f32(N, D)], ["to": .dtype(.f64)]),
  cases: all.flatMap { from in
    all.flatMap { to in
      (OpExample.sizes.map { [$0] } + [[], [3, 7]]).map {
        OpCase([ValueType(from, sizes: $0)], ["to": .dtype(to)])
      }
    }
  }, isElementwise: true)

private let select = OpExample(
  OpCase([.bool(N, 1), .f32(N, D), .f32(D)]),
  cases: all.flatMap { dtype in
    OpExample.sizes.flatMap { n -> [([Int], [Int], [Int])] in
      [
        ([n], [n], [n]), ([n], [], [n]), ([n], [n], []), ([n], [], []), ([], [n], [n]),
        ([3, 1], [n], [3, n]), ([2, n, 1], [3], []),
      ]
    }.map { c, a, b in
      OpCase([
        ValueType(.bool, sizes: c), ValueType(dtype, sizes: a), ValueType(dtype, sizes: b),
      ])
    }
  }, isElementwise: true)

private let logSoftmax = OpExample(
  OpCase([.f32(N, D)]),
  cases: floats.flatMap { dtype in
    OpExample.sizes.flatMap { n in
      [([n], 0), ([3, n], 1), ([n, 3], -2), ([2, n, 3], 1)].map { shape, axis in
        OpCase([ValueType(dtype, sizes: shape)], ["axis": .int(axis)])
      }
    }
  }, Tolerance(ulps: 3, f32: 3e-7, f64: 1e-15))

private let matmul = OpExample(
  OpCase([.f32(N, D), .f32(4, D)], ["transpose_b": .bool(true)]),
  cases: floats.flatMap { dtype in
    [false, true].flatMap { ta in
      [false, true].flatMap { tb -> [OpCase] in
        let extents = [
          (0, 3, 2), (1, 1, 1), (7, 8, 9), (9, 0, 7), (8, 33, 7), (3, 2, 0), (33, 9, 1),
        ]
        let batches: [([Int], [Int])] = [
          ([], []), ([2], []), ([2, 1], [3]), ([0], []), ([2], [2]),
        ]
        return extents.enumerated().flatMap { index, extent in
          (index == 2 ? batches : [batches[0]]).map { a, b in
            let (m, k, n) = extent
            return OpCase(
              [
                ValueType(dtype, sizes: a + (ta ? [k, m] : [m, k])),
                ValueType(dtype, sizes: b + (tb ? [n, k] : [k, n])),
              ], ["transpose_a": .bool(ta), "transpose_b": .bool(tb)])
          }
        }
      }
    }
  }, Tolerance(ulps: 2, f32: 3e-5, f64: 5e-14))

private let linear = OpExample(
  OpCase([.f32(N, D), .f32(4, D), .f32(4)]),
  cases: floats.flatMap { dtype in
    OpExample.sizes.flatMap { n -> [([Int], Int, Int)] in
      [([n, 3], 3, 4), ([3, n], n, 7), ([2, 7, 3], 3, n), ([n], n, 2)]
    }.map { x, inputs, outputs in
      OpCase([
        ValueType(dtype, sizes: x), ValueType(dtype, sizes: [outputs, inputs]),
        ValueType(dtype, sizes: [outputs]),
      ])
    }
  }, Tolerance(ulps: 2, f32: 3e-5, f64: 5e-14))

private let reshape = OpExample(
  OpCase([.f32(N, D)], ["shape": .dims([D, -1])]),
  cases: all.flatMap { dtype in
    OpExample.sizes.flatMap { n -> [([Int], [Int])] in
      [([n], [1, n]), ([n, 3], [n * 3]), ([2, n, 3], [3, n, 2]), ([4, 3], [2, -1])]
    }.map { OpCase([ValueType(dtype, sizes: $0)], ["shape": .dims($1.map { Dim($0) })]) }
  })

private let transpose = OpExample(
  OpCase([.f32(N, D, 4)], ["permutation": .ints([2, 0, 1])]),
  cases: all.flatMap { dtype in
    OpExample.sizes.flatMap { n -> [([Int], [Int])] in
      [
        ([n], []), ([n, 3], []), ([7, n], [1, 0]), ([2, n, 3], [2, 0, 1]), ([2, 3, n], [1, 0, 2]),
        ([2, n, 2, 3], [-1, 1, 0, 2]),
      ]
    }.map { OpCase([ValueType(dtype, sizes: $0)], ["permutation": .ints($1)]) }
      + [OpCase([ValueType(dtype)], ["permutation": .ints([])])]
  })

private let broadcastTo = OpExample(
  OpCase([.f32(D)], ["shape": .dims([N, D])]),
  cases: all.flatMap { dtype in
    OpExample.sizes.flatMap { n -> [([Int], [Int])] in
      [([n], [3, n]), ([], [n]), ([n, 1], [n, 7]), ([1, n, 1], [2, 3, n, 2]), ([n], [n])]
    }.map { OpCase([ValueType(dtype, sizes: $0)], ["shape": .dims($1.map { Dim($0) })]) }
  })

private let slice = OpExample(
  OpCase([.f32(D, N)], ["axis": .int(-1), "start": .dim(1), "stop": .dim(N)]),
  cases: all.flatMap { dtype in
    OpExample.sizes.flatMap { n -> [([Int], Int, Int, Int, Int)] in
      [
        ([n], 0, 0, n, 1), ([n, 3], 0, 0, n, 2), ([3, n], 1, n / 2, n, 1),
        ([2, n, 3], -2, n / 3, n, 3), ([n], 0, n, n, 5),
      ]
    }.map { shape, axis, start, stop, step in
      OpCase(
        [ValueType(dtype, sizes: shape)],
        [
          "axis": .int(axis), "start": .dim(Dim(start)), "stop": .dim(Dim(stop)),
          "step": .int(step),
        ])
    }
  })

private let pad = OpExample(
  OpCase([.f32(N, D)], ["axis": .int(1), "low": .dim(1), "high": .dim(N), "interior": .int(2)]),
  cases: numbers.flatMap { dtype in
    OpExample.sizes.flatMap { n -> [([Int], Int, Int, Int, Int)] in
      let plain = [([n], 0, 2, 1, 0), ([3, n], -1, 0, 0, 0), ([2, n, 3], 1, 1, 0, 0)]
      return n == 0 ? plain : plain + [([n], 0, 1, 2, 1), ([3, n, 2], 1, 0, 3, 4)]
    }.map { shape, axis, low, high, interior in
      OpCase(
        [ValueType(dtype, sizes: shape)],
        [
          "axis": .int(axis), "low": .dim(Dim(low)), "high": .dim(Dim(high)),
          "interior": .int(interior),
        ])
    }
  })

private let concat = OpExample(
  OpCase([.f32(N, D), .f32(4, D), .f32(N, D)]),
  cases: all.flatMap { dtype in
    OpExample.sizes.flatMap { n -> [([[Int]], Int)] in
      [
        ([[n]], 0), ([[n], [3]], 0), ([[2, n], [1, n], [0, n]], 0), ([[2, n, 2], [2, 7, 2]], -2),
        ([[3, 1], [3, n]], 1),
      ]
    }.map { shapes, axis in
      OpCase(shapes.map { ValueType(dtype, sizes: $0) }, ["axis": .int(axis)])
    }
  })

private let gather = OpExample(
  OpCase([.f32(N, D), .i64(4)], ["axis": .int(1)], [.any, .index(3)]),
  cases: all.flatMap { dtype in
    [DType.i32, .i64].flatMap { index in
      OpExample.sizes.flatMap { n -> [([Int], [Int], Int, Int)] in
        [
          ([5], [n], 0, 5), ([3, 7], [n], -1, 7), ([7, n], [3, 2], 0, 7), ([2, 3, 2], [n], 1, 3),
          ([4, 2], [], 0, 4),
        ]
      }.map { shape, positions, axis, extent in
        OpCase(
          [ValueType(dtype, sizes: shape), ValueType(index, sizes: positions)],
          ["axis": .int(axis)], [.any, .index(extent)])
      }
    }
  })

private let scatterAdd = OpExample(
  OpCase([.f32(N, 4), .i64(4)], ["axis": .int(1), "size": .dim(D)], [.any, .index(3)]),
  cases: floats.flatMap { dtype in
    [DType.i32, .i64].flatMap { index in
      OpExample.sizes.flatMap { n -> [([Int], [Int], Int, Int)] in
        [
          ([n], [n], 0, 5), ([3, n], [n], 1, 7), ([3, 2, n], [3, 2], 0, 4), ([2, n, 3], [n], 1, 3),
          ([n], [], 0, 2),
        ]
      }.map { shape, positions, axis, extent in
        OpCase(
          [ValueType(dtype, sizes: shape), ValueType(index, sizes: positions)],
          ["axis": .int(axis), "size": .dim(Dim(extent))], [.any, .index(extent)])
      }
    }
  }, Tolerance(ulps: 1, f32: 1e-5, f64: 1e-14))

private let oneHot = OpExample(
  OpCase([.i64(N)], ["depth": .dim(D), "dtype": .dtype(.f64)], [.index(3)]),
  cases: all.flatMap { dtype in
    [DType.i32, .i64].flatMap { index in
      OpExample.sizes.flatMap { n -> [([Int], Int)] in [([n], 3), ([2, n], 7), ([3], n), ([], n)] }
        .map { shape, depth in
          // Half of the positions lie outside and give rows of zeros.
          OpCase(
            [ValueType(index, sizes: shape)], ["depth": .dim(Dim(depth)), "dtype": .dtype(dtype)])
        }
    }
  })

private let normal = OpExample(
  OpCase([.f32(N, D), .f32(D), .f32(N, D)]),
  cases: floats.flatMap { dtype in
    NormalScale.allCases.flatMap { scale in
      ["pathwise", "stopped"].flatMap { estimator in
        OpExample.sizes.flatMap { n -> [([Int], [Int], [Int])] in
          [([n], [n], [n]), ([3, n], [n], [3, n]), ([n], [], [n])]
        }.map { mean, deviation, noise in
          OpCase(
            [mean, deviation, noise].map { ValueType(dtype, sizes: $0) },
            ["scale": .symbol(scale.rawValue), "estimator": .symbol(estimator)])
        }
      }
    }
  }, Tolerance(ulps: 4, f32: 2e-6, f64: 4e-15))

private let normalLogProb = OpExample(
  OpCase([.f32(N, D), .f32(D), .f32(N, D)]),
  cases: floats.flatMap { dtype in
    NormalScale.allCases.flatMap { scale in
      OpExample.sizes.flatMap { n -> [([Int], [Int], [Int])] in
        [([n], [n], [n]), ([3, n], [n], []), ([n], [], [3, n])]
      }.map { x, mean, deviation in
        OpCase(
          [x, mean, deviation].map { ValueType(dtype, sizes: $0) },
          ["scale": .symbol(scale.rawValue)], [.any, .any, scale.domain])
      }
    }
  }, Tolerance(ulps: 6, f32: 6e-5, f64: 1e-13))

extension NormalScale {
  /// Where a scale of this kind lies.
  fileprivate var domain: Domain { self == .standardDeviation ? .positive : .any }
}

private let klNormals = OpExample(
  OpCase([.f32(N, D), .f32(N, D), .f32(D), .f32()]),
  cases: floats.flatMap { dtype in
    OpExample.sizes.flatMap { n -> [[[Int]]] in
      [[[n], [n], [n], [n]], [[3, n], [n], [], []], [[n], [], [3, n], [n]]]
    }.map { shapes in OpCase(shapes.map { ValueType(dtype, sizes: $0) }) }
  }, Tolerance(ulps: 6, f32: 2e-5, f64: 4e-14))

/// Two distributions over categories, or a choice and one.
private let categories = OpExample(
  OpCase([.f32(N, D), .f32(D)]),
  cases: floats.flatMap { dtype in
    [1, 7, 8, 9, 33].flatMap { n -> [([Int], [Int])] in
      [([n], [n]), ([3, n], [n]), ([n], [0, n]), ([2, 1, n], [4, n])]
    }.map { OpCase([ValueType(dtype, sizes: $0), ValueType(dtype, sizes: $1)]) }
  }, Tolerance(ulps: 8, f32: 1e-5, f64: 2e-14))

/// Draws of 0s and 1s, and their smooth neighbours.
private func discrete(_ sizes: [Int]) -> OpExample {
  OpExample(
    OpCase([.f32(N, D), .f32(N, D)], .none, [.any, .unit]),
    cases: floats.flatMap { dtype in
      Estimator.discrete.filter { $0.score != .leaveOneOut }.flatMap { estimator in
        sizes.flatMap { [[$0], [3, $0]] }.map { shape in
          OpCase(
            [ValueType(dtype, sizes: shape), ValueType(dtype, sizes: shape)],
            ["estimator": .symbol(estimator.name), "temperature": .scalar(.float(0.7))],
            [.any, .unit])
        }
      }
    }, Tolerance(ulps: 8, f32: 2e-5, f64: 4e-14))
}

extension OpExample {
  /// By op name. An op without an entry here fails the walk.
  static let table: [String: OpExample] = [
    "add": binary(numbers), "sub": binary(numbers), "mul": binary(numbers),
    "div": binary(numbers, [.any, .offZero]), "neg": unary(numbers),
    "maximum": binary(numbers), "minimum": binary(numbers),
    "pow": binary(floats, [.positive, .any], Tolerance(ulps: 2)),

    "abs": unary(numbers, .offZero), "sign": unary(numbers, .offZero),
    "heaviside": unary(floats, .offZero),
    "flush_subnormals": unary(floats),
    "exp": unary(floats, .any, Tolerance(ulps: 2)),
    "expm1": unary(floats, .any, Tolerance(ulps: 2)),
    "log": unary(floats, .positive, Tolerance(ulps: 2)),
    "log1p": unary(floats, .positive, Tolerance(ulps: 2)),
    "sqrt": unary(floats, .positive), "rsqrt": unary(floats, .positive, Tolerance(ulps: 2)),
    "square": unary(numbers), "reciprocal": unary(floats, .offZero),
    "sin": unary(floats, .any, Tolerance(ulps: 2)), "cos": unary(floats, .any, Tolerance(ulps: 2)),
    "tanh": unary(floats, .any, Tolerance(ulps: 3)),
    "sigmoid": unary(floats, .any, Tolerance(ulps: 3)), "relu": unary(numbers, .offZero),
    "softplus": unary(floats, .any, Tolerance(ulps: 3)),
    "erf": unary(floats, .any, Tolerance(ulps: 2)),

    "equal": binary(all), "not_equal": binary(all), "less": binary(numbers),
    "less_equal": binary(numbers), "greater": binary(numbers), "greater_equal": binary(numbers),
    "logical_and": binary([.bool]), "logical_or": binary([.bool]), "logical_xor": binary([.bool]),
    "logical_not": unary([.bool]), "select": select,

    "sum": reduction(numbers, Tolerance(ulps: 1, f32: 1e-7, f64: 1e-13)),
    "mean": reduction(floats, Tolerance(ulps: 1, f32: 1e-7, f64: 1e-14)),
    "max": reduction(numbers), "min": reduction(numbers), "argmax": reduction(numbers),
    "logsumexp": reduction(floats, Tolerance(ulps: 3, f32: 5e-7, f64: 2e-15)),
    "log_softmax": logSoftmax,

    "matmul": matmul, "linear": linear,

    "reshape": reshape, "transpose": transpose, "broadcast_to": broadcastTo, "slice": slice,
    "pad": pad, "concat": concat, "gather": gather, "scatter_add": scatterAdd, "one_hot": oneHot,
    "cast": cast,

    "stop_gradient": barrier(), "contribution": barrier(),

    "normal": normal,
    "bernoulli": discrete(sizes), "categorical": discrete([1, 7, 8, 9, 33]),
    "normal_log_prob": normalLogProb, "categorical_log_prob": categories,
    "kl_normals": klNormals, "kl_categorical": categories,
    "kl_bernoulli": pair(floats, [.any], Tolerance(ulps: 8, f32: 2e-6, f64: 4e-15)),
    "kl_normal": binary(floats, [.any], Tolerance(ulps: 3, f32: 3e-7, f64: 6e-16)),
    "bernoulli_nll": binary(floats, [.unit, .any], Tolerance(ulps: 3, f32: 5e-7, f64: 1e-15)),
  ]
}
